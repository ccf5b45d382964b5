"""Blocks of a network as opaque blocks: what tables, plans and jobs say of them."""

from __future__ import annotations

from collab.errors import NetworkError
from collab.tensors.opaque import MAX_MACS, MAX_OPAQUE_BYTES, MAX_TENSORS, Opaque
from graph.cuts import Block
from graph.identity import identity_of
from graph.network import Network


def opaque_of(network: Network, block: Block) -> Opaque:
    """Returns what is known of a block without its network.

    Raises:
        NetworkError: it has more inputs, outputs, work or bytes than a key can say.
    """
    found = Opaque(
        identity=identity_of(network, block),
        macs=block.work.macs,
        weight_bytes=_weight_bytes(network, block),
        working_bytes=_working_bytes(network, block),
        inputs=len(block.inputs),
        in_bytes=_bytes(network, block.inputs),
        outputs=len(block.outputs),
        out_bytes=_bytes(network, block.outputs),
    )
    sizes = (found.weight_bytes, found.working_bytes, found.in_bytes, found.out_bytes)
    if found.macs > MAX_MACS or max(found.inputs, found.outputs) > MAX_TENSORS or max(sizes) > MAX_OPAQUE_BYTES:
        raise NetworkError(
            f"{network.source.origin} cannot be measured: a block of it has {found.inputs} inputs, {found.outputs} outputs, {found.macs}"
            f" multiply-accumulates and up to {max(sizes)} bytes, and there may be {MAX_TENSORS}, {MAX_TENSORS}, {MAX_MACS} and"
            f" {MAX_OPAQUE_BYTES} at most; cut it otherwise, or give a smaller network"
        )
    return found


def _bytes(network: Network, tensors: tuple[int, ...]) -> int:
    return sum(network.tensors[tensor].size_bytes for tensor in tensors)


def _weight_bytes(network: Network, block: Block) -> int:
    """Returns the bytes of all constants that its operators read, those that are unpacked as they are packed; each counts once."""
    read = {tensor for index in (*block.unpacking, *block.operators) for tensor in network.operators[index].inputs if tensor != -1}
    spans = {network.tensors[tensor].constant for tensor in read}
    return sum(span.size_bytes for span in spans if span is not None)


def _working_bytes(network: Network, block: Block) -> int:
    """Returns the bytes of features that are at hand at most while one of its operators runs.

    Inputs are there until they are read for the last time, outputs stay; what is unpacked from constants belongs to the weights.
    """
    made = dict.fromkeys(block.inputs, 0)
    last = dict.fromkeys(block.inputs, 0)
    for at, index in enumerate(block.operators):
        for tensor in network.operators[index].inputs:
            if tensor in made:
                last[tensor] = at
        for tensor in network.operators[index].outputs:
            made[tensor] = last[tensor] = at
    for tensor in block.outputs:
        if tensor in made:
            last[tensor] = len(block.operators) - 1
    changes = [0] * (len(block.operators) + 1)
    for tensor, begin in made.items():
        changes[begin] += network.tensors[tensor].size_bytes
        changes[last[tensor] + 1] -= network.tensors[tensor].size_bytes
    there = most = 0
    for change in changes:
        there += change
        most = max(most, there)
    return most
