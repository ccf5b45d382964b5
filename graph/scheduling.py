"""Schedules of networks: blocks that are put on units, as the segments that each unit runs between hand-overs.

Blocks stand in an order in which they can run, and each unit runs its own in that order. A segment is a run of them: it begins with a block
that awaits a block of another unit, and ends with a block that another unit awaits. What is known to have ended before a segment begins is
awaited by none of its blocks, only copied: what was awaited before on that unit, what ran before that, and what that had awaited. So no
unit waits for what was computed along with something later, and whatever segments await was begun before them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from collab.errors import NetworkError
from collab.schedule import NETWORK_INPUT, Schedule, Segment, Source
from collab.tensors.opaque import MAX_TENSORS, Opaque
from collab.tensors.types import DTYPE_BYTES, TensorType
from graph.cuts import Block, Cutter
from graph.network import Network
from graph.opaque import opaque_of


@dataclass(frozen=True)
class _Ends:
    """Tensors that a segment takes and gives, in the order of its model's inputs and outputs."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Knowledge:
    """Tells what units know to have ended, as their blocks are put on them one after the other.

    It says for each unit up to which block of each other one, by its number, all have ended before what the unit does next.
    """

    def __init__(self) -> None:
        self._of_unit: dict[str, dict[str, int]] = {}
        self._of_block: list[dict[str, int]] = []

    def add(self, unit: str, before: Sequence[tuple[int, str]]) -> tuple[int, ...]:
        """Puts the next block on a unit, and returns the blocks of other units that it awaits: those that nothing else tells to have ended.

        Args:
            before: the blocks that it takes from, with their units.
        """
        known = self._of_unit.get(unit, {})
        foreign = [(block, sender) for block, sender in before if sender != unit and block > known.get(sender, -1)]
        if foreign:
            told: dict[str, int] = {}
            for block, _ in foreign:
                for other, number in self._of_block[block].items():
                    told[other] = max(told.get(other, -1), number)
            foreign = [(block, sender) for block, sender in foreign if block > told.get(sender, -1)]
            newest = dict(sorted((sender, block) for block, sender in foreign))
            foreign = [(block, sender) for block, sender in foreign if newest[sender] == block]
            known = {
                other: max(number, told.get(other, -1), newest.get(other, -1)) for other, number in {**told, **newest, **known}.items()
            }
            self._of_unit[unit] = known
        self._of_block.append(known)
        return tuple(block for block, _ in foreign)


class CutNetwork:
    """A network with its blocks, which schedules are made of; what is known of a block is computed once.

    Args:
        groups: the operators of each block, where the network is not to be cut by its grain.
        whole: the network that was given, where `network` is that one with stretches split.
    """

    def __init__(
        self,
        network: Network,
        *,
        name: str,
        grain_us: float,
        groups: Sequence[Sequence[int]] | None = None,
        whole: Network | None = None,
    ) -> None:
        self.network = network
        self.whole = network if whole is None else whole
        self.name = name
        self.grain_us = grain_us
        self._cutter = Cutter(network, grain_us=grain_us)
        self.blocks = self._cutter.blocks() if groups is None else self._cutter.blocks_of(groups)

    @classmethod
    def of_blocks(cls, network: Network, blocks: Sequence[Block], opaque: Sequence[Opaque], *, name: str) -> CutNetwork:
        """Returns a network of which the blocks are known, for schedules alone: its segments cannot be sliced.

        Args:
            network: has the tensors that blocks take and give, whatever its operators are.
        """
        found = cls(network, name=name, grain_us=0.0, groups=())
        found.blocks = tuple(blocks)
        found.opaque = tuple(opaque)
        return found

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
        knowledge = Knowledge()
        awaits = [knowledge.add(units[number], [(b, units[b]) for b in before]) for number, before in enumerate(self.before)]
        awaited = {block for blocks in awaits for block in blocks}
        found: list[list[int]] = []
        open_runs: dict[str, list[int]] = {}
        for number, unit in enumerate(units):
            if unit not in open_runs or awaits[number]:
                open_runs[unit] = []
                found.append(open_runs[unit])
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
        runs = [(units[run[0]], run) for run in self.runs(units)]
        used = tuple(unit for unit in order if unit in units)
        return self._assembled(runs, used, self.network.inputs, lambda: self._given)

    def segment_blocks(self, units: Sequence[str]) -> list[Block]:
        """Returns the block of the network that each segment of `schedule` is, with inputs and outputs in the order of its model's."""
        return self._joined(self.runs(units))

    def in_pieces(self, bounds: Sequence[int], *, unit: str) -> Schedule:
        """Returns the schedule in which one unit runs blocks that follow each other, in pieces.

        Its inputs are what these blocks take from elsewhere, its outputs what others take from them or the network gives.

        Args:
            bounds: the first block of each piece, and the one behind the last.

        Raises:
            NetworkError: a tensor between two pieces, or at either end, has a type that cannot be handed over.
        """
        ends = self._ends(range(bounds[0], bounds[-1]))
        return self._assembled([(unit, run) for run in _ranges(bounds)], (unit,), ends.inputs, lambda: ends.outputs)

    def piece_blocks(self, bounds: Sequence[int]) -> list[Block]:
        """Returns the block of the network that each segment of `in_pieces` is, likewise."""
        return self._joined(_ranges(bounds))

    @property
    def crossing_bytes(self) -> frozenset[int]:
        """The sizes of whatever passes between two blocks."""
        taken = {tensor for block in self.blocks for tensor in block.inputs}
        return frozenset(self.network.tensors[tensor].size_bytes for block in self.blocks for tensor in block.outputs if tensor in taken)

    def places(self) -> list[int]:
        """Returns the places where the network may be cut into pieces, by the block behind: all values that cross can be handed over."""
        return [place for place in range(len(self.blocks) + 1) if self._may_be_cut(place)]

    def _may_be_cut(self, place: int) -> bool:
        there = {*self.network.inputs, *(tensor for block in self.blocks[:place] for tensor in block.outputs)}
        wanted = {tensor for block in self.blocks[place:] for tensor in block.inputs}
        given = {tensor for tensor in self.network.outputs if tensor in self._block_of}
        crossing = there & (wanted | given)
        return len(crossing) <= MAX_TENSORS and all(self._dtype(tensor) in DTYPE_BYTES for tensor in crossing)

    def _assembled(
        self, runs: Iterable[tuple[str, Sequence[int]]], units: tuple[str, ...], inputs: Sequence[int], outputs: Callable[[], Sequence[int]]
    ) -> Schedule:
        counts: Counter[str] = Counter()
        sources = {tensor: Source(NETWORK_INPUT, number) for number, tensor in enumerate(inputs)}
        segments = []
        for unit, run in runs:
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
        given = tuple(sources[tensor] for tensor in outputs())
        return Schedule(self.name, units, tuple(segments), tuple(map(self.type_of, inputs)), given)

    def _joined(self, runs: Iterable[Sequence[int]]) -> list[Block]:
        found = []
        for run in runs:
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
        dtype = self._dtype(tensor)
        if dtype not in DTYPE_BYTES:
            raise NetworkError(
                f"{self.network.source.origin}: the tensor {found.name!r} is of type {dtype}, which no unit can hand to another;"
                f" types that can: {', '.join(DTYPE_BYTES)}"
            )
        return TensorType(found.shape, dtype)

    def _dtype(self, tensor: int) -> str:
        return self.network.tensors[tensor].dtype.lower()


def _ranges(bounds: Sequence[int]) -> list[range]:
    return [range(begin, end) for begin, end in pairwise(bounds)]
