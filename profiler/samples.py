"""Samples: what a journal holds of each job, gathered over all its visits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from android_harness.protocol.journal import CollabDone, Event, JobFailed, JobStarted, PhaseEnded, PhaseStarted, TimeDone, TransferDone
from android_harness.protocol.visit_groups import VisitGroups

_LONGEST_PAUSE_NS: Final = 60_000_000_000
"""A longer one between two phases is no command's that was at work."""


@dataclass
class JobSamples:
    """All visits of one job, in the order of time (`t_ns` is Unix time). `failure` is why its last visit failed, None if it did not."""

    times: list[TimeDone] = field(default_factory=list)
    transfers: list[TransferDone] = field(default_factory=list)
    collabs: list[CollabDone] = field(default_factory=list)
    failure: str | None = None

    @property
    def visits(self) -> int:
        return len(self.times) + len(self.transfers) + len(self.collabs)

    def pooled(self, name: str) -> list[int]:
        """All samples of one kind (write, run, read ...; nanoseconds), over all visits."""
        visits: list[TimeDone | TransferDone] = [*self.times, *self.transfers]
        return [value for visit in visits for value in visit.samples[name]]


class SampleStore:
    """Gathers events; tables and comparisons are derived from it."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobSamples] = {}
        self.engines: dict[str, str] = {}
        self.runner = ""
        self.sampled_ns = 0
        self.created_ns = 0
        self.last_unix_ns = 0
        self.elapsed_ns = 0
        """How long measuring has taken so far, with what stood between two samples and between two phases of one command."""
        self._seen_unix_ns = 0
        self._groups = VisitGroups()
        self._to_unix_ns = 0

    def measured(self, job: str) -> JobSamples | None:
        """What there is of a job whose last visit did not fail; None if that is nothing."""
        samples = self.jobs.get(job)
        return samples if samples is not None and samples.failure is None and samples.visits else None

    @property
    def dropped_hot(self) -> int:
        """Visits that do not count because the device was hot."""
        return self._groups.dropped_hot

    def add(self, event: Event) -> None:
        for counting in self._groups.feed(event):
            self._add(counting)

    def _add(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self.engines.update(event.engines)
            self.runner, self.last_unix_ns = event.runner, event.unix_ns
            self._to_unix_ns = event.unix_ns - event.t_ns
            pause_ns = event.unix_ns - self._seen_unix_ns
            if self._seen_unix_ns and 0 < pause_ns < _LONGEST_PAUSE_NS:
                self.elapsed_ns += pause_ns
            self._seen_unix_ns = event.unix_ns
        elif isinstance(event, JobStarted):
            self._note_time(event.t_ns)
        elif isinstance(event, PhaseEnded):
            self.sampled_ns += event.sampled_ns
            self.created_ns += event.created_ns
        elif isinstance(event, (TimeDone, TransferDone, CollabDone, JobFailed)):
            self._add_visit(event)

    def add_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.add(event)

    def _add_visit(self, event: TimeDone | TransferDone | CollabDone | JobFailed) -> None:
        samples = self.jobs.setdefault(event.job, JobSamples())
        if isinstance(event, JobFailed):
            samples.failure = event.reason
            return
        samples.failure = None
        self._note_time(event.t_ns)
        # A monotonic clock begins anew when a device restarts; visits of several phases are put on one line of time.
        event = msgspec.structs.replace(event, t_ns=event.t_ns + self._to_unix_ns)
        if isinstance(event, TimeDone):
            samples.times.append(event)
        elif isinstance(event, TransferDone):
            samples.transfers.append(event)
        else:
            samples.collabs.append(event)

    def _note_time(self, t_ns: int) -> None:
        """Counts the time since the last line of this phase; a clock that was set back counts nothing."""
        unix_ns = t_ns + self._to_unix_ns
        self.elapsed_ns += max(unix_ns - self._seen_unix_ns, 0)
        self._seen_unix_ns = unix_ns
