"""The replay: an event simulation of several units that work, copy and wait for each other.

It is the one implementation behind every predicted latency, and works on many architectures at once: arrays have a leading axis B of
architectures, then U units, then K operations that a unit carries out in order. Times are microseconds.

An operation may *need* an event (it then begins when that event has been fired and its wake-up time has passed, at the earliest when
the unit is free), takes an amount of *work*, and may *fire* an event when it ends. Work of a contention class progresses
at 1 / product of the factors that the other units, while they work on a class as well, impose on it; copying and waiting
(class NO_CLASS) neither slow nor are slowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collab.errors import SyncNasError

NONE: Final = -1
"""No event."""
NO_CLASS: Final = -1
"""The class of operations outside contention: copies, waits, fixed costs."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Program:
    """What B architectures have their U units do, K operations each (shorter ones padded with empty operations)."""

    work_us: Floats
    contention_class: Ints
    needs: Ints
    wakeup_us: Floats
    fires: Ints

    @property
    def events(self) -> int:
        return int(max(self.needs.max(initial=NONE), self.fires.max(initial=NONE))) + 1

    def __post_init__(self) -> None:
        shape = self.work_us.shape
        if len(shape) != 3 or any(a.shape != shape for a in (self.contention_class, self.needs, self.wakeup_us, self.fires)):
            raise ValueError("all arrays of a program must have the same shape (architectures, units, operations)")


@dataclass(frozen=True)
class Timeline:
    """When every operation began and ended (B, U, K), and when the last one of each architecture ended (B,)."""

    begin_us: Floats
    end_us: Floats
    total_us: Floats


class ReplayDeadlockError(SyncNasError):
    """An operation needs an event that is never fired: the program is not a schedule."""


def replay(program: Program, factors: Floats | None = None) -> Timeline:
    """Carries out the programs.

    Args:
        factors: (U, C, U): ``factors[u, c, o]`` is by how much a class-c operation of unit u takes longer while unit o works on
            an operation of any class. None: no contention.

    Raises:
        ReplayDeadlockError: some unit waits for ever.
    """
    return _Replay(program, factors).run()


class _Replay:
    """State of the simulation; every step carries all architectures to their own next event."""

    def __init__(self, program: Program, factors: Floats | None) -> None:
        self._program = program
        self._factors = factors
        count, units, self._length = program.work_us.shape
        self._rows = np.arange(count)[:, None]
        self._columns = np.arange(units)[None, :]
        self._now = np.zeros(count)
        self._position = np.zeros((count, units), np.int64)
        self._started = np.zeros((count, units), bool)
        self._left = np.zeros((count, units))
        # One column more than there are events: index NONE (-1) reads it, and it counts as fired from the beginning.
        self._fired_at = np.full((count, program.events + 1), np.inf)
        self._fired_at[:, -1] = -np.inf
        self._begin = np.zeros(program.work_us.shape)
        self._end = np.zeros(program.work_us.shape)

    def run(self) -> Timeline:
        while True:
            busy = self._position < self._length
            if not busy.any():
                break
            self._step(busy)
        return Timeline(self._begin, self._end, self._end.max(axis=(1, 2)))

    def _step(self, busy: npt.NDArray[np.bool_]) -> None:
        program, at = self._program, (self._rows, self._columns, np.minimum(self._position, self._length - 1))
        ready_at = self._fired_at[self._rows, program.needs[at]] + program.wakeup_us[at]
        starts_at = np.maximum(self._now[:, None], ready_at)
        slowdown = self._slowdown(program.contention_class[at], busy & self._started)
        ends_at = self._now[:, None] + self._left * slowdown
        next_at = np.where(busy, np.where(self._started, ends_at, starts_at), np.inf)
        then = next_at.min(axis=1)
        alive = busy.any(axis=1)
        if np.isinf(then[alive]).any():
            raise ReplayDeadlockError("the schedule waits for a hand-over that never comes")
        then = np.where(alive, then, self._now)
        self._left -= np.where(busy & self._started, (then - self._now)[:, None] / slowdown, 0.0)
        self._now = then
        due = busy & (next_at <= then[:, None])
        ending, beginning = due & self._started, due & ~self._started
        self._finish(ending, at)
        self._start(beginning, at)

    def _slowdown(self, classes: Ints, working: npt.NDArray[np.bool_]) -> Floats:
        slowdown = np.ones(classes.shape)
        if self._factors is None:
            return slowdown
        contending = working & (classes != NO_CLASS)
        for unit in range(classes.shape[1]):
            for other in range(classes.shape[1]):
                if other != unit:
                    applies = contending[:, unit] & contending[:, other]
                    slowdown[:, unit] *= np.where(applies, self._factors[unit, classes[:, unit], other], 1.0)
        return slowdown

    def _start(self, which: npt.NDArray[np.bool_], at: tuple[Ints, Ints, Ints]) -> None:
        row, unit = np.nonzero(which)
        operation = at[2][row, unit]
        self._begin[row, unit, operation] = self._now[row]
        self._left[row, unit] = self._program.work_us[row, unit, operation]
        self._started[row, unit] = True
        # What takes no time ends at once; it would otherwise cost a step of its own.
        instant = np.zeros_like(which)
        instant[row, unit] = self._left[row, unit] == 0.0
        self._finish(instant, at)

    def _finish(self, which: npt.NDArray[np.bool_], at: tuple[Ints, Ints, Ints]) -> None:
        row, unit = np.nonzero(which)
        operation = at[2][row, unit]
        self._end[row, unit, operation] = self._now[row]
        fired = self._program.fires[row, unit, operation]
        self._fired_at[row[fired != NONE], fired[fired != NONE]] = self._now[row[fired != NONE]]
        self._position[row, unit] += 1
        self._started[row, unit] = False
