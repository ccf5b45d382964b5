"""Work: what a request asks for and is not in the journal yet, and carrying it out."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from android_harness.protocol.journal import Event, JobFailed, read_journal
from android_harness.targets.base import Target
from android_harness.targets.execute import execute
from collab.errors import JournalError, RunnerError
from collab.files import write_whole, writing
from profiler.campaign import JobId, Models, NetworkId, block_ids, make_phase, transfer_ids
from profiler.deviation import keep_deviation
from profiler.limits import why_impossible
from profiler.request import JOURNAL_FILE, PLAN_FILE, Request
from profiler.samples import SampleStore


@dataclass(frozen=True)
class Work:
    """Jobs that still need so many rounds."""

    name: str
    jobs: tuple[JobId, ...]
    rounds: int

    @property
    def visits(self) -> int:
        return len(self.jobs) * self.rounds


def read_store(journal: Path) -> SampleStore:
    """All samples that were ever measured into this folder; empty where there is no journal yet.

    Raises:
        JournalError: a line in the middle is damaged.
    """
    store = SampleStore()
    try:
        if journal.exists():
            store.add_all(read_journal(journal))
    except JournalError as error:
        raise JournalError(f"{error}; remove that line to go on with the others, or profile into another folder") from error
    return store


def pending_work(request: Request, store: SampleStore, *, room: int | None = None) -> list[Work]:
    """What is left to do, in phases; jobs are grouped by how many rounds they lack.

    Args:
        room: how many bytes a job may take; jobs that take more are left out.
    """
    effort = request.effort
    blocks, transfers = (_possible(jobs, room) for jobs in _all_jobs(request))
    return [
        *_lacking("blocks", blocks, effort.max_rounds, effort.min_rounds, store),
        *_lacking("transfers", transfers, effort.transfer_rounds, effort.transfer_rounds, store),
    ]


def mark_impossible(request: Request, store: SampleStore, *, room: int) -> None:
    """Rows of jobs that take more than `room` bytes say so; only a plan that was not checked has any."""
    for job in chain(*_all_jobs(request)):
        reason = why_impossible(job, room)
        if reason is not None and job.text not in store.jobs:
            store.add(JobFailed(job.text, 0, reason))


def _all_jobs(request: Request) -> tuple[list[JobId], list[JobId]]:
    """Those of the first phases, and the transfers."""
    return (
        block_ids(request.plan, request.units),
        transfer_ids(request.plan, request.units, request.handover, all_waits=request.effort.all_waits),
    )


def _possible(jobs: list[JobId], room: int | None) -> list[JobId]:
    return jobs if room is None else [job for job in jobs if why_impossible(job, room) is None]


def _lacking(name: str, jobs: Sequence[JobId], rounds: int, enough: int, store: SampleStore) -> Iterator[Work]:
    groups: dict[int, list[JobId]] = defaultdict(list)
    for job in jobs:
        samples = store.jobs.get(job.text)
        visits = samples.visits if samples is not None and samples.failure is None else 0
        if visits < enough:
            groups[rounds - visits].append(job)
    for lacking in sorted(groups, reverse=True):
        yield Work(name, tuple(groups[lacking]), lacking)


def carry_out(
    device: Target, request: Request, work: Sequence[Work], store: SampleStore, folder: Path, on_event: Callable[[Event], None]
) -> bool:
    """Measures; every sample is in the journal before it is anywhere else. False if it was stopped before the end.

    The request is kept in the folder once the models of all jobs are written, and before the first of them is run. If the runner refuses
    them after all, the request that was there before is there again.

    Raises:
        ExportError, StorageError: a model cannot be written; the folder is as it was.
        RunnerError: see `execute`.
    """

    def note(event: Event) -> None:
        store.add(event)
        on_event(event)

    with temporary_folder() as models_folder:
        models = Models(models_folder)
        try:
            phases = [
                make_phase(f"{item.name}-{number}", item.jobs, request.units, request.effort, models, rounds=item.rounds, seed=seed)
                for number, (item, seed) in enumerate(zip(work, count(request.seed)))
            ]
            with kept(request, folder):
                for phase in phases:
                    if not execute(device, phase, folder / JOURNAL_FILE, note):
                        return False
        finally:
            networks = {job.network for item in work for job in item.jobs if isinstance(job, NetworkId)}
            keep_deviation(folder, [models.pieces(network) for network in networks], request.units)
    return True


@contextmanager
def kept(request: Request, folder: Path) -> Iterator[None]:
    """Keeps a request in a folder; gives the folder its earlier one back where the runner refuses what this one asks for."""
    plan = folder / PLAN_FILE
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        earlier = plan.read_bytes() if plan.exists() else None
    request.save(folder)
    try:
        yield
    except RunnerError:
        if earlier is not None:
            write_whole(plan, earlier)
        raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for model files that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="syncnas-models-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
