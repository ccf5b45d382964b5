"""The search for a placement: the best of a beam, made better by moves, and proven where all others can be left out by their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from collab.errors import MissingEntryError
from collab.wording.commands import command_named
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from search.placing.bounds import Bounds
from search.placing.objective import Assignment, Judge, Objective
from search.placing.partial import Partial, extended

_WIDTH: Final = 48
"""Placements that the beam goes on with."""
_JUDGED: Final = 32
"""Placements that the beam ends with and that are replayed."""
_MOST_MOVED: Final = 40_000
"""Blocks of all placements that are tried by moves: as many placements of few blocks, or fewer of many."""
_LEAST_MOVES: Final = 64
"""Placements that are tried at least, however many blocks there are."""
MOST_NODES: Final = 20_000
"""Parts of placements that are looked at for a proof at most."""
_LEAVES: Final = 128
_MOST_PROVEN: Final = 20_000
"""Blocks, times inferences, of all placements that a proof replays."""
_CLOSE: Final = 1e-9


@dataclass(frozen=True)
class Found:
    """A placement, with what it takes and what each unit takes alone (of those that can run all blocks).

    Attributes:
        is_proven: whether no other placement can be better, in the terms of the replay.
        judged: how many placements were replayed.
    """

    units: Assignment
    us: float
    alone_us: dict[int, float]
    is_proven: bool
    judged: int


def search_placement(
    cut: CutNetwork,
    costs: Costs,
    units: tuple[str, ...],
    *,
    objective: Objective = Objective.LATENCY,
    begin_with: Sequence[Assignment] = (),
) -> Found:
    """Searches the placement of least latency, or of the shortest period.

    Args:
        begin_with: placements that are known to be good.

    Raises:
        MissingEntryError: no unit of these was measured with some block, or no way from unit to unit was that a placement needs.
    """
    bounds = Bounds(cut, costs, units)
    _require_measured(bounds, costs)
    judge = Judge(cut, costs, units, objective=objective)
    alone = {
        unit: (unit,) * len(cut.blocks) for unit in range(len(units)) if all(unit in bounds.can_run(n) for n in range(len(cut.blocks)))
    }
    seeds = [*begin_with, *alone.values(), *_beam(bounds, objective)]
    if not seeds:
        raise _impossible(bounds, costs)
    best, best_us = _best(judge, seeds)
    best, best_us = _moved(judge, bounds, best, best_us)
    best, best_us, is_proven = _proven(judge, bounds, best, best_us, objective)
    alone_us = dict(zip(alone, judge.us(list(alone.values())).tolist(), strict=True))
    return Found(best, best_us, alone_us, is_proven, judge.judged)


def _impossible(bounds: Bounds, costs: Costs) -> MissingEntryError:
    """Returns what is said where the units that blocks were measured on cannot hand over to each other."""
    again = command_named("profile", "--device", costs.meta.device, "--out", costs.source, "--resume")
    return MissingEntryError(
        f"{costs.source}: no unit of {', '.join(bounds.units)} was measured with all blocks, and hand-overs that other placements need are"
        f" missing; to measure them: {again}"
    )


def _require_measured(bounds: Bounds, costs: Costs) -> None:
    for number, block in enumerate(bounds.cut.opaque):
        if not bounds.can_run(number):
            # It says how to measure the block.
            costs.block(bounds.units[0], block)


def _best(judge: Judge, assignments: Sequence[Assignment]) -> tuple[Assignment, float]:
    """Returns the best of several placements: of equal ones the first."""
    us = judge.us(assignments)
    number = int(np.argmin(us))
    return assignments[number], float(us[number])


def _beam(bounds: Bounds, objective: Objective) -> list[Assignment]:
    """Returns the placements of the least bounds, block by block."""
    going = [Partial.empty(bounds)]
    for _ in bounds.cut.blocks:
        longer = [found for partial in going for unit in range(len(bounds.units)) if (found := extended(partial, unit, bounds, objective))]
        going = sorted(longer, key=lambda partial: (partial.bound_us, sum(partial.busy_us)))[:_WIDTH]
    return [partial.units for partial in going[:_JUDGED]]


def _moved(judge: Judge, bounds: Bounds, best: Assignment, best_us: float) -> tuple[Assignment, float]:
    """Goes on with the best of all moves for as long as it is better."""
    left = max(_MOST_MOVED // (len(best) * judge.frames), _LEAST_MOVES)
    while left > 0:
        # A round tries half of what is left at most, so that others can follow where it finds something.
        moves = list(dict.fromkeys(_moves(best, bounds)))
        tried = moves[:: max(-(-2 * len(moves) // left), 1)]
        if not tried:
            break
        left -= len(tried)
        found, us = _best(judge, tried)
        if us >= best_us - _CLOSE:
            break
        best, best_us = found, us
    return best, best_us


def _moves(units: Assignment, bounds: Bounds) -> Iterator[Assignment]:
    """Gives all placements that differ in one run of neighbours on a unit: as a whole, or by a block at either end, or in one block."""
    for begin, end in _spans(units):
        for unit in range(len(bounds.units)):
            moved = (*units[:begin], *([unit] * (end - begin)), *units[end:])
            if moved != units and _is_possible(moved, bounds):
                yield moved


def _spans(units: Assignment) -> Iterator[tuple[int, int]]:
    begins = [0, *(at for at in range(1, len(units)) if units[at] != units[at - 1]), len(units)]
    yield from pairwise(begins)
    yield from ((at, at + 1) for at in range(len(units)))
    for begin, end in pairwise(begins):
        middle = (begin + end) // 2
        yield from ((begin, middle), (middle, end))


def _is_possible(units: Assignment, bounds: Bounds) -> bool:
    for number, unit in enumerate(units):
        if unit not in bounds.can_run(number):
            return False
        for before in bounds.cut.before[number]:
            if units[before] != unit and bounds.move(before, number, units[before], unit) is None:
                return False
    return True


def _proven(judge: Judge, bounds: Bounds, best: Assignment, best_us: float, objective: Objective) -> tuple[Assignment, float, bool]:
    """Looks at all placements, depth first, but those whose bound is no better than the best; gives up after `MOST_NODES`."""
    left = [Partial.empty(bounds)]
    leaves: list[Assignment] = []
    nodes = 0
    replays = max(_MOST_PROVEN // (len(bounds.cut.blocks) * judge.frames), _LEAVES)
    while left or leaves:
        if len(leaves) >= _LEAVES or not left:
            replays -= len(leaves)
            if replays < 0:
                return best, best_us, False
            leaf, us = _best(judge, leaves)
            leaves = []
            if us < best_us - _CLOSE:
                best, best_us = leaf, us
            continue
        partial = left.pop()
        if partial.bound_us >= best_us - _CLOSE:
            continue
        if len(partial.units) == len(bounds.cut.blocks):
            leaves.append(partial.units)
            continue
        nodes += 1
        if nodes > MOST_NODES:
            return best, best_us, False
        longer = [found for unit in range(len(bounds.units)) if (found := extended(partial, unit, bounds, objective))]
        left += sorted(longer, key=lambda found: -found.bound_us)
    return best, best_us, True
