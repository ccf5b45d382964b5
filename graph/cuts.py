"""Cutting a network into blocks: stretches between places where few bytes cross, and the arms of forks.

A block is a set of operators that no path leaves and enters again, so that blocks can be run one after the other. Operators that only
unpack constants are no part of it: they go with every block that reads what they unpack.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

from collab.errors import NetworkError
from graph.checking.elementwise import ELEMENTWISE
from graph.groups import Groups
from graph.network import Network, Operator
from graph.work import Place, Work, moving_us, total, work_of

DEFAULT_GRAIN_US: Final = 50.0
"""Nominal time that a block is worth at least. A call costs a unit of a phone a few to some hundred microseconds."""

_GLUED_TO_MAKER: Final = frozenset({*ELEMENTWISE, "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BATCH_TO_SPACE_ND"})
"""Operators that runtimes compute along with the one before, or that only give values another shape."""
_GLUED_TO_READER: Final = frozenset({"PAD", "PADV2", "SPACE_TO_BATCH_ND"})
_GIVES_TO_NO_OTHER: Final = frozenset({"SHAPE"})
"""Operators of which LiteRT knows the output before a run, and writes it to no memory of the caller's: no block can give it to others."""


@dataclass(frozen=True)
class Block:
    """A block of a network: what can be run at one go.

    Attributes:
        operators: indices of its operators, in the order in which they run, without those that unpack constants.
        unpacking: indices of the operators that unpack constants for it.
        inputs: tensors that it is given, in the order in which its operators read them first.
        outputs: tensors that it computes for others, in order.
    """

    operators: tuple[int, ...]
    unpacking: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    work: Work


