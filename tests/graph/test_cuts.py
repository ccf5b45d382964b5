"""Blocks: every operator in one, in an order that runs, and where a network should be cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.errors import NetworkError
from graph.cuts import Block, Cutter
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.network import Network
from graph.reading import network_of
from graph.work import work_of
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, TYPES, Sample
from tests.graph.samples import records


def random_one(seed: int) -> Network:
    return network_of(Source("random", memoryview(model_bytes(random_network(seed), NO_SOURCE))))


def names(network: Network, block: Block) -> list[str]:
    return [network.operators[index].name for index in block.operators]


def time_of(network: Network, block: Block) -> float:
    return sum(work_of(network, network.operators[index]).nominal_us for index in block.operators)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), grain_us=st.sampled_from([0.0, 0.1, 0.3, 1.0, 5.0]))
def test_blocks_are_a_network_again(seed: int, grain_us: float) -> None:
    network = random_one(seed)
    cutter = Cutter(network, grain_us=grain_us)
    blocks = cutter.blocks()
    assert sorted(index for block in blocks for index in block.operators) == list(cutter.working)
    there = set(network.inputs)
    for block in blocks:
        assert set(block.inputs) <= there, "all that a block takes was given or computed before"
        assert list(block.operators) == sorted(block.operators)
        assert not there & set(block.outputs)
        there |= set(block.outputs)
    assert {tensor for tensor in network.outputs if tensor in network.producers} <= there
    wanted = {tensor for block in blocks for tensor in block.inputs} | set(network.outputs)
    assert {tensor for block in blocks for tensor in block.outputs} <= wanted, "nothing is given that nobody takes"
    everything = sum(time_of(network, block) for block in blocks)
    assert len(blocks) == 1 or everything >= 2 * grain_us


def chain(sample: Sample, x: int, count: int, channels: int = 16) -> int:
    for _ in range(count):
        x = sample.conv(x, channels)
    return x


def test_arms_of_a_fork_are_blocks_of_their_own() -> None:
    """Two arms whose operators stand mixed in the file, and a join that opens what follows."""
    sample = Sample()
    x = sample.conv(sample.input((1, 16, 16, 16)), 16)
    left, right = sample.conv(x, 16), sample.conv(x, 16, kernel=1)
    left, right = sample.conv(left, 16), sample.conv(right, 16)
    joined = sample.op("CONCATENATION", [left, right], (1, 16, 16, 32), table="ConcatenationOptions", options={"axis": 3})
    network = sample.network(sample.conv(joined, 16))
    blocks = Cutter(network, grain_us=30).blocks()
    assert [block.operators for block in blocks] == [(0,), (1, 3), (2, 4), (5, 6)]
    assert blocks[1].inputs == blocks[2].inputs == (x,)


def test_a_way_around_is_no_arm() -> None:
    sample = Sample()
    x = sample.input((1, 16, 16, 16))
    for _ in range(3):
        x = sample.add(chain(sample, x, 2), x)
    network = sample.network(x)
    blocks = Cutter(network, grain_us=50).blocks()
    assert [names(network, block) for block in blocks] == [["CONV_2D", "CONV_2D", "ADD"]] * 3
    assert all(len(block.inputs) == len(block.outputs) == 1 for block in blocks)


def test_heads_are_blocks_of_their_own() -> None:
    """What stands mixed in the file, and ends in two outputs."""
    sample = Sample()
    x = chain(sample, sample.input((1, 16, 16, 16)), 1)
    heads = [x, x]
    for _ in range(3):
        heads = [sample.conv(head, 16) for head in heads]
    network = sample.network(*heads)
    blocks = Cutter(network, grain_us=60).blocks()
    assert [block.operators for block in blocks[-2:]] == [(1, 3, 5), (2, 4, 6)]


def test_what_is_computed_along_is_not_cut_off() -> None:
    sample = Sample()
    x = sample.input((1, 16, 16, 16))
    for _ in range(4):
        x = sample.op("TANH", [sample.conv(x, 16)], (1, 16, 16, 16))
    network = sample.network(x)
    assert [names(network, block) for block in Cutter(network, grain_us=0).blocks()] == [["CONV_2D", "TANH"]] * 4


def test_cuts_are_where_few_bytes_cross() -> None:
    """A network with a narrow place is cut there, not in the middle."""
    sample = Sample()
    x = chain(sample, sample.input((1, 16, 16, 16)), 2)
    narrow = sample.conv(x, 2)
    network = sample.network(chain(sample, narrow, 3))
    blocks = Cutter(network, grain_us=60).blocks()
    assert blocks[0].outputs == (narrow,)


def widths(blocks: Sequence[Block]) -> list[int]:
    return [len(block.operators) for block in blocks]


def test_the_grain_decides_how_finely() -> None:
    sample = Sample()
    network = sample.network(chain(sample, sample.input((1, 16, 16, 16)), 12))
    assert widths(Cutter(network, grain_us=1e6).blocks()) == [12]
    assert widths(Cutter(network, grain_us=0).blocks()) == [1] * 12
    for grain_us in (50.0, 100.0):
        blocks = Cutter(network, grain_us=grain_us).blocks()
        assert len(blocks) > 1
        assert all(time_of(network, block) >= grain_us for block in blocks)


def test_what_unpacks_weights_goes_with_every_reader() -> None:
    sample = Sample()
    half = sample.constant(sample.random.standard_normal((16, 3, 3, 16)).astype("float16"))
    weight = sample.op("DEQUANTIZE", [half], (16, 3, 3, 16), version=3)
    x = sample.input((1, 16, 16, 16))
    for _ in range(2):
        x = sample.op(
            "CONV_2D", [x, weight, sample.weights(16)], (1, 16, 16, 16), table="Conv2DOptions", options={"strideW": 1, "strideH": 1}
        )
    blocks = Cutter(sample.network(x), grain_us=10).blocks()
    assert [(block.unpacking, block.operators) for block in blocks] == [((0,), (1,)), ((0,), (2,))]


def test_dead_operators_are_left_out() -> None:
    sample = Sample()
    x = sample.conv(sample.input((1, 6, 6, 4)), 4)
    out = sample.conv(x, 4)
    sample.conv(x, 4)
    sample.conv(out, 4)
    blocks = Cutter(sample.network(out), grain_us=0).blocks()
    assert [(block.operators, block.outputs) for block in blocks] == [((0,), (x,)), ((1,), (out,))]


def test_what_computes_nothing_is_refused() -> None:
    sample = Sample()
    x = sample.input((1, 2))
    sample.op("RELU", [x], (1, 2))
    half = sample.constant(sample.random.standard_normal((2, 2)).astype("float16"))
    with pytest.raises(NetworkError, match="computes nothing from its inputs"):
        Cutter(sample.network(sample.op("DEQUANTIZE", [half], (2, 2)))).blocks()


def test_a_deep_network_is_cut_too() -> None:
    """Thousands of operators, with ways around that leave no single tensor: no recursion, and no hour."""
    sample = Sample()
    x = sample.input((1, 4, 4, 4))
    y = x
    for _ in range(1500):
        x, y = sample.add(x, y), x
    assert len(Cutter(sample.network(x), grain_us=0.0).blocks()) > 100


def test_samples_are_cut() -> None:
    for name, model in records().items():
        network = network_of(Source(name, memoryview(model_bytes(model, NO_SOURCE))))
        assert Cutter(network, grain_us=0).blocks()


def test_what_no_model_can_give_stays_with_all_that_read_it() -> None:
    g = Sample()
    x = g.conv(g.input((1, 8, 8, 4)), 4)
    shape = g.op("SHAPE", [x], (4,), table="ShapeOptions", options={"outType": TYPES["INT32"]}, dtype="INT32")
    y = g.op("MUL", [g.conv(x, 4), g.op("CAST", [shape], (4,))], (1, 8, 8, 4), table="MulOptions")
    last = g.op("SUB", [g.conv(y, 4), g.op("CAST", [shape], (4,))], (1, 8, 8, 4), table="SubOptions")
    network = g.network(last, g.conv(chain(g, x, 2, 4), 8))
    for grain_us in (0.0, 0.1, 1.0):
        blocks = Cutter(network, grain_us=grain_us).blocks()
        assert all(shape not in (*block.inputs, *block.outputs) for block in blocks)
    assert len(Cutter(network, grain_us=0.0).blocks()) > 1
