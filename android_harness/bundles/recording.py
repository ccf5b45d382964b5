"""Recordings: what a journal holds of the runs of one bundle, and what the device said of itself meanwhile, on one line of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from android_harness.protocol.device_events import Cooled, StateChecked
from android_harness.protocol.journal import CollabDone, Event, JobStarted, PhaseStarted, TimeDone
from lut.statistics import summarise

_LATER_PART: Final = re.compile(r"-(after|again)\d+$")
"""Ends the name of a phase that goes on with one that broke off."""
_KHZ_PER_MHZ: Final = 1000
_MC_PER_C: Final = 1000


@dataclass(frozen=True)
class RecordedVisit:
    """A visit of the bundle: when it began and ended, in nanoseconds of Unix time, and its runs."""

    begin_ns: int
    end_ns: int
    done: CollabDone


@dataclass(frozen=True)
class Look:
    """A value that the device had when somebody looked at it, at a moment in nanoseconds of Unix time."""

    at_ns: int
    name: str
    unit: str
    value: float


@dataclass(frozen=True)
class RecordedRun:
    """One run of the bundle; `number` counts from 1 over all visits, `index` from 0 within its visit."""

    number: int
    visit: RecordedVisit
    index: int

    @property
    def total_ns(self) -> int:
        return self.visit.done.total_ns[self.index]


@dataclass
class _Measurement:
    """Phases of one command, by their names, and what they have measured so far."""

    phases: set[str] = field(default_factory=set)
    visits: list[RecordedVisit] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)


class Recording:
    """The newest measurement of one bundle, out of events that count (`counting_events`), in their order.

    A command that is given anew appends to the same journal; its first phase has the name of one that was there before, and what was
    before is left out. A command that was stopped before its first visit has measured nothing, and the one before it stays the newest.
    """

    def __init__(self, wanted: Callable[[str], bool], unit_of: Callable[[str], str | None] = lambda _: None) -> None:
        """`wanted` tells whether a job runs the bundle, and `unit_of` the unit of a job that times one (None: of any other job)."""
        self._wanted, self._unit_of = wanted, unit_of
        self._to_unix_ns = 0
        self._begun: dict[tuple[str, int], int] = {}
        self._present, self._earlier = _Measurement(), _Measurement()

    def add(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._begin_phase(event)
        elif isinstance(event, JobStarted):
            self._begun[event.job, event.round] = event.t_ns + self._to_unix_ns
        elif isinstance(event, CollabDone):
            if self._wanted(event.job):
                self._add_visit(event)
        elif isinstance(event, (TimeDone, StateChecked, Cooled)):
            self._present.looks += self._looks_of(event)

    @property
    def visits(self) -> list[RecordedVisit]:
        """All visits, in their order."""
        return self._newest.visits

    @property
    def looks(self) -> list[Look]:
        """Looks at the device, in the order of time."""
        return self._newest.looks

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions of the last phase, by their names."""
        return self._newest.conditions

    @property
    def runs(self) -> list[RecordedRun]:
        """All runs, in their order."""
        found = [(visit, index) for visit in self.visits for index in range(len(visit.done.total_ns))]
        return [RecordedRun(number, visit, index) for number, (visit, index) in enumerate(found, start=1)]

    @property
    def median_us(self) -> float:
        """The median of what a run takes over at least one visit, in microseconds (`lut.statistics.Summary`)."""
        return summarise(visit.done.total_ns for visit in self.visits).median_us

    def median_run(self) -> RecordedRun:
        """Returns the run that is nearest to the median; of several, the first."""
        median_us = self.median_us
        return min(self.runs, key=lambda run: abs(run.total_ns / 1e3 - median_us))

    @property
    def _newest(self) -> _Measurement:
        return self._present if self._present.visits else self._earlier if self._earlier.visits else self._present

    def _begin_phase(self, event: PhaseStarted) -> None:
        # A monotonic clock begins anew when a device restarts.
        self._to_unix_ns = event.unix_ns - event.t_ns
        self._begun.clear()
        if event.phase in self._present.phases and not _LATER_PART.search(event.phase):
            self._earlier, self._present = self._newest, _Measurement()
        self._present.phases.add(event.phase)
        self._present.conditions = dict(event.conditions)

    def _add_visit(self, event: CollabDone) -> None:
        end_ns = event.t_ns + self._to_unix_ns
        begin_ns = self._begun.get((event.job, event.round), end_ns)
        self._present.visits.append(RecordedVisit(min(begin_ns, end_ns), end_ns, event))

    def _looks_of(self, event: TimeDone | StateChecked | Cooled) -> Iterator[Look]:
        at_ns = event.t_ns + self._to_unix_ns
        if event.temperature_mc is not None:
            yield Look(at_ns, "temperature", "celsius", event.temperature_mc / _MC_PER_C)
        if isinstance(event, TimeDone):
            unit = self._unit_of(event.job)
            if unit is not None and event.clock_khz:
                yield Look(at_ns, f"clock of {unit}", "MHz", min(event.clock_khz) / _KHZ_PER_MHZ)
        elif isinstance(event, StateChecked):
            if event.thermal_status is not None:
                yield Look(at_ns, "thermal status", "status", event.thermal_status)
            for unit, caps_khz in event.caps_khz.items():
                known = [cap_khz for cap_khz in caps_khz if cap_khz is not None]
                if known:
                    yield Look(at_ns, f"clock cap of {unit}", "MHz", min(known) / _KHZ_PER_MHZ)
