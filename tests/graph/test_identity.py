"""Equal blocks have one identity, whatever their weights, names and order in the file, and what changes their work changes it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.blocks import parse_any_key
from collab.errors import NetworkError
from collab.tensors.opaque import MAX_TENSORS
from graph.cuts import Block, Cutter
from graph.format.flatbuffer import Record
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.identity import identity_of, label_of
from graph.network import Network
from graph.opaque import opaque_of
from graph.reading import network_of
from graph.slicing import slice_bytes
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import CONV, HALVE, records, residual

WHOLE = 1e9
"""A grain that leaves every network one block."""


def network(model: Record) -> Network:
    return network_of(Source("a", memoryview(model_bytes(model, NO_SOURCE))))


def identities(model: Record, *, grain_us: float = WHOLE) -> list[str]:
    read = network(model)
    return [identity_of(read, block) for block in Cutter(read, grain_us=grain_us).blocks()]


def shuffled(model: Record, generator: random.Random) -> Record:
    """The same network with its tensors and operators in another order that can run, under other names, with other weights."""
    (graph,) = model.records("subgraphs")
    tensors, operators = list(graph.records("tensors")), list(graph.records("operators"))
    order = generator.sample(range(len(tensors)), len(tensors))
    place = {old: new for new, old in enumerate(order)}

    def there(tensors: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.array([place.get(int(tensor), -1) for tensor in tensors], np.int32)

    moved = [operator.replaced(inputs=there(operator["inputs"]), outputs=there(operator["outputs"])) for operator in operators]
    computed = {int(tensor) for operator in moved for tensor in operator["outputs"]}
    sorted_operators: list[Record] = []
    while moved:
        ready = [operator for operator in moved if not computed & {int(tensor) for tensor in operator["inputs"]}]
        chosen = generator.choice(ready)
        moved.remove(chosen)
        computed -= {int(tensor) for tensor in chosen["outputs"]}
        sorted_operators.append(chosen)
    buffers = model.records("buffers")
    floats = {tensor["buffer"] for tensor in tensors if tensor["type"] in (0, 1)}
    weights = [
        buffer.replaced(data=bytes(len(buffer["data"]))) if buffer["data"] is not None and at in floats else buffer
        for at, buffer in enumerate(buffers)
    ]
    changed = graph.replaced(
        tensors=tuple(tensors[old].replaced(name=f"other{old}") for old in order),
        operators=tuple(sorted_operators),
        inputs=there(graph["inputs"]),
        outputs=there(graph["outputs"]),
    )
    return model.replaced(subgraphs=(changed,), buffers=tuple(weights), description="another")


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_order_names_and_weights_do_not_count(seed: int) -> None:
    model = random_network(seed)
    assert identities(shuffled(model, random.Random(seed))) == identities(model)


@pytest.mark.parametrize("name", records())
def test_slices_have_the_identity_of_their_block(name: str) -> None:
    read = network(records()[name])
    for block in Cutter(read, grain_us=0).blocks():
        alone = network_of(Source("slice", memoryview(slice_bytes(read, block))))
        (whole,) = Cutter(alone, grain_us=WHOLE).blocks()
        assert identity_of(alone, whole) == identity_of(read, block)


def test_equal_stretches_of_two_networks_share_an_identity() -> None:
    sample, other = Sample(1), Sample(2)
    x = sample.conv(sample.conv(sample.conv(sample.input((1, 8, 8, 4)), 8), 8), 8)
    y = other.conv(other.conv(other.input((1, 8, 8, 16)), 8), 8)
    first, second = identities(sample.record(x), grain_us=0), identities(other.record(y), grain_us=0)
    assert first[1] == first[2] == second[1]
    assert first[0] != second[0]


def conv(*, batch: int = 1, stride: int = 1, valid: bool = False, activation: int = 0) -> Record:
    """A convolution of 3 x 3."""
    sample = Sample()
    side = 6 if valid else 8 // stride
    options = {"strideW": stride, "strideH": stride, "padding": int(valid), "fusedActivationFunction": activation}
    inputs = [sample.input((batch, 8, 8, 4)), sample.weights(4, 3, 3, 4), sample.weights(4)]
    return sample.record(sample.op("CONV_2D", inputs, (batch, side, side, 4), table="Conv2DOptions", options=options))


def quantised(*, scales: int, zero: int = 0, same: bool = False) -> Record:
    sample = Sample()
    x = sample.input((1, 8, 8, 4), "INT8", scale=0.1, zero=zero)
    weight = sample.constant(np.ones((4, 3, 3, 4), np.int8), scale=[0.01] * scales)
    bias = sample.constant(np.ones(4, np.int32), scale=[0.001] * scales)
    y = sample.op(
        "CONV_2D", [x, weight, bias], (1, 8, 8, 4), table="Conv2DOptions", options=CONV, dtype="INT8", scale=0.1 if same else 0.2, zero=zero
    )
    return sample.record(y)


def sums(shared: bool) -> Record:
    sample = Sample()
    x, y = sample.input((1, 4)), sample.input((1, 4))
    z = sample.add(x, x if shared else y)
    return sample.record(sample.add(z, y))


def reshaped(*shape: int) -> Record:
    sample = Sample()
    x = sample.op("RESHAPE", [sample.input((1, 24)), sample.ints(*shape)], shape, table="ReshapeOptions")
    return sample.record(sample.op("TRANSPOSE", [x, sample.ints(0, 2, 1)], (shape[0], shape[2], shape[1])))


def padded(before: int) -> Record:
    sample = Sample()
    amounts = sample.constant(np.array([[0, 0], [before, 2 - before]], np.int32))
    return sample.record(sample.op("PAD", [sample.input((1, 4)), amounts], (1, 6)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (conv, lambda: conv(stride=2)),
        (conv, lambda: conv(activation=1)),
        (conv, lambda: conv(valid=True)),
        (conv, lambda: conv(batch=2)),
        (lambda: quantised(scales=1), lambda: quantised(scales=4)),
        (lambda: quantised(scales=1), lambda: quantised(scales=1, zero=5)),
        (lambda: quantised(scales=1), lambda: quantised(scales=1, same=True)),
        (lambda: sums(shared=True), lambda: sums(shared=False)),
        (lambda: reshaped(2, 3, 4), lambda: reshaped(2, 4, 3)),
        (lambda: padded(0), lambda: padded(1)),
    ],
)
def test_what_changes_the_work_changes_the_identity(one: Callable[[], Record], other: Callable[[], Record]) -> None:
    assert identities(one()) != identities(other())
    assert identities(one()) == identities(one())


def test_defaults_that_a_file_leaves_out_are_options() -> None:
    """No table of options, and a table of nothing but defaults, are the same."""
    found = []
    for table in (None, "AddOptions"):
        sample = Sample()
        found.append(identities(sample.record(sample.op("ADD", [sample.input((1, 4)), sample.input((1, 4))], (1, 4), table=table))))
    assert found[0] == found[1]


def test_zeros_that_are_left_out_count() -> None:
    """As many values are kept as there is work."""
    packed = records()["packed"]
    assert len(set(identities(packed, grain_us=0))) == 2


def test_labels_are_readable() -> None:
    sample = Sample()
    x = sample.conv(sample.input((1, 8, 8, 4)), 6)
    y = sample.op("MAX_POOL_2D", [x], (1, 4, 4, 6), table="Pool2DOptions", options=HALVE)
    read = sample.network(x, y)
    (block,) = Cutter(read, grain_us=WHOLE).blocks()
    assert label_of(read, block) == "conv2d..max_pool2d 4x4x6 and 1 more"
    read = network(conv())
    assert label_of(read, Cutter(read).blocks()[0]) == "conv2d 8x8x4"
    sample = Sample()
    read = sample.network(sample.conv(sample.conv(sample.input((1, 8, 8, 4)), 4), 4))
    assert label_of(read, Cutter(read).blocks()[0]) == "2*conv2d 8x8x4"


def whole(read: Network) -> Block:
    [block] = Cutter(read, grain_us=WHOLE).blocks()
    return block


def test_a_block_says_its_work_and_its_bytes() -> None:
    read = network(residual())
    block = whole(read)
    found = opaque_of(read, block)
    assert [found.identity] == identities(residual())
    assert (found.inputs, found.in_bytes, found.outputs, found.out_bytes) == (1, 4 * 256, 1, 4 * 5)
    assert found.macs == block.work.macs > 0
    assert found.weight_bytes == sum(tensor.constant.size_bytes for tensor in read.tensors if tensor.constant is not None)
    # While the second convolution runs, what goes around it is there as well.
    assert found.working_bytes == 3 * 4 * 256
    assert parse_any_key(found.key) == found


@pytest.mark.parametrize("seed", range(40))
def test_the_bytes_at_hand_are_those_of_a_list_of_all_that_lives(seed: int) -> None:
    read = network(random_network(seed))
    for grain_us in (0.0, WHOLE):
        for block in Cutter(read, grain_us=grain_us).blocks():
            found = opaque_of(read, block)
            assert found.working_bytes == max(there_at(read, block, at) for at in range(len(block.operators)))
            assert found.working_bytes >= max(read.tensors[tensor].size_bytes for tensor in (*block.inputs, *block.outputs))
            assert parse_any_key(found.key) == found


def there_at(read: Network, block: Block, at: int) -> int:
    """Bytes of all that is given or computed up to an operator, and read from it on or given away."""
    operators = [read.operators[index] for index in block.operators]
    made = {*block.inputs, *(tensor for operator in operators[: at + 1] for tensor in operator.outputs)}
    needed = {tensor for operator in operators[at:] for tensor in (*operator.inputs, *operator.outputs)} | set(block.outputs)
    first = set(block.inputs) if at == 0 else set()
    return sum(read.tensors[tensor].size_bytes for tensor in made & (needed | first))


def test_a_block_of_more_inputs_than_a_key_can_say_is_refused() -> None:
    sample = Sample()
    inputs = [sample.input((1, 2)) for _ in range(MAX_TENSORS + 1)]
    joined = sample.op("CONCATENATION", inputs, (1, 2 * len(inputs)), table="ConcatenationOptions", options={"axis": 1})
    read = network(sample.record(joined))
    with pytest.raises(NetworkError, match=r"256 inputs.*give a smaller network"):
        opaque_of(read, whole(read))
