"""Cutting a network around the stretches that may be split, so that each split changes one block and leaves all others as they are.

Blocks are those that the grain gives, but for the places where a stretch begins or ends: a block holds a whole stretch, at most one, and
whatever little lies before or behind it. Where the stretch is split that block becomes several: what comes before the arms, each arm,
and what puts them together with all that follows. So what was measured of a block or an arm holds whatever else is split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

from collab.errors import NetworkError
from graph.cuts import Cutter
from graph.network import Network
from graph.scheduling import CutNetwork
from graph.splitting.rewriting import JOINED, Rewritten, rewritten
from graph.splitting.split import Split
from graph.splitting.stretches import Stretch, apart, stretches_of

_WORTH_GRAINS: Final = 2
"""A stretch is worth a split where it is worth so many grains: one for each of two arms."""


@dataclass(frozen=True)
class SplitCut:
    """A network with stretches split, cut.

    Attributes:
        owners: for each block, the number of the block that it is or is a part of when nothing is split.
        arms: for each block, the number of the arm that it is or is a part of, `JOINED` where it is none.
    """

    cut: CutNetwork
    owners: tuple[int, ...]
    arms: tuple[int, ...]


class Splittable:
    """A network with its stretches that are worth a split, by the operator that opens them."""

    def __init__(self, network: Network, *, name: str, grain_us: float) -> None:
        self.network = network
        self.name = name
        self.grain_us = grain_us

    @cached_property
    def plain(self) -> CutNetwork:
        """The network as its grain alone cuts it."""
        return CutNetwork(self.network, name=self.name, grain_us=self.grain_us)

    @cached_property
    def _order(self) -> Mapping[int, int]:
        """The place of each working operator where one block follows the other."""
        operators = [index for block in self.plain.blocks for index in block.operators]
        return {index: place for place, index in enumerate(operators)}

    @cached_property
    def stretches(self) -> Mapping[int, Stretch]:
        """Stretches that are worth a split and do not reach into each other, in the order in which they run."""
        cutter = Cutter(self.network, grain_us=self.grain_us)
        worth = [found for found in stretches_of(self.network) if cutter.nominal_us(found.parts) >= _WORTH_GRAINS * self.grain_us]
        chosen: dict[int, Stretch] = {}
        reached = 0
        for stretch in sorted(apart(worth), key=self._span):
            begin, end = self._span(stretch)
            if begin >= reached:
                chosen[min(stretch.parts)] = stretch
                reached = end
        return chosen

    def _span(self, stretch: Stretch) -> tuple[int, int]:
        """Returns the place of a stretch's first operator, and the one behind its last."""
        places = [self._order[index] for index in stretch.parts]
        return min(places), max(places) + 1

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The operators of each block when nothing is split."""
        operators = list(self._order)
        ends = [0, *accumulate(len(block.operators) for block in self.plain.blocks)]
        spans = [self._span(stretch) for stretch in self.stretches.values()]
        places = [place for place in ends if not any(begin < place < end for begin, end in spans)]
        for (_, before_ends), (begin, _) in pairwise(spans):
            if not any(before_ends <= place <= begin for place in places):
                places.append(begin)
        return tuple(tuple(operators[begin:end]) for begin, end in pairwise(sorted(places)))

    def owner_of(self, opens: int) -> int:
        """Returns the number of the block that holds a stretch."""
        return next(number for number, group in enumerate(self.groups) if opens in group)

    def cut(self, splits: Iterable[Split]) -> SplitCut:
        """Splits stretches, and cuts what comes out.

        Raises:
            NetworkError: there is no such stretch, or it has another number of groups, or is split twice.
        """
        chosen = list(splits)
        self._check(chosen)
        bounds = [list(pairwise([0, *accumulate(split.groups)])) for split in chosen]
        found = rewritten(self.network, [(self.stretches[split.opens], each) for split, each in zip(chosen, bounds, strict=True)])
        return _Divided(self, found).cut()

    def _check(self, splits: Sequence[Split]) -> None:
        origin = self.network.source.origin
        for split in splits:
            stretch = self.stretches.get(split.opens)
            if stretch is None:
                raise NetworkError(f"{origin}: no stretch that can be split at {self.grain_us:g} us begins with its operator {split.opens}")
            if sum(split.groups) != stretch.groups:
                raise NetworkError(
                    f"{origin}: the stretch from operator {split.opens} has {stretch.groups} groups of channels, not {sum(split.groups)}"
                )
        if len({split.opens for split in splits}) != len(splits):
            raise NetworkError(f"{origin}: a stretch is split twice; split it once")


class _Divided:
    """The blocks of a network that was rewritten: each group of operators as what its split makes of it."""

    def __init__(self, of: Splittable, found: Rewritten) -> None:
        self._of = of
        self._network = found.network
        self._origins = found.origins
        self._owners = {index: number for number, group in enumerate(of.groups) for index in group}

    def cut(self) -> SplitCut:
        members: dict[tuple[int, int, int], list[int]] = {}
        levels: dict[int, tuple[int, int, int]] = {}
        for index in Cutter(self._network).working:
            owner, arm = self._place(index)
            level = 0
            for tensor in self._network.operators[index].inputs:
                before = levels.get(self._network.producers.get(tensor, -1))
                if before is not None and before[0] == owner:
                    level = max(level, before[1] + (before[2] != arm))
            levels[index] = (owner, level, arm)
            members.setdefault(levels[index], []).append(index)
        keys = sorted(members)
        name, grain_us = self._of.name, self._of.grain_us
        cut = CutNetwork(self._network, name=name, grain_us=grain_us, groups=[members[key] for key in keys], whole=self._of.network)
        return SplitCut(cut, tuple(owner for owner, _, _ in keys), tuple(arm for _, _, arm in keys))

    def _place(self, index: int) -> tuple[int, int]:
        """Returns the block that an operator belonged to, and the number of its arm, if it is of one."""
        tensor = self._network.operators[index].outputs[0]
        whole, arm = self._origins.get(tensor, (tensor, JOINED))
        return self._owners[self._of.network.producers[whole]], arm


def cut_with_splits(network: Network, splits: Sequence[Split], *, name: str, grain_us: float) -> CutNetwork:
    """Cuts a network as a plan has it: by its grain alone where nothing is split.

    Raises:
        NetworkError: see `Splittable.cut`.
    """
    of = Splittable(network, name=name, grain_us=grain_us)
    return of.cut(splits).cut if splits else of.plain
