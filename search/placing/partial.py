"""Placements that are decided up to some block, with the least times at which its units are free and its blocks have ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from search.placing.bounds import Bounds
from search.placing.objective import Assignment, Objective

Known: TypeAlias = tuple[int, ...]
"""A block's number for each unit: all blocks of that unit up to this one have ended; -1: none."""


@dataclass(frozen=True)
class Partial:
    """A placement of the first blocks.

    Attributes:
        free_us: when each unit has done what is decided.
        busy_us: how long it works in all.
        end_us: when each block has ended.
        open_block: the last block of each unit, whose segment goes on with the next one unless that awaits something; -1: it has ended.
        taken: the blocks of other units that each unit's last segment takes from.
        known: for each unit, up to which block of each unit all have ended before its last segment begins.
        known_before: the same for the segment of each block.
    """

    units: Assignment
    free_us: tuple[float, ...]
    busy_us: tuple[float, ...]
    end_us: tuple[float, ...]
    open_block: tuple[int, ...]
    taken: tuple[frozenset[int], ...]
    known: tuple[Known, ...]
    known_before: tuple[Known, ...]
    bound_us: float

    @classmethod
    def empty(cls, bounds: Bounds) -> Partial:
        """Returns the placement of no block."""
        count = len(bounds.units)
        idle, nothing = (0.0,) * count, (-1,) * count
        return cls((), idle, idle, (), nothing, (frozenset(),) * count, (nothing,) * count, (), 0.0)


def extended(partial: Partial, unit: int, bounds: Bounds, objective: Objective) -> Partial | None:
    """Returns the placement with the next block on a unit; None where that cannot be."""
    number = len(partial.units)
    run_us = bounds.run_us[number][unit]
    if math.isinf(run_us):
        return None
    open_block, taken, known = list(partial.open_block), list(partial.taken), list(partial.known)
    senders = [before for before in bounds.cut.before[number] if partial.units[before] != unit]
    awaited = _awaited(partial, unit, senders) if senders else ()
    for before in awaited:
        if open_block[partial.units[before]] == before:
            open_block[partial.units[before]] = -1
    begin_us, own_us, call_us = partial.free_us[unit], 0.0, 0.0
    if awaited or open_block[unit] < 0:
        # Copies of the network's inputs may go on while others are awaited.
        call_us = bounds.call_us[unit]
        own_us = bounds.write_us[number][unit]
        begin_us += own_us
        taken[unit] = frozenset()
    for before in senders:
        move = bounds.move(before, number, partial.units[before], unit)
        if move is None:
            return None
        begin_us = max(begin_us, partial.end_us[before] + move.read_us + bounds.least_wakeup_us[partial.units[before]][unit])
        if before not in taken[unit]:
            begin_us += move.write_us
            own_us += move.write_us
    if senders:
        taken[unit] = taken[unit].union(senders)
    if awaited:
        known[unit] = _known_with(partial, unit, awaited)
    end_us = begin_us + call_us + run_us
    free, busy = list(partial.free_us), list(partial.busy_us)
    free[unit] = end_us
    busy[unit] += own_us + call_us + run_us
    open_block[unit] = number
    return Partial(
        units=(*partial.units, unit),
        free_us=tuple(free),
        busy_us=tuple(busy),
        end_us=(*partial.end_us, end_us),
        open_block=tuple(open_block),
        taken=tuple(taken),
        known=tuple(known),
        known_before=(*partial.known_before, known[unit]),
        bound_us=_bound_us(partial, number, unit, end_us, busy, bounds, objective),
    )


def _awaited(partial: Partial, unit: int, senders: Sequence[int]) -> tuple[int, ...]:
    """Returns those of the blocks that a block takes from which nothing else tells to have ended (`graph.scheduling.Knowledge`)."""
    units = partial.units
    found = []
    for block in senders:
        sender = units[block]
        told = max([partial.known[unit][sender], *(partial.known_before[other][sender] for other in senders if other != block)])
        newest = max(other for other in senders if units[other] == sender)
        if block > told and block == newest:
            found.append(block)
    return tuple(found)


def _known_with(partial: Partial, unit: int, awaited: Sequence[int]) -> Known:
    """Returns what a unit knows to have ended once it has awaited blocks."""
    known = map(max, partial.known[unit], *(partial.known_before[block] for block in awaited))
    newest = {partial.units[block]: block for block in awaited}
    return tuple(max(number, newest.get(other, -1)) for other, number in enumerate(known))


def _bound_us(partial: Partial, number: int, unit: int, end_us: float, busy_us: list[float], bounds: Bounds, objective: Objective) -> float:
    shared_us = (sum(busy_us) + bounds.least_left_us[number + 1]) / len(busy_us)
    if objective is Objective.THROUGHPUT:
        return max(partial.bound_us, *busy_us, shared_us)
    return max(partial.bound_us, end_us + bounds.tail_us[number][unit], shared_us)
