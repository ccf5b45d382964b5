"""Placements with splits: stretches that run on several units at once are added wherever the replay is the shorter for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final

import msgspec

from collab.errors import MissingEntryError, TableError
from collab.tensors.opaque import Opaque
from graph.scheduling import CutNetwork
from graph.splitting.cutting import SplitCut, Splittable
from graph.splitting.rewriting import JOINED
from graph.splitting.split import Split
from lut.prediction.costs import Costs
from search.placing.fragments import Composed, Fragments
from search.placing.objective import Assignment, Judge, Objective
from search.placing.searching import Found, search_placement

_MOST_TRIED: Final = 100_000
"""Blocks of all placements that are tried while splits are chosen."""
_LEAST_TRIED: Final = 64
_CLOSE: Final = 1e-9


@dataclass(frozen=True)
class Placed:
    """A placement, of the network with these splits."""

    cut: CutNetwork
    splits: tuple[Split, ...]
    found: Found


@dataclass(frozen=True)
class _Choice:
    """A split, with the unit of each arm."""

    split: Split
    units: tuple[int, ...]


def splits_of_tables(costs: Costs, of: Splittable) -> tuple[Split, ...]:
    """Returns the splits of a network that tables were measured for; none where they are of another network or cut.

    Raises:
        TableError: the tables say something that cannot be.
    """
    said = costs.meta.settings.get("network")
    if not isinstance(said, dict) or said.get("grain_us") != of.grain_us:
        return ()
    try:
        found = msgspec.convert(said.get("splits", []), tuple[Split, ...])
    except msgspec.ValidationError as error:
        raise TableError(f"{costs.source}: its splits cannot be read ({error}); profile into another folder") from None
    known = of.stretches
    return tuple(split for split in dict.fromkeys(found) if split.opens in known and sum(split.groups) == known[split.opens].groups)


def place_with_splits(
    of: Splittable, costs: Costs, units: tuple[str, ...], splits: Sequence[Split], *, objective: Objective = Objective.LATENCY
) -> Placed:
    """Searches the best placement, with any of the splits where that is better than without, by the replay.

    Raises:
        MissingEntryError: see `search_placement`.
    """
    plain = search_placement(of.plain, costs, units, objective=objective)
    if not splits or len(units) < 2:
        return Placed(of.plain, (), plain)
    chooser = _Chooser(of, costs, units, splits, objective, plain.units)
    if not chooser.choose():
        return Placed(of.plain, (), replace(plain, judged=plain.judged + chooser.tried))
    placed = _searched(of, costs, units, chooser.splits, chooser.assignment, objective)
    judged = plain.judged + chooser.tried + placed.found.judged
    if not placed.splits or placed.found.us >= plain.us - _CLOSE:
        return Placed(of.plain, (), replace(plain, judged=judged))
    found = replace(placed.found, alone_us=plain.alone_us, is_proven=False, judged=judged)
    return Placed(placed.cut, placed.splits, found)


def _searched(
    of: Splittable, costs: Costs, units: tuple[str, ...], splits: Sequence[Split], begin_with: Assignment, objective: Objective
) -> Placed:
    """Makes a placement with splits better, and leaves out splits whose arms end up on one unit."""
    made = of.cut(splits)
    found = search_placement(made.cut, costs, units, objective=objective, begin_with=[begin_with])
    used = [split for split in splits if len(_arm_units(made, found.units, of.owner_of(split.opens))) > 1]
    if len(used) == len(splits):
        return Placed(made.cut, tuple(splits), found)
    fewer = of.cut(used)
    again = search_placement(fewer.cut, costs, units, objective=objective, begin_with=[_carried_over(made, found.units, fewer)])
    return Placed(fewer.cut, tuple(used), again)


def _arm_units(made: SplitCut, units: Assignment, owner: int) -> set[int]:
    return {unit for unit, other, arm in zip(units, made.owners, made.arms, strict=True) if other == owner and arm != JOINED}


def _carried_over(made: SplitCut, units: Assignment, fewer: SplitCut) -> Assignment:
    """Returns the placement of a network with fewer splits: a stretch that is whole again runs where its arms did."""
    before: dict[int, list[int]] = {}
    for owner, unit in zip(made.owners, units, strict=True):
        before.setdefault(owner, []).append(unit)
    found = []
    for at, owner in enumerate(fewer.owners):
        place = at - fewer.owners.index(owner)
        is_same = fewer.owners.count(owner) == len(before[owner])
        found.append(before[owner][place] if is_same else min(_arm_units(made, units, owner)))
    return tuple(found)


class _Chooser:
    """Adds, changes and takes back splits one by one, the most promising first, for as long as that is better."""

    def __init__(
        self, of: Splittable, costs: Costs, units: tuple[str, ...], splits: Sequence[Split], objective: Objective, plain: Assignment
    ) -> None:
        self._costs = costs
        self._units = units
        self._objective = objective
        self._fragments = Fragments(of, splits)
        self._homes = _homes(of, plain)
        self._options: dict[int, list[_Choice]] = {}
        for split in splits:
            self._options.setdefault(of.owner_of(split.opens), []).extend(self._choices(split, self._homes[of.owner_of(split.opens)]))
        self._chosen: dict[int, _Choice] = {}
        self.tried = 0

    @property
    def splits(self) -> tuple[Split, ...]:
        return tuple(sorted(choice.split for choice in self._chosen.values()))

    @property
    def assignment(self) -> Assignment:
        return self._assigned(self._composed(self._chosen), self._chosen)

    def choose(self) -> bool:
        """Chooses splits, and tells whether there are any that are better than none.

        It begins with none, and again with all of them: units that meet often wait less for each other than those that meet once.
        """
        left = max(_MOST_TRIED // len(self._homes), _LEAST_TRIED)
        none_us = self._us({})
        singles = {
            owner: min((self._us({owner: choice}), number) for number, choice in enumerate(choices))
            for owner, choices in self._options.items()
            if choices
        }
        order = sorted(singles, key=lambda owner: singles[owner])
        best = {owner: self._options[owner][singles[owner][1]] for owner in order}
        ways: list[tuple[float, int, dict[int, _Choice]]] = []
        for begin_with in ({}, best):
            self._chosen = dict(begin_with)
            us = self._changed(none_us if not begin_with else self._us(begin_with), order, self.tried + left // 2)
            ways.append((us, len(ways), self._chosen))
        best_us, _, self._chosen = min(ways, key=lambda way: way[:2])
        return bool(self._chosen) and best_us < none_us - _CLOSE

    def _changed(self, best_us: float, order: Sequence[int], most_tried: int) -> float:
        """Changes one choice after the other for as long as that is better, and returns the least time."""
        is_better = True
        while is_better and self.tried < most_tried:
            before_us = best_us
            for owner in order:
                for choice in (*self._options[owner], None):
                    if self.tried < most_tried and choice != self._chosen.get(owner):
                        best_us = self._taken(best_us, owner, choice)
            is_better = best_us < before_us - _CLOSE
        return best_us

    def _taken(self, best_us: float, owner: int, choice: _Choice | None) -> float:
        """Changes one choice where that is better, and returns the least time."""
        changed = {other: kept for other, kept in self._chosen.items() if other != owner}
        if choice is not None:
            changed[owner] = choice
        us = self._us(changed)
        if us >= best_us - _CLOSE:
            return best_us
        self._chosen = changed
        return us

    def _choices(self, split: Split, home: int) -> Iterator[_Choice]:
        """Yields the ways to put the arms of a split on units that can run them, one of them on the unit of the blocks around."""
        pieces = self._fragments.pieces_of(split)
        able = [unit for unit, name in enumerate(self._units) if all(_is_measured(self._costs, name, piece.opaque) for piece in pieces)]
        if home in able:
            yield from (_Choice(split, order) for order in permutations(able, len(split.groups)) if home in order)

    def _us(self, chosen: Mapping[int, _Choice]) -> float:
        self.tried += 1
        composed = self._composed(chosen)
        judge = Judge(composed.cut, self._costs, self._units, objective=self._objective)
        try:
            return float(judge.us([self._assigned(composed, chosen)])[0])
        except MissingEntryError:
            return float("inf")

    def _composed(self, chosen: Mapping[int, _Choice]) -> Composed:
        return self._fragments.composed({owner: choice.split for owner, choice in chosen.items()})

    def _assigned(self, composed: Composed, chosen: Mapping[int, _Choice]) -> Assignment:
        return tuple(
            self._homes[owner] if arm == JOINED else chosen[owner].units[arm]
            for owner, arm in zip(composed.owners, composed.arms, strict=True)
        )


def _is_measured(costs: Costs, unit: str, block: Opaque) -> bool:
    try:
        costs.block(unit, block)
    except MissingEntryError:
        return False
    return True


def _homes(of: Splittable, plain: Assignment) -> list[int]:
    """Returns the unit of each block around stretches: that of most of its work in a placement of the blocks that the grain gives."""
    units = {index: (unit, block) for unit, block in zip(plain, of.plain.blocks, strict=True) for index in block.operators}
    homes = []
    for group in of.groups:
        times: dict[int, float] = {}
        for unit, block in {id(block): (unit, block) for unit, block in (units[index] for index in group)}.values():
            shared = len(set(group) & set(block.operators)) / len(block.operators)
            times[unit] = times.get(unit, 0.0) + shared * block.work.nominal_us
        homes.append(max(times, key=lambda unit: times[unit]))
    return homes
