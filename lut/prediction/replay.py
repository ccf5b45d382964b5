"""The replay: an event simulation of several units that work, copy and wait for each other.

It is the one implementation behind every predicted latency, and works on many architectures at once: arrays have a leading axis B of
architectures, then U units, then K operations that a unit carries out in order. Times are microseconds.

An operation may *need* an event (it then begins when that event has been fired and its wake-up time has passed, at the earliest when
the unit is free), takes an amount of *work*, and may *fire* an event when it ends. Work of a contention class progresses
at 1 / product of the factors that the other units, while they work on a class as well, impose on it; copying and waiting
(class NO_CLASS) neither slow nor are slowed.

Times are medians, but of two units that meet the one that happens to be later is waited for. Each unit may have a *jitter*, the relative
standard deviation of what it does between two waits. An operation that needs an event then begins later than both its unit and the event
are there by the mean of what the later of two normal variables exceeds the later of their means (Clark, The greatest of a finite set of
random variables, Operations Research 9, 1961). Units that have met begin anew together: also where only one of them has waited, as what
the other one did before is no more in what it waits for later.
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
"""The class of operations outside contention: copies, waits, calls."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Program:
    """The operations of B architectures on U units, K each (shorter ones padded with empty operations).

    `length` (B, U) is how many operations each unit really has; None where all have K. What lies behind is not carried out, and begins
    and ends at 0 in the timeline.
    """

    work_us: Floats
    contention_class: Ints
    needs: Ints
    wakeup_us: Floats
    fires: Ints
    length: Ints | None = None

    @property
    def events(self) -> int:
        return int(max(self.needs.max(initial=NONE), self.fires.max(initial=NONE))) + 1

    def __post_init__(self) -> None:
        shape = self.work_us.shape
        if len(shape) != 3 or any(a.shape != shape for a in (self.contention_class, self.needs, self.wakeup_us, self.fires)):
            raise ValueError("all arrays of a program must have the same shape (architectures, units, operations)")
        if self.length is not None and self.length.shape != shape[:2]:
            raise ValueError("the lengths of a program must have the shape (architectures, units)")


@dataclass(frozen=True)
class Timeline:
    """Begin and end of every operation (B, U, K), and the end of the last one of each architecture ended (B,)."""

    begin_us: Floats
    end_us: Floats
    total_us: Floats


class ReplayDeadlockError(SyncNasError):
    """An operation needs an event that is never fired: the program is not a schedule."""


def replay(program: Program, factors: Floats | None = None, jitter: Floats | None = None) -> Timeline:
    """Carries out the programs, and returns when everything began and ended.

    Args:
        jitter: (U,): the relative standard deviation of what each unit does between two waits. None: of none.
        factors: (U, C, U): ``factors[u, c, o]`` is by how much a class-c operation of unit u takes longer while unit o works on
            an operation of any class. None: no contention.

    Raises:
        ReplayDeadlockError: some unit waits for ever.
    """
    if program.work_us.size == 0:
        return Timeline(program.work_us.copy(), program.work_us.copy(), np.zeros(len(program.work_us)))
    return _Replay(program, factors, jitter).run()


_CROWD: Final = 0.7
"""Architectures that have ended are dropped from the arrays when fewer than this share is left."""


