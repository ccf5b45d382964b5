"""Batches of jobs that a request asks for and that lack rounds in the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from profiler.job_ids import JobId
from profiler.limits import why_impossible
from profiler.phases import block_ids, groups_of, handover_ids, rehearsal_ids
from profiler.request import Request
from profiler.samples import SampleStore


@dataclass(frozen=True)
class JobBatch:
    """Jobs that still need `rounds` visits each; the runner gets them as one phase."""

    name: str
    jobs: tuple[JobId, ...]
    rounds: int

    @property
    def visits(self) -> int:
        return len(self.jobs) * self.rounds


def pending_batches(request: Request, store: SampleStore, *, room: int | None = None) -> list[JobBatch]:
    """Returns what is left to do: jobs together that lack equally many rounds, those that lack most first, hand-overs last.

    Jobs of a group (`groups_of`) are compared visit by visit, so all of them make as many rounds as the one that lacks most.

    Args:
        room: how many bytes a job may take; jobs that take more are left out.
    """
    effort = request.effort
    blocks, handovers = (_possible(jobs, request, room) for jobs in _all_jobs(request))
    return [
        *_lacking("blocks", blocks, effort.max_rounds, effort.min_rounds, store),
        *_lacking("transfers", handovers, effort.transfer_rounds, effort.transfer_rounds, store),
    ]


def mark_impossible(request: Request, store: SampleStore, *, room: int) -> None:
    """Notes of jobs that take more than `room` bytes why they fail; only a plan that was not checked has any."""
    for job in chain(*_all_jobs(request)):
        reason = why_impossible(job, room, request.plan)
        if reason is not None:
            store.fail(job, reason)


def running_ids(request: Request) -> list[JobId]:
    """Returns the jobs that run models: those on single units, and the rehearsals."""
    plan, units = request.plan, request.units
    return [*block_ids(plan, units), *rehearsal_ids(plan, units, request.handover)]


def _all_jobs(request: Request) -> tuple[Sequence[JobId], Sequence[JobId]]:
    """Returns the jobs that run models, and the hand-overs."""
    return (
        running_ids(request),
        handover_ids(request.plan, request.units, request.handover, all_waits=request.effort.all_waits),
    )


def _possible(jobs: Sequence[JobId], request: Request, room: int | None) -> Sequence[JobId]:
    return jobs if room is None else [job for job in jobs if why_impossible(job, room, request.plan) is None]


def _lacking(name: str, jobs: Sequence[JobId], rounds: int, enough: int, store: SampleStore) -> Iterator[JobBatch]:
    groups = groups_of(jobs)
    visits_of_group: dict[str, int] = {}
    for job, group in groups.items():
        visits_of_group[group] = min(_visits(job, store), visits_of_group.get(group, rounds))
    by_rounds: dict[int, list[JobId]] = defaultdict(list)
    for job in jobs:
        visits = visits_of_group[groups[job]] if job in groups else _visits(job, store)
        if visits < enough:
            by_rounds[rounds - visits].append(job)
    for lacking in sorted(by_rounds, reverse=True):
        yield JobBatch(name, tuple(by_rounds[lacking]), lacking)


def _visits(job: JobId, store: SampleStore) -> int:
    """Returns how many visits of a job there are; none count of one that failed at last."""
    samples = store.jobs.get(job)
    return samples.visits if samples is not None and samples.failure is None else 0
