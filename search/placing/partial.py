"""Placements that are decided up to some block, with the least times at which its units are free and its blocks have ended."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.placing.bounds import Bounds
from search.placing.objective import Assignment, Objective


@dataclass(frozen=True)
class Partial:
    """A placement of the first blocks.

    Attributes:
        free_us: when each unit has done what is decided.
        busy_us: how long it works in all.
        end_us: when each block has ended.
        open_block: the last block of each unit, whose segment goes on with the next one unless that awaits something new; -1: it has ended.
        awaited: for each unit, the last block of each other one that its last segment awaits; -1: none.
    """

    units: Assignment
    free_us: tuple[float, ...]
    busy_us: tuple[float, ...]
    end_us: tuple[float, ...]
    open_block: tuple[int, ...]
    awaited: tuple[tuple[int, ...], ...]
    bound_us: float

    @classmethod
    def empty(cls, bounds: Bounds) -> Partial:
        """Returns the placement of no block."""
        count = len(bounds.units)
        idle, none = (0.0,) * count, (-1,) * count
        return cls((), idle, idle, (), none, (none,) * count, 0.0)


def extended(partial: Partial, unit: int, bounds: Bounds, objective: Objective) -> Partial | None:
    """Returns the placement with the next block on a unit; None where that cannot be."""
    number = len(partial.units)
    run_us = bounds.run_us[number][unit]
    if math.isinf(run_us):
        return None
    free, busy, open_block = list(partial.free_us), list(partial.busy_us), list(partial.open_block)
    begin_us, own_us, awaited = free[unit], 0.0, list(partial.awaited)
    foreign = [before for before in bounds.cut.before[number] if partial.units[before] != unit]
    begins = open_block[unit] < 0 or any(before > awaited[unit][partial.units[before]] for before in foreign)
    latest = [-1] * len(free) if begins else list(awaited[unit])
    for before in foreign:
        sender = partial.units[before]
        move = bounds.move(before, number, sender, unit)
        if move is None:
            return None
        if begins:
            begin_us = max(begin_us, partial.end_us[before] + move.read_us + move.wakeup_us)
            own_us += move.write_us
        latest[sender] = max(latest[sender], before)
        if open_block[sender] == before:
            open_block[sender] = -1
    awaited[unit] = tuple(latest)
    if begins:
        own_us += bounds.call_us[unit] + bounds.write_us[number][unit]
    end_us = begin_us + own_us + run_us
    free[unit] = end_us
    busy[unit] += own_us + run_us
    open_block[unit] = number
    bound_us = _bound_us(partial, number, unit, end_us, busy, bounds, objective)
    return Partial((*partial.units, unit), tuple(free), tuple(busy), (*partial.end_us, end_us), tuple(open_block), tuple(awaited), bound_us)


def _bound_us(partial: Partial, number: int, unit: int, end_us: float, busy_us: list[float], bounds: Bounds, objective: Objective) -> float:
    shared_us = (sum(busy_us) + bounds.least_left_us[number + 1]) / len(busy_us)
    if objective is Objective.THROUGHPUT:
        return max(partial.bound_us, *busy_us, shared_us)
    return max(partial.bound_us, end_us + bounds.tail_us[number][unit], shared_us)
