"""Work: what a request asks for and is not in the journal yet, and carrying it out."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from android_harness.execute import execute
from android_harness.journal import Event, read_journal
from android_harness.target import Target
from collab.errors import JournalError
from profiler.campaign import JobId, Models, NetworkId, block_ids, make_phase, transfer_ids
from profiler.deviation import keep_deviation
from profiler.request import JOURNAL_FILE, Request
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


def pending_work(request: Request, store: SampleStore) -> list[Work]:
    """What is left to do, in phases; jobs are grouped by how many rounds they lack."""
    effort = request.effort
    blocks = block_ids(request.plan, request.units)
    transfers = transfer_ids(request.plan, request.units, request.handover, all_waits=effort.all_waits)
    return [
        *_lacking("blocks", blocks, effort.max_rounds, effort.min_rounds, store),
        *_lacking("transfers", transfers, effort.transfer_rounds, effort.transfer_rounds, store),
    ]


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
    """Measures; every sample is in the journal before it is anywhere else. False if it was stopped before the end."""

    def note(event: Event) -> None:
        store.add(event)
        on_event(event)

    with temporary_folder() as models_folder:
        models = Models(models_folder)
        try:
            for number, item in enumerate(work):
                name = f"{item.name}-{number}"
                phase = make_phase(name, item.jobs, request.units, request.effort, models, rounds=item.rounds, seed=request.seed + number)
                if not execute(device, phase, folder / JOURNAL_FILE, note):
                    return False
        finally:
            networks = {job.network for item in work for job in item.jobs if isinstance(job, NetworkId)}
            keep_deviation(folder, [models.pieces(network) for network in networks], request.units)
    return True


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for model files that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="syncnas-models-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