class Cutter:
    """Cuts a network.

    Args:
        grain_us: nominal time that a block is worth at least, where there is so much.
    """

    def __init__(self, network: Network, *, grain_us: float = DEFAULT_GRAIN_US) -> None:
        self._network = network
        self._grain_us = grain_us
        self._works = [work_of(network, operator) for operator in network.operators]
        self._times = [work.nominal_us for work in self._works]

    @cached_property
    def unpacking(self) -> frozenset[int]:
        """Operators whose inputs are all constant, or computed by such operators."""
        network = self._network
        found: set[int] = set()
        unpacked: set[int] = set()
        for operator in network.operators:
            inputs = [tensor for tensor in operator.inputs if tensor != -1]
            if all(tensor in unpacked or network.tensors[tensor].constant is not None for tensor in inputs):
                found.add(operator.index)
                unpacked |= set(operator.outputs)
        return frozenset(found)

    @cached_property
    def working(self) -> tuple[int, ...]:
        """Operators that compute an output from an input: all but those that unpack constants, and those that nobody needs."""
        needed = set(self._network.outputs)
        found = []
        for operator in reversed(self._network.operators):
            if needed & set(operator.outputs):
                needed |= set(operator.inputs)
                found.append(operator.index)
        return tuple(index for index in reversed(found) if index not in self.unpacking)

    @cached_property
    def _working_set(self) -> frozenset[int]:
        return frozenset(self.working)

    def blocks(self) -> tuple[Block, ...]:
        """Returns the network's blocks, in an order in which they can run.

        Raises:
            NetworkError: no output depends on an input, so there is nothing to cut.
        """
        if not self.working:
            raise NetworkError(f"{self._network.source.origin} computes nothing from its inputs; give a model whose outputs depend on them")
        return tuple(self._block(operators) for operators in self._divided(list(self.working)))

    def blocks_of(self, groups: Iterable[Sequence[int]]) -> tuple[Block, ...]:
        """Makes blocks of groups of operators that can run one after the other and together are all working ones."""
        return tuple(self._block(operators) for operators in groups)

    def nominal_us(self, operators: Iterable[int]) -> float:
        """Returns what operators take a nominal core, each by itself."""
        return self._time(operators)

    def joined(self, blocks: Sequence[Block]) -> Block:
        """Makes one block of several, at least one, that can run one after the other with no other block in between."""
        return self._block(sorted(index for block in blocks for index in block.operators))

    def _block(self, operators: Sequence[int]) -> Block:
        """Makes a block of operators, with all that it is given and gives."""
        network = self._network
        own = set(operators)
        # Outputs of the network that only unpack constants are given by the block that runs first.
        unpacked = [tensor for tensor in network.outputs if network.producers.get(tensor, -1) in self.unpacking and self.working[0] in own]
        read = dict.fromkeys(tensor for index in operators for tensor in network.operators[index].inputs if tensor != -1)
        unpacking = self._makers_of([*read, *unpacked])
        computed = {tensor for index in (*unpacking, *operators) for tensor in network.operators[index].outputs}
        return Block(
            operators=tuple(operators),
            unpacking=unpacking,
            inputs=tuple(tensor for tensor in read if tensor not in computed and network.tensors[tensor].constant is None),
            outputs=(
                *(tensor for index in operators for tensor in network.operators[index].outputs if self._is_wanted(tensor, own)),
                *unpacked,
            ),
            work=total([self._works[index] for index in operators]),
        )

    def _makers_of(self, tensors: Iterable[int]) -> tuple[int, ...]:
        """Returns the unpacking operators that these tensors need, those before them with them."""
        needed: set[int] = set()
        left = list(tensors)
        while left:
            maker = self._network.producers.get(left.pop(), -1)
            if maker in self.unpacking and maker not in needed:
                needed.add(maker)
                left += self._network.operators[maker].inputs
        return tuple(sorted(needed))

    def _is_wanted(self, tensor: int, own: set[int]) -> bool:
        readers = self._working_set.intersection(self._network.readers.get(tensor, ()))
        return tensor in self._network.outputs or not readers <= own

    # Dividing: every function takes operators in an order in which they can run, and returns groups in such an order.

    def _time(self, operators: Iterable[int]) -> float:
        return sum(self._times[index] for index in operators)

    def _divided(self, operators: list[int]) -> list[list[int]]:
        """Divides operators into blocks, by `_parted` for as long as it can."""
        found: list[list[int]] = []
        left = [operators]
        while left:
            group = left.pop()
            parts = self._parted(group)
            if parts is None:
                found.append(group)
            else:
                left += reversed(parts)
        return found

    def _parted(self, operators: list[int]) -> list[list[int]] | None:
        """Divides operators once: independent parts first, then at single tensors, then arms of forks, then where the fewest bytes cross.

        Returns:
            The groups, or None where the operators are one block.
        """
        if self._time(operators) < 2 * self._grain_us or len(operators) == 1:
            return None
        parts = self._joined_small(self._parts(operators))
        if len(parts) > 1:
            return parts
        stretches = self._stretches(operators)
        if len(stretches) > 1:
            return stretches
        arms, rest = self._arms(operators)
        if arms:
            return [*arms, *([rest] if rest else [])]
        place = self._cheapest_place(operators)
        return None if place is None else [operators[:place], operators[place:]]

    def _parts(self, operators: list[int]) -> list[list[int]]:
        """Returns groups of operators between which no tensor passes, each in order, by their first operator."""
        group = Groups(operators)
        own = set(operators)
        for index in operators:
            for tensor in self._network.operators[index].inputs:
                maker = self._network.producers.get(tensor, -1)
                if maker in own:
                    group.join(index, maker)
        return group.all()

    def _joined_small(self, parts: list[list[int]]) -> list[list[int]]:
        """Puts all parts that are smaller than a grain together, and what is still smaller then to the first of the others."""
        small = [index for part in parts if self._time(part) < self._grain_us for index in part]
        large = [part for part in parts if self._time(part) >= self._grain_us]
        if small and large and self._time(small) < self._grain_us:
            return [sorted([*small, *large[0]]), *large[1:]]
        return [*([sorted(small)] if small else []), *large]

    @cached_property
    def _glued(self) -> frozenset[int]:
        """Tensors that are no place to cut: what no block can give to others, and what is read only once, by an operator that runtimes
        compute along with the one before it.
        """
        network = self._network
        found = set()
        for tensor, readers in network.readers.items():
            if tensor in network.producers and network.operators[network.producers[tensor]].name in _GIVES_TO_NO_OTHER:
                found.add(tensor)
            if tensor not in network.producers or len(readers) != 1 or tensor in network.outputs:
                continue
            before, behind = network.operators[network.producers[tensor]], network.operators[readers[0]]
            if before.name in _GLUED_TO_READER or (behind.name in _GLUED_TO_MAKER and self._computed_inputs(behind) == {tensor}):
                found.add(tensor)
        return frozenset(found)

    def _computed_inputs(self, operator: Operator) -> set[int]:
        """Returns the inputs of an operator that are neither constant nor unpacked."""
        return {
            tensor
            for tensor in operator.inputs
            if tensor != -1
            and self._network.tensors[tensor].constant is None
            and self._network.producers.get(tensor, -1) not in self.unpacking
        }

    def _crossing(self, operators: list[int]) -> list[Place]:
        """Describes each place before an operator, and the one behind the last: what is computed or given before it, and read after it."""
        last: dict[int, int] = {}
        first: dict[int, int] = {}
        for at, index in enumerate(operators):
            operator = self._network.operators[index]
            for tensor in self._computed_inputs(operator):
                first.setdefault(tensor, 0)
                last[tensor] = at
            for tensor in operator.outputs:
                first[tensor] = at + 1
        own = set(operators)
        changes = [[0, 0, 0, 0] for _ in range(len(operators) + 2)]
        for tensor, begin in first.items():
            until = last.get(tensor, begin - 1)
            change = (1, self._network.tensors[tensor].size_bytes, int(tensor in self._glued))
            for column, amount in enumerate(change):
                changes[begin][column] += amount
                changes[until + 1][column] -= amount
            changes[begin][3] += 1
            changes[len(operators) if begin and self._is_wanted(tensor, own) else until + 1][3] -= 1
        columns = [list(accumulate(row[column] for row in changes)) for column in range(4)]
        return [Place(tensors, size, not glued, live) for tensors, size, glued, live in zip(*columns, strict=True)]

    def _stretches(self, operators: list[int]) -> list[list[int]]:
        """Cuts at places that a single tensor crosses, as finely as the grain allows, and stretches with arms into these and their join."""
        crossing = self._crossing(operators)
        places = [at for at in range(1, len(operators)) if crossing[at].tensors == 1 and crossing[at].may_be_cut]
        runs: list[_Run] = [_Run([], [])]
        for begin, end in pairwise([0, *(at for at in places if crossing[at].live == 1), len(operators)]):
            piece = operators[begin:end]
            if self._arms(piece)[0]:
                runs.append(_Run([], [], piece))
                continue
            for first, behind in pairwise([begin, *places[bisect_right(places, begin) : bisect_left(places, end)], end]):
                runs[-1].pieces.append(operators[first:behind])
                runs[-1].moved_us.append(moving_us(crossing[first].size_bytes))
        found: list[list[int]] = []
        for run in runs:
            if run.armed:
                after = [index for piece in run.pieces for index in piece]
                if self._time(after) < self._grain_us:
                    # Too little to stand alone: whatever belongs to an arm goes with it.
                    run = _Run([], [], [*run.armed, *after])  # noqa: PLW2901
                arms, rest = self._arms(run.armed)
                found += arms
                if rest:
                    # What joins arms opens the stretch that follows.
                    run.pieces.insert(0, rest)
                    run.moved_us.insert(0, 0.0)
            found += self._grouped(run.pieces, run.moved_us)
        return found

    def _grouped(self, pieces: list[list[int]], moved_us: list[float]) -> list[list[int]]:
        """Groups pieces in a row so that each group is worth a grain and the moving of what it is given: as many groups as can be, and of
        these ways the one that moves least. A row that is worth less is one group.

        Args:
            moved_us: time of moving what crosses the place before each piece.
        """
        if not pieces:
            return []
        times = [0.0, *accumulate(self._time(piece) for piece in pieces)]
        ways: list[_Way | None] = [_Way(0, 0.0, 0)]
        best: _Way | None = None
        waiting: list[tuple[float, int]] = []
        """Beginnings of groups, by the time from which on a group from there is worth it."""
        for end in range(1, len(pieces) + 1):
            begin = end - 1
            if ways[begin] is not None:
                heapq.heappush(waiting, (times[begin] + self._grain_us + (moved_us[begin] if begin else 0.0), begin))
            while waiting and waiting[0][0] <= times[end]:
                begin = heapq.heappop(waiting)[1]
                before = ways[begin]
                assert before is not None, "only beginnings that can be reached wait"
                way = _Way(before.fewer - 1, before.moved_us + moved_us[begin], begin)
                best = way if best is None else min(best, way)
            ways.append(best)
        if ways[-1] is None:
            return [[index for piece in pieces for index in piece]]
        bounds = [len(pieces)]
        while bounds[-1]:
            way = ways[bounds[-1]]  # type: ignore[assignment]
            bounds.append(way.begin)
        return [[index for piece in pieces[begin:end] for index in piece] for begin, end in pairwise(reversed(bounds))]

    def _arms(self, operators: list[int]) -> tuple[list[list[int]], list[int]]:
        """Finds arms of forks: parts, each worth a grain, that have nothing to do with each other before an operator joins them.

        Returns:
            The arms, and the operators from the join on; no arms where there are not at least two.
        """
        if self._time(operators) < 2 * self._grain_us:
            return [], list(operators)
        crossing = self._crossing(operators)
        group = Groups([])
        times: dict[int, float] = {}
        best, large = 0, 0
        for at, index in enumerate(operators):
            group.add(index)
            times[index] = self._times[index]
            large += times[index] >= self._grain_us
            for tensor in self._network.operators[index].inputs:
                maker = self._network.producers.get(tensor, -1)
                if maker not in times or group.root(maker) == group.root(index):
                    continue
                one, other = group.root(index), group.root(maker)
                large -= (times[one] >= self._grain_us) + (times[other] >= self._grain_us)
                group.join(one, other)
                times[group.root(one)] = together = times[one] + times[other]
                large += together >= self._grain_us
            if large > 1 and crossing[at + 1].may_be_cut:
                best = at + 1
        if not best:
            return [], list(operators)
        arms = self._joined_small(self._parts(operators[:best]))
        return (arms, operators[best:]) if len(arms) > 1 else ([], list(operators))

    def _cheapest_place(self, operators: list[int]) -> int | None:
        """Finds the place where the fewest bytes cross, of several the one in the middle.

        Both sides are worth the moving and a grain for each tensor that crosses, as each is a hand-over.
        """
        crossing = self._crossing(operators)
        times = [0.0, *accumulate(self._times[index] for index in operators)]
        ways = [
            (crossing[at].size_bytes, abs(times[-1] / 2 - times[at]), at)
            for at in range(1, len(operators))
            if crossing[at].may_be_cut
            and min(times[at], times[-1] - times[at]) >= self._grain_us * crossing[at].tensors + moving_us(crossing[at].size_bytes)
        ]
        return min(ways)[2] if ways else None


@dataclass(frozen=True, order=True)
class _Way:
    """A way to group the pieces before a place; the least one is the best.

    Attributes:
        fewer: the number of groups, negative.
        moved_us: time of moving what crosses between them.
        begin: where the last group begins.
    """

    fewer: int
    moved_us: float
    begin: int


@dataclass(frozen=True)
class _Run:
    """Pieces in a row without arms, and what has arms before them, if anything has."""

    pieces: list[list[int]]
    moved_us: list[float]
    armed: list[int] = field(default_factory=list)
