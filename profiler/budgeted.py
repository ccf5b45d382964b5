"""Measuring within a given time: a coarse grid first, then the points where interpolation is worst, then more of everything."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from android_harness.journal import Event
from android_harness.target import Target
from collab.errors import ConfigError
from profiler.campaign import block_ids
from profiler.plan import plan_blocks
from profiler.refine import Suggestion, suggest, within
from profiler.request import Request
from profiler.samples import SampleStore
from profiler.tabulate import derive
from profiler.work import Work, carry_out, pending_work

_BUDGET: Final = re.compile(r"([0-9]{1,6})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LEAST_S: Final = 10
_REFINED_SHARE: Final = 0.5
"""Of the time that is left: the rest is for looking again with what was learned, and for more rounds."""
_SETUP_US: Final = 1500.0
"""Of a visit besides its runs: creating the model, warming up, journalling."""


@dataclass(frozen=True)
class Spent:
    """What came of a budget: the request as it has grown, and whether nothing stopped it before its time was over."""

    request: Request
    complete: bool


def parse_budget_s(text: str) -> int:
    """Reads ``90s``, ``10m`` or ``1h``.

    Raises:
        ConfigError: not of that form, or no time at all.
    """
    match = _BUDGET.fullmatch(text.strip())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if seconds <= 0:
        raise ConfigError(f"--budget '{text}' is no time; write for example 90s, 10m or 1h")
    return seconds


def spend(
    device: Target,
    request: Request,
    store: SampleStore,
    folder: Path,
    on_work: Callable[[Sequence[Work]], Callable[[Event], None]],
    *,
    deadline_s: float,
) -> Spent:
    """Spends what is left until `deadline_s` (monotonic) once the coarse grid is measured; the request grows by the blocks chosen."""
    complete = True
    while complete and (left_s := deadline_s - time.monotonic()) > _LEAST_S:
        chosen = within(_suggestions(request, store), _REFINED_SHARE * left_s * 1e6)
        if not chosen:
            break
        request = request.with_plan(request.plan.merged(plan_blocks(chosen)))
        request.save(folder)
        work = pending_work(request, store)
        complete = carry_out(device, request, work, store, folder, on_work(work))
    if complete:
        work = _more_rounds(request, store, deadline_s - time.monotonic())
        complete = carry_out(device, request, work, store, folder, on_work(work))
    return Spent(request, complete)


def _suggestions(request: Request, store: SampleStore) -> list[Suggestion]:
    rows = derive(store, request.units, request.plan, runtime=request.runtime, settings={}).blocks
    effort = request.effort
    rounds = effort.max_rounds
    return suggest(rows, samples=rounds * (effort.warmup + effort.runs), setup_us=rounds * _SETUP_US, runs=effort.runs)


def _more_rounds(request: Request, store: SampleStore, left_s: float) -> list[Work]:
    """As many further rounds of all blocks and networks as there is time for."""
    jobs = [job for job in block_ids(request.plan, request.units) if store.measured(job.text) is not None]
    visits = sum(samples.visits for samples in store.jobs.values())
    if not visits or not jobs:
        return []
    round_s = len(jobs) * (store.sampled_ns + store.created_ns) / visits / 1e9
    rounds = int(left_s / round_s)
    return [Work("rounds", tuple(jobs), rounds)] if rounds > 0 else []
