"""Schedules of networks: blocks that are put on units, as the segments that each unit runs between hand-overs.

Blocks stand in an order in which they can run, and each unit runs its own in that order. A segment is a run of them: it begins with a block
that awaits a tensor of another unit, and ends with a block of which another unit awaits one. So no unit waits for what was computed along
with something later, and whatever segments await was begun before them. A block that awaits only what is there by then, as its segment has
awaited it or something later of the same unit, begins no segment of its own: ways around a stretch cost no further call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from collab.errors import NetworkError
from collab.schedule import NETWORK_INPUT, Schedule, Segment, Source
from collab.tensors.opaque import Opaque
from collab.tensors.types import DTYPE_BYTES, TensorType
from graph.cuts import Block, Cutter
from graph.network import Network
from graph.opaque import opaque_of


@dataclass(frozen=True)
class _Ends:
    """Tensors that a segment takes and gives, in the order of its model's inputs and outputs."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class CutNetwork:
    """A network with its blocks, which schedules are made of; what is known of a block is computed once."""

    def __init__(self, network: Network, *, name: str, grain_us: float) -> None:
        self.network = network
        self.name = name
        self._cutter = Cutter(network, grain_us=grain_us)
        self.blocks = self._cutter.blocks()

    @cached_property
    def opaque(self) -> tuple[Opaque, ...]:
        """The name of each block in tables, with what can be said of it.

        Raises:
            NetworkError: see `opaque_of`.
        """
        return tuple(opaque_of(self.network, block) for block in self.blocks)

    @cached_property
    def _block_of(self) -> Mapping[int, int]:
        """The block that computes a tensor, by the tensor's index."""
        return {tensor: number for number, block in enumerate(self.blocks) for tensor in block.outputs}

    @cached_property
    def before(self) -> tuple[tuple[int, ...], ...]:
        """The blocks whose tensors each block takes, each once, in order."""
        return tuple(
            tuple(dict.fromkeys(self._block_of[tensor] for tensor in block.inputs if tensor in self._block_of)) for block in self.blocks
        )

    def runs(self, units: Sequence[str]) -> list[list[int]]:
        """Returns the blocks of each segment, segments in the order of their first block; `units[b]` runs block b."""
        awaited = {b for number, before in enumerate(self.before) for b in before if units[b] != units[number]}
        found: list[list[int]] = []
        open_runs: dict[str, list[int]] = {}
        # The last block of each other unit that an open run awaits.
        latest: dict[str, dict[str, int]] = {}
        for number, unit in enumerate(units):
            foreign = [b for b in self.before[number] if units[b] != unit]
            if unit not in open_runs or any(b > latest[unit].get(units[b], -1) for b in foreign):
                open_runs[unit] = []
                found.append(open_runs[unit])
                latest[unit] = {}
            for b in foreign:
                latest[unit][units[b]] = max(b, latest[unit].get(units[b], -1))
            open_runs[unit].append(number)
            if number in awaited:
                del open_runs[unit]
        return found

    def schedule(self, units: Sequence[str], *, order: Sequence[str]) -> Schedule:
        """Returns the schedule in which `units[b]` runs block b.

        Args:
            order: all units, each once, as the schedule lists them.

        Raises:
            NetworkError: a tensor that would be handed over has a type that cannot be.
        """
        counts = dict.fromkeys(order, 0)
        sources = {tensor: Source(NETWORK_INPUT, number) for number, tensor in enumerate(self.network.inputs)}
        segments = []
        for run in self.runs(units):
            unit = units[run[0]]
            name = f"{unit}.{counts[unit]}"
            counts[unit] += 1
            ends = self._ends(run)
            segments.append(
                Segment(
                    name,
                    unit,
                    tuple(sources[tensor] for tensor in ends.inputs),
                    tuple(map(self.type_of, ends.inputs)),
                    tuple(map(self.type_of, ends.outputs)),
                    pieces=tuple(self.opaque[number] for number in run),
                )
            )
            sources |= {tensor: Source(name, output) for output, tensor in enumerate(ends.outputs)}
        used = tuple(unit for unit in order if counts[unit])
        outputs = tuple(sources[tensor] for tensor in self._given)
        return Schedule(self.name, used, tuple(segments), tuple(map(self.type_of, self.network.inputs)), outputs)

    def segment_blocks(self, units: Sequence[str]) -> list[Block]:
        """Returns the block of the network that each segment of `schedule` is, with inputs and outputs in the order of its model's."""
        found = []
        for run in self.runs(units):
            ends = self._ends(run)
            joined = self._cutter.joined([self.blocks[number] for number in run])
            found.append(replace(joined, inputs=ends.inputs, outputs=ends.outputs))
        return found

    def _ends(self, run: Sequence[int]) -> _Ends:
        own = set(run)
        read = dict.fromkeys(tensor for number in run for tensor in self.blocks[number].inputs)
        return _Ends(
            tuple(tensor for tensor in read if self._block_of.get(tensor) not in own),
            tuple(tensor for number in run for tensor in self.blocks[number].outputs if self._is_given(tensor, own)),
        )

    def _is_given(self, tensor: int, own: set[int]) -> bool:
        return tensor in self.network.outputs or not own.issuperset(self._takers.get(tensor, ()))

    @cached_property
    def _takers(self) -> Mapping[int, tuple[int, ...]]:
        """The blocks that take a tensor, by the tensor's index."""
        found: dict[int, list[int]] = {}
        for number, block in enumerate(self.blocks):
            for tensor in block.inputs:
                found.setdefault(tensor, []).append(number)
        return {tensor: tuple(numbers) for tensor, numbers in found.items()}

    @cached_property
    def _given(self) -> tuple[int, ...]:
        """The network's outputs.

        Raises:
            NetworkError: one of them is no tensor that its blocks compute.
        """
        for tensor in self.network.outputs:
            if tensor not in self._block_of:
                raise NetworkError(
                    f"{self.network.source.origin}: its output {self.network.tensors[tensor].name!r} is computed by none of its operators,"
                    " so no unit can give it; leave that output out"
                )
        return self.network.outputs

    def type_of(self, tensor: int) -> TensorType:
        """Returns the type of a tensor that passes between segments.

        Raises:
            NetworkError: its values cannot be handed over.
        """
        found = self.network.tensors[tensor]
        dtype = found.dtype.lower()
        if dtype not in DTYPE_BYTES:
            raise NetworkError(
                f"{self.network.source.origin}: the tensor {found.name!r} is of type {dtype}, which no unit can hand to another;"
                f" types that can: {', '.join(DTYPE_BYTES)}"
            )
        return TensorType(found.shape, dtype)