class _Replay:
    """State of the simulation; every step carries all architectures to their own next event.

    The program's arrays are flat, (B * U * K,), and read at `_base + position`; the state's have a row per architecture still going on.
    """

    def __init__(self, program: Program, factors: Floats | None, jitter: Floats | None) -> None:
        self._program = program
        self._jitter = jitter if jitter is not None and np.any(jitter > 0) else None
        count, units, length = program.work_us.shape
        self._factors = None if factors is None else _PairFactors(factors)
        self._work, self._wakeup = program.work_us.ravel(), program.wakeup_us.ravel()
        self._class, self._needs, self._fires = program.contention_class.ravel(), program.needs.ravel(), program.fires.ravel()
        self._base = (np.arange(count)[:, None] * units + np.arange(units)[None, :]) * length
        self._length = np.full((count, units), length, np.int64) if program.length is None else program.length
        self._now = np.zeros(count)
        self._position = np.zeros((count, units), np.int64)
        self._started = np.zeros((count, units), bool)
        self._left = np.zeros((count, units))
        # One column more than there are events: index NONE (-1) reads it, and it counts as fired from the beginning.
        self._columns = program.events + 1
        self._fired_at = np.full((count, self._columns), np.inf)
        self._fired_at[:, -1] = -np.inf
        # When each unit ended what it did last, how far that scatters, and how far the moments of events do.
        self._free_at = np.zeros((count, units))
        self._scatter = np.zeros((count, units))
        self._fired_scatter = np.zeros((count, self._columns))
        self._forks = _Forks(count, units, self._columns)
        self._begin = np.zeros(program.work_us.size)
        self._end = np.zeros(program.work_us.size)

    def run(self) -> Timeline:
        while True:
            busy = self._position < self._length
            alive: npt.NDArray[np.bool_] = np.any(busy, axis=1)
            left = int(np.count_nonzero(alive))
            if left == 0:
                break
            if left < _CROWD * len(alive):
                self._keep(alive)
                busy, alive = busy[alive], alive[alive]
            self._step(busy, alive)
        shape = self._program.work_us.shape
        end = self._end.reshape(shape)
        return Timeline(self._begin.reshape(shape), end, end.max(axis=(1, 2)))

    def _keep(self, rows: npt.NDArray[np.bool_]) -> None:
        self._base, self._length, self._now = self._base[rows], self._length[rows], self._now[rows]
        self._position, self._started, self._left = self._position[rows], self._started[rows], self._left[rows]
        self._fired_at = self._fired_at[rows]
        self._free_at, self._scatter, self._fired_scatter = self._free_at[rows], self._scatter[rows], self._fired_scatter[rows]
        self._forks.keep(rows)

    def _step(self, busy: npt.NDArray[np.bool_], alive: npt.NDArray[np.bool_]) -> None:
        at = self._base + np.minimum(self._position, self._length - 1)
        working = busy & self._started
        starts_at = np.maximum(self._now[:, None], self._ready_at(at))
        if self._factors is None:
            ends_at = self._now[:, None] + self._left
        else:
            slowdown = self._factors.slowdown(self._class[at], working)
            ends_at = self._now[:, None] + self._left * slowdown
        next_at = np.where(busy, np.where(self._started, ends_at, starts_at), np.inf)
        then = next_at.min(axis=1)
        if np.isinf(then[alive]).any():
            raise ReplayDeadlockError("the schedule waits for a hand-over that never comes")
        then = np.where(alive, then, self._now)
        passed = (then - self._now)[:, None]
        self._left -= np.where(working, passed if self._factors is None else passed / slowdown, 0.0)
        self._now = then
        due = busy & (next_at <= then[:, None])
        self._start(due & ~self._started, at)
        ending = due & working
        if ending.any():
            self._finish(ending, at)
            self._start_followers(ending)

    def _ready_at(self, at: Ints) -> Floats:
        """Returns when the operations' inputs will be there: rows of events, by flat index (a negative one counts from the row's end)."""
        needs = self._needs[at]
        rows = np.arange(len(at))[:, None] * self._columns
        event = rows + np.where(needs < 0, self._columns - 1, needs)
        ready: Floats = self._fired_at.ravel()[event] + self._wakeup[at]
        if self._jitter is not None:
            row, unit = np.nonzero((needs >= 0) & np.isfinite(ready) & ~self._started)
            if len(row):
                free, there = self._free_at[row, unit], ready[row, unit]
                own = self._scatter[row, unit] - self._forks.in_common(row, unit, needs[row, unit], self._fired_scatter)
                scatter = np.hypot(own, self._fired_scatter.ravel()[event[row, unit]])
                ready[row, unit] = np.maximum(free, there) + later_by_us(np.abs(free - there), scatter)
        return ready

    def _start_followers(self, ended: npt.NDArray[np.bool_]) -> None:
        """Starts at once what follows an operation that has just ended, unless it must wait."""
        followed = ended & (self._position < self._length)
        at = self._base + np.minimum(self._position, self._length - 1)
        self._start(followed & (self._ready_at(at) <= self._now[:, None]), at)

    def _start(self, which: npt.NDArray[np.bool_], at: Ints) -> None:
        row, unit = np.nonzero(which)
        operation = at[row, unit]
        self._begin[operation] = self._now[row]
        work = self._work[operation]
        self._left[row, unit] = work
        self._started[row, unit] = True
        if self._jitter is not None:
            met = self._needs[operation] != NONE
            self._meet(row[met], unit[met], operation[met])
            self._scatter[row, unit] = np.where(met, 0.0, self._scatter[row, unit]) + self._jitter[unit] * work
        # What takes no time ends at once; it would otherwise cost a step of its own.
        none = work == 0.0
        if none.any():
            instant = np.zeros_like(which)
            instant[row[none], unit[none]] = True
            self._finish(instant, at)

    def _meet(self, row: Ints, unit: Ints, operation: Ints) -> None:
        event = self._needs[operation]
        was_late = self._fired_at[row, event] + self._wakeup[operation] >= self._free_at[row, unit]
        self._forks.meet(row, unit, event, was_late)

    def _finish(self, which: npt.NDArray[np.bool_], at: Ints) -> None:
        row, unit = np.nonzero(which)
        operation = at[row, unit]
        now = self._now[row]
        self._end[operation] = now
        fired = self._fires[operation]
        fires = fired != NONE
        self._fired_at[row[fires], fired[fires]] = now[fires]
        self._fired_scatter[row[fires], fired[fires]] = self._scatter[row[fires], unit[fires]]
        if self._jitter is not None:
            self._forks.fire(row[fires], unit[fires], fired[fires])
        self._free_at[row, unit] = now
        self._position[row, unit] += 1
        self._started[row, unit] = False


