"""Samples: what a journal holds of each job, gathered over all its visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from android_harness.protocol.journal import (
    CollabDone,
    Event,
    HandoverDone,
    JobFailed,
    JobStarted,
    PhaseEnded,
    PhaseStarted,
    TimeDone,
    VisitsUndone,
    read_journal,
)
from android_harness.protocol.visit_groups import VisitDone, counting_events
from collab.errors import JournalError
from lut.statistics import Summary, summarise
from profiler.job_ids import JobId, parse_job_id

_LONGEST_PAUSE_NS: Final = 60_000_000_000
"""Between two phases of one command there is no longer pause."""
MOST_NS: Final = 1 << 50
"""Longer than any time that is taken for one, and sums of it still fit."""
Slowness: TypeAlias = npt.NDArray[np.float64]
"""One value for each visit: how many times as long as usual everything took."""


@dataclass
class JobSamples:
    """All visits of one job, in the order of time (`t_ns` is Unix time). `failure` is why its last visit failed, None if it did not.

    `slowness` (one value for each of `times`; None: 1) is divided out of samples, but not out of the visits themselves. `phases` has
    for each of `collabs` the number of its phase in the journal; rounds are counted anew in each.
    """

    times: list[TimeDone] = field(default_factory=list)
    transfers: list[HandoverDone] = field(default_factory=list)
    collabs: list[CollabDone] = field(default_factory=list)
    failure: str | None = None
    slowness: Slowness | None = None
    phases: list[int] = field(default_factory=list)
    _by_visit: dict[str, list[list[int]]] = field(default_factory=dict, repr=False, compare=False)
    _summaries: dict[str, Summary] = field(default_factory=dict, repr=False, compare=False)

    @property
    def visits(self) -> int:
        return len(self.times) + len(self.transfers) + len(self.collabs)

    def add(self, visit: VisitDone, *, phase: int = 0) -> None:
        """Adds a visit that succeeded, and forgets what was computed of those before."""
        self.failure = None
        self._by_visit.clear()
        self._summaries.clear()
        if isinstance(visit, TimeDone):
            self.times.append(visit)
        elif isinstance(visit, HandoverDone):
            self.transfers.append(visit)
        else:
            self.collabs.append(visit)
            self.phases.append(phase)

    def by_visit(self, name: str) -> list[list[int]]:
        """Returns each visit's samples of one kind (write, run, read ...; nanoseconds); computed once, not to be changed."""
        found = self._by_visit.get(name)
        if found is None:
            visits: list[TimeDone | HandoverDone] = [*self.times, *self.transfers]
            found = [list(visit.samples[name]) for visit in visits]
            if self.slowness is not None:
                found = _divided(found, np.append(self.slowness, np.ones(len(self.transfers))))
            self._by_visit[name] = found
        return found

    def pooled(self, name: str) -> list[int]:
        """Returns all samples of one kind, over all visits."""
        return list(chain.from_iterable(self.by_visit(name)))

    def summary(self, name: str) -> Summary:
        """Returns the statistics of all samples of one kind, of which there must be one at least; computed once."""
        found = self._summaries.get(name)
        if found is None:
            found = self._summaries[name] = summarise(self.by_visit(name))
        return found


def _divided(visits: Sequence[Sequence[int]], slowness: Slowness) -> list[list[int]]:
    """Returns times (nanoseconds) of visits divided by each visit's slowness. A time of 0 stays, others are at least 1."""
    lengths = [len(visit) for visit in visits]
    exact = np.fromiter(chain.from_iterable(visits), dtype=np.float64)
    scaled = np.where(exact == 0, 0, np.clip(np.rint(exact * (1 / np.repeat(slowness, lengths))), 1, MOST_NS))
    values = iter(scaled.astype(np.int64).tolist())
    return [list(islice(values, length)) for length in lengths]


class SampleStore:
    """The samples of all jobs, by job; tables and comparisons are derived from it.

    It takes the events that count (`counting_events`). Visits of jobs whose id `parse_job_id` does not know are left out.
    """

    def __init__(self) -> None:
        self.jobs: dict[JobId, JobSamples] = {}
        self.engines: dict[str, str] = {}
        self.runner = ""
        self.sampled_ns = 0
        self.created_ns = 0
        self.last_unix_ns = 0
        self.elapsed_ns = 0
        """The time that measuring has taken so far, with the time between two samples and between two phases of one command."""
        self.dropped_hot = 0
        """Visits that do not count because the device was hot."""
        self._by_text: dict[str, JobSamples | None] = {}
        self._phase = 0
        self._seen_unix_ns = 0
        self._to_unix_ns = 0

    def measured(self, job: JobId) -> JobSamples | None:
        """Returns what there is of a job whose last visit did not fail; None if that is nothing."""
        samples = self.jobs.get(job)
        return samples if samples is not None and samples.failure is None and samples.visits else None

    def add(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._begin_phase(event)
        elif isinstance(event, JobStarted):
            self._note_time(event.t_ns)
        elif isinstance(event, PhaseEnded):
            self.sampled_ns += event.sampled_ns
            self.created_ns += event.created_ns
        elif isinstance(event, VisitsUndone):
            self.dropped_hot += event.visits
        elif isinstance(event, JobFailed):
            samples = self._samples_of(event.job)
            if samples is not None:
                samples.failure = event.reason
        elif isinstance(event, (TimeDone, HandoverDone, CollabDone)):
            self._add_visit(event)

    def add_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.add(event)

    def fail(self, job: JobId, reason: str) -> None:
        """Notes why a job was not visited; a job that was visited or failed before stays as it is."""
        if job not in self.jobs:
            self.add(JobFailed(job.text, 0, reason))

    def _samples_of(self, text: str) -> JobSamples | None:
        """Returns where a job's visits belong; None of an unknown id."""
        if text not in self._by_text:
            job = parse_job_id(text)
            self._by_text[text] = None if job is None else self.jobs.setdefault(job, JobSamples())
        return self._by_text[text]

    def _begin_phase(self, event: PhaseStarted) -> None:
        self._phase += 1
        self.engines.update(event.engines)
        self.runner, self.last_unix_ns = event.runner, event.unix_ns
        self._to_unix_ns = event.unix_ns - event.t_ns
        pause_ns = event.unix_ns - self._seen_unix_ns
        if self._seen_unix_ns and 0 < pause_ns < _LONGEST_PAUSE_NS:
            self.elapsed_ns += pause_ns
        self._seen_unix_ns = event.unix_ns

    def _add_visit(self, event: VisitDone) -> None:
        self._note_time(event.t_ns)
        samples = self._samples_of(event.job)
        if samples is not None:
            # A monotonic clock begins anew when a device restarts; visits of several phases are put on one line of time.
            samples.add(msgspec.structs.replace(event, t_ns=event.t_ns + self._to_unix_ns), phase=self._phase)

    def _note_time(self, t_ns: int) -> None:
        """Counts the time since the last line of this phase; a clock that was set back counts nothing."""
        unix_ns = t_ns + self._to_unix_ns
        self.elapsed_ns += max(unix_ns - self._seen_unix_ns, 0)
        self._seen_unix_ns = unix_ns


def read_store(journal: Path) -> SampleStore:
    """Reads all samples that a journal holds; none where there is no journal yet.

    Raises:
        JournalError: a line in the middle is damaged.
    """
    store = SampleStore()
    try:
        if journal.exists():
            store.add_all(counting_events(read_journal(journal)))
    except JournalError as error:
        raise JournalError(f"{error}; remove that line to go on with the others, or profile into another folder") from error
    return store
