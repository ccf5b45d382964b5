"""Opaque blocks of networks: their keys say what the blocks hold, and parse back."""

from __future__ import annotations

import pytest

from collab.blocks import parse_any_key
from collab.errors import NetworkError
from collab.tensors.opaque import MAX_TENSORS
from graph.cuts import Block, Cutter
from graph.network import Network
from graph.opaque import opaque_of
from tests.graph.random_networks import random_network
from tests.graph.sample import Sample
from tests.graph.samples import residual
from tests.graph.test_identity import WHOLE, identities, network


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
