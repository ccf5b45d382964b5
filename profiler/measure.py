"""Measuring: carries out what a request asks for and is not in the journal yet, and derives the tables."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from android_harness.execute import execute, finish_leftover
from android_harness.journal import Event, JobFailed, read_journal
from android_harness.target import Target
from collab.errors import HotDeviceError, JournalError
from lut.tables import Meta, Tables, save
from profiler.campaign import (
    SENTINEL_BLOCK,
    ChainId,
    JobId,
    Models,
    block_ids,
    make_phase,
    transfer_ids,
)
from profiler.deviation import keep_deviation, read_deviation
from profiler.pairs import pair_paths
from profiler.request import JOURNAL_FILE, Request
from profiler.samples import SampleStore
from profiler.tabulate import derive


@dataclass(frozen=True)
class Work:
    """Jobs that still need so many rounds."""

    name: str
    jobs: tuple[JobId, ...]
    rounds: int

    @property
    def visits(self) -> int:
        return len(self.jobs) * self.rounds


@dataclass(frozen=True)
class Outcome:
    """What came of a profile. `sampled_s`: the time spent in samples and in creating models; `wall_s`: all of it; both of this run."""

    tables: Tables
    complete: bool
    wall_s: float
    sampled_s: float


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
    blocks = block_ids(request.plan, list(request.units))
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
        load = models.chain(request.plan.chains[0]) if request.plan.chains else None
        try:
            for number, item in enumerate(work):
                name = f"{item.name}-{number}"
                phase = make_phase(
                    name, item.jobs, request.units, request.effort, models, rounds=item.rounds, seed=request.seed + number, load=load
                )
                if not execute(device, phase, folder / JOURNAL_FILE, note):
                    return False
        finally:
            chains = {job.blocks for item in work for job in item.jobs if isinstance(job, ChainId)}
            keep_deviation(folder, [models.pieces(chain) for chain in chains], request.units)
    return True


def tables_of(
    request: Request, store: SampleStore, conditions: Mapping[str, str], *, deviation: Mapping[str, float] | None = None
) -> Tables:
    """Tables derived from all samples; `conditions` says how the device is, `deviation` how far each unit's numbers are off."""
    settings = {"effort": asdict(request.effort), "seed": request.seed}
    derived = derive(store, request.units, request.plan, runtime=request.runtime, settings=settings)
    meta = Meta(
        device=request.device,
        fingerprint=request.fingerprint,
        units=request.units,
        fixed=derived.fixed,
        sentinels=derived.sentinels,
        network=tuple(block.key for block in request.plan.chains[0]) if request.plan.chains else (),
        network_runs=derived.network_runs,
        context=derived.context,
        channel_step=derived.channel_step,
        contention=derived.contention,
        sentinel_block=SENTINEL_BLOCK,
        handover={"wait": request.handover.wait, "path": request.handover.path},
        versions={"runtime": request.runtime, "runner": store.runner, **store.engines},
        models=request.models,
        settings=settings,
        conditions=conditions,
        measured_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        paths=pair_paths(store, request.units),
        deviation=dict(deviation or {}),
    )
    return Tables(derived.blocks, derived.transfers, meta)


def profile(device: Target, request: Request, folder: Path, on_work: Callable[[Sequence[Work]], Callable[[Event], None]]) -> Outcome:
    """Measures what is missing and writes the tables, also when it is stopped in the middle.

    Args:
        on_work: told what there is to do before it begins; gives what is to be told of every event.
    """
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    request.save(folder)
    finish_leftover(device, folder / JOURNAL_FILE)
    store = read_store(folder / JOURNAL_FILE)
    spent_before = store.sampled_ns + store.created_ns
    work = pending_work(request, store)
    complete = False
    try:
        complete = carry_out(device, request, work, store, folder, on_work(work))
    except HotDeviceError as error:
        _mark_unmeasured(store, work, str(error))
        raise
    finally:
        tables = tables_of(request, store, device.info.conditions, deviation=read_deviation(folder))
        save(tables, folder)
    sampled_s = (store.sampled_ns + store.created_ns - spent_before) / 1e9
    return Outcome(tables, complete, time.monotonic() - started, sampled_s)


def _mark_unmeasured(store: SampleStore, work: Sequence[Work], reason: str) -> None:
    """Rows of what a hot device left undone say so; the journal does not know of it, so it is measured when the profile goes on."""
    for item in work:
        for job in item.jobs:
            if job.text not in store.jobs:
                store.add(JobFailed(job.text, 0, reason))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for model files that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="syncnas-models-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
