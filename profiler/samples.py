"""Samples: what a journal holds of each job, gathered over all its visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from android_harness.protocol.device_events import Cooled, SettingChecked, StateChecked
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
from android_harness.targets.device_notes import DeviceNotes
from collab.errors import JournalError, TableError
from collab.wording.options import option_named
from lut.paths import PATHS
from lut.statistics import Summary, summarise
from profiler.job_ids import JobId, parse_job_id
from profiler.provenance import UNKNOWN, Provenance, differences

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

    def path_taken(self, asked: str) -> str:
        """Returns the path by which two units handed over: which one `asked` led to is told by the visits, if there are any."""
        return self.transfers[0].path if self.transfers and self.transfers[0].path in PATHS else asked

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


@dataclass
class _Era:
    """Everything that was measured under one provenance; None: before the journal said any."""

    provenance: Provenance | None = None
    jobs: dict[JobId, JobSamples] = field(default_factory=dict)
    by_text: dict[str, JobSamples | None] = field(default_factory=dict)
    sampled_ns: int = 0
    created_ns: int = 0
    last_unix_ns: int = 0
    elapsed_ns: int = 0
    dropped_hot: int = 0
    notes: DeviceNotes = field(default_factory=DeviceNotes)

    @property
    def visits(self) -> int:
        return sum(samples.visits for samples in self.jobs.values())


@dataclass(frozen=True)
class NotCounted:
    """The number of visits that do not count because they have another provenance, and in what it differs, in words."""

    visits: int
    differences: tuple[str, ...]


class SampleStore:
    """The samples of all jobs, by job; tables and comparisons are derived from it.

    It takes the events that count (`counting_events`). Visits of jobs whose id `parse_job_id` does not know are left out.

    Visits of one provenance count at a time: that of the newest phase, or the one that `turn_to` was given. Visits of others are kept
    apart (`not_counted`) and are in no job of this store, so that whoever asks for a job's visits finds it unmeasured. All other numbers
    here are of the provenance that counts, too.
    """

    def __init__(self) -> None:
        self._era = _Era()
        self._eras = [self._era]
        """All of them, the newest last."""
        self._settings_made: list[SettingChecked] = []
        """Those of the phase that is about to begin."""
        self._phase = 0
        self._seen_unix_ns = 0
        self._to_unix_ns = 0

    @property
    def jobs(self) -> dict[JobId, JobSamples]:
        return self._era.jobs

    @property
    def provenance(self) -> Provenance | None:
        """The provenance whose visits count, with all engines that its phases opened; None before any phase."""
        return self._era.provenance

    @property
    def sampled_ns(self) -> int:
        return self._era.sampled_ns

    @property
    def created_ns(self) -> int:
        return self._era.created_ns

    @property
    def last_unix_ns(self) -> int:
        return self._era.last_unix_ns

    @property
    def elapsed_ns(self) -> int:
        """The time that measuring has taken so far, with the time between two samples and between two phases of one command."""
        return self._era.elapsed_ns

    @property
    def dropped_hot(self) -> int:
        """Visits that do not count because the device was hot."""
        return self._era.dropped_hot

    @property
    def notes(self) -> DeviceNotes:
        return self._era.notes

    @property
    def not_counted(self) -> NotCounted:
        others = [era for era in self._eras if era is not self._era and era.visits]
        now = self._era.provenance or UNKNOWN
        found = (words for era in others for words in differences(era.provenance or UNKNOWN, now))
        return NotCounted(sum(era.visits for era in others), tuple(dict.fromkeys(found)))

    def with_jobs(self, jobs: dict[JobId, JobSamples]) -> SampleStore:
        """Returns a store that says of all but the jobs what this one says."""
        other = copy(self)
        other._era = replace(self._era, jobs=jobs)
        return other

    def turn_to(self, provenance: Provenance) -> None:
        """Has visits of this provenance count from now on, and no others.

        Where phases opened different engines, the newest of those that agree with each other count: two that each agree with a third one
        may not agree themselves.
        """
        agreeing = (era for era in reversed(self._eras) if era.provenance is not None and not differences(era.provenance, provenance))
        found = next(agreeing, None)
        if found is None:
            found = self._era if self._era.provenance is None and not self._era.jobs else _Era()
        found.provenance = provenance if found.provenance is None else provenance.with_engines_of(found.provenance)
        self._eras = [*(era for era in self._eras if era is not found), found]
        self._era = found

    def check_goes_on(self, provenance: Provenance) -> None:
        """Checks that visits of a provenance would be put together with those that count.

        Raises:
            TableError: a runner, library or setting has changed while it was measured.
        """
        changed = differences(self._era.provenance or UNKNOWN, provenance) if self._era.visits else ()
        if changed:
            raise TableError(
                f"what measures has changed since the visits that count: {'; '.join(changed)}. Visits of both are not put together; give"
                f" the command again with {option_named('--resume')}, and what was measured before the change is measured again"
            )

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
            self._era.sampled_ns += event.sampled_ns
            self._era.created_ns += event.created_ns
        elif isinstance(event, VisitsUndone):
            self._era.dropped_hot += event.visits
        elif isinstance(event, SettingChecked) and event.moment == "made":
            # Made before the phase begins that it is for.
            self._settings_made.append(event)
        elif isinstance(event, (SettingChecked, StateChecked, Cooled)):
            self._era.notes.add(event)
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
        era = self._era
        if text not in era.by_text:
            job = parse_job_id(text)
            era.by_text[text] = None if job is None else era.jobs.setdefault(job, JobSamples())
        return era.by_text[text]

    def _begin_phase(self, event: PhaseStarted) -> None:
        self._phase += 1
        before = self._era
        self.turn_to(Provenance.of(event))
        self._era.notes.add(event)
        while self._settings_made:
            self._era.notes.add(self._settings_made.pop(0))
        self._era.last_unix_ns = event.unix_ns
        self._to_unix_ns = event.unix_ns - event.t_ns
        pause_ns = event.unix_ns - self._seen_unix_ns
        if self._era is before and self._seen_unix_ns and 0 < pause_ns < _LONGEST_PAUSE_NS:
            self._era.elapsed_ns += pause_ns
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
        self._era.elapsed_ns += max(unix_ns - self._seen_unix_ns, 0)
        self._seen_unix_ns = unix_ns


def read_store(journal: Path) -> SampleStore:
    """Reads all samples that a journal holds; those of the newest phase's provenance count. None where there is no journal yet.

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
