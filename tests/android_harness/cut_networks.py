"""Networks cut into blocks, each a segment, that units take by turns: schedules made by hand, for bundles of any network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from collab.schedule import NETWORK_INPUT, Schedule, Segment, Source
from collab.tensors.opaque import Opaque
from collab.tensors.types import TensorType
from graph.cuts import Block, Cutter
from graph.identity import identity_of
from graph.network import Network
from graph.slicing import slice_bytes


@dataclass(frozen=True)
class CutNetwork:
    """A schedule, and the model of each of its segments."""

    schedule: Schedule
    models: dict[str, bytes]


def taken_by_turns(network: Network, *, name: str, units: tuple[str, ...], grain_us: float) -> CutNetwork:
    """Cuts a network, and gives its blocks to units by turns."""
    known = {tensor: Source(NETWORK_INPUT, number) for number, tensor in enumerate(network.inputs)}
    counts = {unit: count() for unit in units}
    segments, models = [], {}
    for at, block in enumerate(Cutter(network, grain_us=grain_us).blocks()):
        unit = units[at % len(units)]
        segment = Segment(
            name=f"{unit}.{next(counts[unit])}",
            unit=unit,
            sources=tuple(known[tensor] for tensor in block.inputs),
            inputs=_types(network, block.inputs),
            outputs=_types(network, block.outputs),
            pieces=(_piece(network, block),),
        )
        known |= {tensor: Source(segment.name, number) for number, tensor in enumerate(block.outputs)}
        segments.append(segment)
        models[segment.name] = slice_bytes(network, block)
    outputs = tuple(known[tensor] for tensor in network.outputs)
    return CutNetwork(Schedule(name, units, tuple(segments), _types(network, network.inputs), outputs), models)


def _types(network: Network, tensors: tuple[int, ...]) -> tuple[TensorType, ...]:
    return tuple(TensorType(network.tensors[tensor].shape, network.tensors[tensor].dtype.lower()) for tensor in tensors)


def _piece(network: Network, block: Block) -> Opaque:
    in_bytes, out_bytes = (sum(network.tensors[tensor].size_bytes for tensor in side) for side in (block.inputs, block.outputs))
    constants = {tensor for index in (*block.operators, *block.unpacking) for tensor in network.operators[index].inputs if tensor != -1}
    weight_bytes = sum(span.size_bytes for tensor in constants if (span := network.tensors[tensor].constant) is not None)
    return Opaque(
        identity_of(network, block),
        block.work.macs,
        weight_bytes,
        in_bytes + out_bytes,
        len(block.inputs),
        in_bytes,
        len(block.outputs),
        out_bytes,
    )
