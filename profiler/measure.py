"""Measuring: carries out what a request asks for and is not in the journal yet, and derives the tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from android_harness.device.base import Notice
from android_harness.targets.base import Target
from collab.console import tell
from collab.errors import HotDeviceError
from collab.files import writing
from lut.tables import Tables, save
from profiler.budgeted import spend
from profiler.deviation import read_deviation
from profiler.execution import Observer, carry_out
from profiler.limits import room_bytes
from profiler.look import present_provenance
from profiler.pending import JobBatch, mark_impossible, pending_batches
from profiler.request import JOURNAL_FILE, PLAN_FILE, Request
from profiler.samples import SampleStore, read_store
from profiler.tabulate import tables_of


@dataclass(frozen=True)
class ProfileResult:
    """The tables of a profile, and whether it came to its end.

    `sampled_s`: the time spent in samples and in creating models; `wall_s`: all of it; `dropped_hot`: visits that do not count because the
    device was hot. All three of this run. `not_counted`: visits in the journal that do not count because they have another provenance.
    """

    tables: Tables
    complete: bool
    wall_s: float
    sampled_s: float
    dropped_hot: int
    not_counted: int


def profile(device: Target, request: Request, folder: Path, observer: Observer, *, notice: Notice = tell) -> ProfileResult:
    """Measures what is missing and writes the tables, also when it is stopped in the middle.

    Of what the journal holds, visits count whose provenance is the present one; what has only others is missing.

    Args:
        notice: receives a sentence on visits that do not count.
    """
    started = time.monotonic()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store = read_store(folder / JOURNAL_FILE)
    if store.jobs or store.provenance is not None:
        _turn_to_present(store, device, request, notice)
    spent_before_ns, dropped_before, elapsed_before_ns = store.sampled_ns + store.created_ns, store.dropped_hot, store.elapsed_ns
    room = room_bytes(device.info)
    mark_impossible(request, store, room=room)
    batches = pending_batches(request, store, room=room)
    complete = False
    try:
        complete = carry_out(device, request, batches, store, folder, observer)
        if complete and request.budget_s is not None:
            deadline_s = started + request.budget_s - elapsed_before_ns / 1e9
            spent = spend(device, request, store, folder, observer, deadline_s=deadline_s)
            request, complete = spent.request, spent.complete
    except HotDeviceError as error:
        _mark_unmeasured(store, batches, str(error))
        raise
    finally:
        # What ends before the plan is kept has begun nothing, and tables of nothing would be in the way of another start.
        if (folder / PLAN_FILE).exists():
            libraries = store.provenance.engines if store.provenance is not None else {}
            tables = tables_of(request, store, device.info.conditions, deviation=read_deviation(folder, libraries))
            save(tables, folder)
    sampled_s = (store.sampled_ns + store.created_ns - spent_before_ns) / 1e9
    return ProfileResult(
        tables, complete, time.monotonic() - started, sampled_s, store.dropped_hot - dropped_before, store.not_counted.visits
    )


def _turn_to_present(store: SampleStore, device: Target, request: Request, notice: Notice) -> None:
    """Has those visits count that were made as the next ones will be, and tells how many others the journal holds."""
    store.turn_to(present_provenance(device, request))
    others = store.not_counted
    if others.visits:
        notice(
            f"Note: {others.visits} visits of the journal do not count, as they were made otherwise: {'; '.join(others.differences)}."
            " They are kept, and their jobs are measured again"
        )


def _mark_unmeasured(store: SampleStore, batches: Sequence[JobBatch], reason: str) -> None:
    """Notes why a hot device left jobs undone; the journal does not know of it, so it is measured when the profile goes on."""
    for batch in batches:
        for job in batch.jobs:
            store.fail(job, reason)