class _Forks:
    """Events from which two units went on together: one fired it and never stopped, the other was idle until then."""

    def __init__(self, rows: int, units: int, columns: int) -> None:
        self._met = np.zeros((rows, units), np.int64)
        """Counts the waits of each unit (rows, units)."""
        self._begun_by = np.full((rows, units), NONE, np.int64)
        """The event that each unit was idle for last."""
        self._fired_by = np.full((rows, columns), NONE, np.int64)
        self._fired_met = np.zeros((rows, columns), np.int64)
        self._fired_begun_by = np.full((rows, columns), NONE, np.int64)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        self._met, self._begun_by = self._met[rows], self._begun_by[rows]
        self._fired_by, self._fired_met, self._fired_begun_by = self._fired_by[rows], self._fired_met[rows], self._fired_begun_by[rows]

    def meet(self, row: Ints, unit: Ints, event: Ints, was_late: npt.NDArray[np.bool_]) -> None:
        """Notes that units have waited; `was_late`: whether the event came after all that they did before."""
        self._met[row, unit] += 1
        self._begun_by[row[was_late], unit[was_late]] = event[was_late]

    def fire(self, row: Ints, unit: Ints, event: Ints) -> None:
        self._fired_by[row, event] = unit
        self._fired_met[row, event] = self._met[row, unit]
        self._fired_begun_by[row, event] = self._begun_by[row, unit]

    def in_common(self, row: Ints, unit: Ints, event: Ints, fired_scatter: Floats) -> Floats:
        """Returns what of the waiting units' scatter the one that fired the event has had as well: all up to where it was let go on."""
        fork = self._fired_begun_by[row, event]
        has = (fork != NONE) & (self._fired_by[row, fork] == unit) & (self._fired_met[row, fork] == self._met[row, unit])
        return np.where(has, fired_scatter[row, fork], 0.0)


def later_by_us(apart_us: Floats, scatter_us: Floats) -> Floats:
    """Returns by how much the later of two moments is later on average than the later one of their means.

    Args:
        apart_us: how far the means are apart.
        scatter_us: the standard deviation of the difference.
    """
    from scipy.special import ndtr

    safe = np.maximum(scatter_us, 1e-12)
    z = apart_us / safe
    later: Floats = safe * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) - apart_us * ndtr(-z)
    return np.where(scatter_us > 0, np.maximum(later, 0.0), 0.0)


class _PairFactors:
    """The factors by which units slow each other down."""

    def __init__(self, factors: Floats) -> None:
        # A class more, of ones: index NO_CLASS (-1) reads it.
        units, _, others = factors.shape
        self._factors = np.concatenate([factors, np.ones((units, 1, others))], axis=1)

    def slowdown(self, classes: Ints, working: npt.NDArray[np.bool_]) -> Floats:
        """(rows, U): the product, over the other units at work on a class, of the factors on each unit's own class."""
        contending = working & (classes != NO_CLASS)
        slowdown = np.ones(classes.shape)
        for unit in range(classes.shape[1]):
            for other in range(classes.shape[1]):
                if other != unit:
                    applies = contending[:, unit] & contending[:, other]
                    slowdown[:, unit] *= np.where(applies, self._factors[unit, classes[:, unit], other], 1.0)
        return slowdown
