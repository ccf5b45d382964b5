"""Measuring: carries out what a request asks for and is not in the journal yet, and derives the tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from android_harness.protocol.journal import Event, JobFailed
from android_harness.targets.base import Target
from android_harness.targets.execute import finish_leftover
from collab.console import one_line
from collab.errors import HotDeviceError
from collab.files import writing
from lut.meta import MAX_NAME, Meta, can_be_read
from lut.tables import MAX_TEXT, Tables, save
from profiler.budgeted import spend
from profiler.campaign import SENTINEL_BLOCK, company_of
from profiler.deviation import read_deviation
from profiler.limits import room_bytes
from profiler.pairs import pair_paths
from profiler.request import JOURNAL_FILE, Request
from profiler.samples import SampleStore
from profiler.tabulate import derive
from profiler.work import Work, carry_out, mark_impossible, pending_work, read_store


@dataclass(frozen=True)
class Outcome:
    """What came of a profile. `sampled_s`: the time spent in samples and in creating models; `wall_s`: all of it; both of this run."""

    tables: Tables
    complete: bool
    wall_s: float
    sampled_s: float


def tables_of(
    request: Request, store: SampleStore, conditions: Mapping[str, str], *, deviation: Mapping[str, float] | None = None
) -> Tables:
    """Tables derived from all samples; `conditions` says how the device is, `deviation` how far each unit's numbers are off."""
    settings = {"effort": msgspec.structs.asdict(request.effort), "seed": request.seed}
    derived = derive(store, request.units, request.plan, runtime=request.runtime, settings=settings)
    meta = Meta(
        device=request.device,
        fingerprint=request.fingerprint,
        units=request.units,
        call_in_network=derived.fixed,
        call_alone=derived.call_alone,
        sentinels=derived.sentinels,
        network=tuple(tuple(block.key for block in piece) for network in request.plan.networks[:1] for piece in network),
        network_runs=derived.network_runs,
        network_factors=derived.context,
        fits=derived.fits,
        transfer_fits=derived.transfer_fits,
        channel_step=derived.channel_step,
        unfilled_groups=derived.partial,
        contention=derived.contention,
        sentinel_block=SENTINEL_BLOCK,
        handover={"wait": request.handover.wait, "path": request.handover.path},
        versions=_texts({"runtime": request.runtime, "runner": store.runner, **store.engines}),
        models=request.models,
        settings=settings,
        conditions=_texts(conditions),
        drift=derived.drift,
        disturbed=derived.disturbed,
        measured_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        timed_beside=company_of(request.units),
        paths={pair: found for pair, found in pair_paths(store, request.units).items() if can_be_read(found)},
        deviation=dict(deviation or {}),
    )
    return Tables(derived.blocks, derived.transfers, meta)


def _texts(said: Mapping[str, str]) -> dict[str, str]:
    """What a device or its runner says, no longer than a reader of the tables takes."""
    return {one_line(name)[:MAX_NAME]: one_line(text)[:MAX_TEXT] for name, text in said.items() if name}


def profile(device: Target, request: Request, folder: Path, on_work: Callable[[Sequence[Work]], Callable[[Event], None]]) -> Outcome:
    """Measures what is missing and writes the tables, also when it is stopped in the middle.

    Args:
        on_work: told what there is to do before it begins, each time that there is more; gives what is to be told of every event.
    """
    started = time.monotonic()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    finish_leftover(device, folder / JOURNAL_FILE)
    store = read_store(folder / JOURNAL_FILE)
    spent_before, elapsed_before_ns = store.sampled_ns + store.created_ns, store.elapsed_ns
    room = room_bytes(device.info)
    mark_impossible(request, store, room=room)
    work = pending_work(request, store, room=room)
    complete = False
    try:
        complete = carry_out(device, request, work, store, folder, on_work(work))
        if complete and request.budget_s is not None:
            deadline_s = started + request.budget_s - elapsed_before_ns / 1e9
            spent = spend(device, request, store, folder, on_work, deadline_s=deadline_s)
            request, complete = spent.request, spent.complete
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
