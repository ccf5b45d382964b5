"""Measuring within a given time: a coarse grid first, then the points where interpolation is worst, then more of everything.

Errors of single blocks average out over a model; what slows units down while others work, and the network that tells drift, are in every
prediction alike, and are measured more often than anything else: on the virtual phone, contention from 8 visits came out as 1.14 once and
as 1.02 another time, from 43 visits as 1.05.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from android_harness.targets.base import Target
from collab.errors import ConfigError
from profiler.execution import Observer, carry_out
from profiler.job_ids import JobId
from profiler.limits import room_bytes
from profiler.pending import JobBatch, pending_batches, running_ids
from profiler.phases import is_common
from profiler.plan import plan_blocks
from profiler.refine import Suggestion, suggest, within
from profiler.request import Request
from profiler.samples import JobSamples, SampleStore
from profiler.tabulate import derive_block_rows

_BUDGET: Final = re.compile(r"([0-9]{1,6})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LEAST_S: Final = 10
_MOST_S: Final = 30 * 24 * 3600
_LOOKS: Final = 2
"""Points are chosen so often, the second time with what was learned from the first ones."""
_REFINED_SHARE: Final = 0.35
"""Points get this share of the time that is left at each look; what remains is for more rounds."""
_COMMON_SHARE: Final = 0.08
_COMMON_ROUNDS: Final = 12
"""Before each look and at the end, what all predictions have in common gets so many rounds, in no more than that share of the time left."""
_SETUP_US: Final = 1500.0
"""A visit takes this besides its runs: creating the model, warming up, journalling."""


@dataclass(frozen=True)
class Spent:
    """The request as it has grown within its budget, and whether nothing stopped it before its time was over."""

    request: Request
    complete: bool


def parse_budget_s(text: str) -> int:
    """Reads ``90s``, ``10m`` or ``1h``.

    Raises:
        ConfigError: not of that form, or no time at all.
    """
    match = _BUDGET.fullmatch(text.strip())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _MOST_S:
        raise ConfigError(f"--budget '{text[:40]}' is no time up to 30 days; write for example 90s, 10m or 1h")
    return seconds


def spend(
    device: Target,
    request: Request,
    store: SampleStore,
    folder: Path,
    observer: Observer,
    *,
    deadline_s: float,
) -> Spent:
    """Spends what is left until `deadline_s` (monotonic) once the coarse grid is measured; the request grows by the blocks chosen."""

    def left_s() -> float:
        return deadline_s - time.monotonic()

    for _ in range(_LOOKS):
        chosen = within(suggestions(request, store), _REFINED_SHARE * left_s() * 1e6) if left_s() > _LEAST_S else []
        if chosen:
            request = request.with_plan(request.plan.merged(plan_blocks(chosen)))
        chosen_batches = pending_batches(request, store, room=room_bytes(device.info)) if chosen else []
        if not carry_out(device, request, [*_common(request, store, left_s()), *chosen_batches], store, folder, observer):
            return Spent(request, complete=False)
    batches = [*_common(request, store, left_s()), *_more_rounds(request, store, (1 - _COMMON_SHARE) * left_s())]
    return Spent(request, carry_out(device, request, batches, store, folder, observer))


def suggestions(request: Request, store: SampleStore) -> list[Suggestion]:
    """Returns the blocks that are most worth measuring next, best first."""
    rows = derive_block_rows(store, request.units, request.plan, runtime=request.runtime)
    effort = request.effort
    rounds = effort.max_rounds
    return suggest(rows, samples=rounds * (effort.warmup + effort.runs), setup_us=rounds * _SETUP_US)


def _common(request: Request, store: SampleStore, left_s: float) -> list[JobBatch]:
    """Returns further rounds of the networks that tell contention and drift, and of rehearsals."""
    jobs = [job for job in _measured(request, store) if is_common(job, request.plan)]
    rounds = min(_COMMON_ROUNDS, _rounds_within(jobs, store, _COMMON_SHARE * left_s))
    return [JobBatch("common", tuple(jobs), rounds)] if rounds > 0 else []


def _more_rounds(request: Request, store: SampleStore, left_s: float) -> list[JobBatch]:
    """Returns as many further rounds of all blocks, networks and rehearsals as there is time for."""
    jobs = _measured(request, store)
    rounds = _rounds_within(jobs, store, left_s)
    return [JobBatch("rounds", tuple(jobs), rounds)] if rounds > 0 else []


def _measured(request: Request, store: SampleStore) -> list[JobId]:
    return [job for job in running_ids(request) if store.measured(job) is not None]


def _rounds_within(jobs: Iterable[JobId], store: SampleStore, limit_s: float) -> int:
    round_s = sum(_visit_s(store.jobs[job]) for job in jobs)
    return int(limit_s / round_s) if round_s > 0 else 0


def _visit_s(samples: JobSamples) -> float:
    """Returns the mean length of a visit in seconds.

    Its inferences, those for warming up (one where a journal does not say), about one more for a load to begin, and `_SETUP_US`.
    """
    visits = [(visit.samples["total"], visit.warmups) for visit in samples.times] + [(v.total_ns, v.warmups) for v in samples.collabs]
    took_ns = [sum(total_ns) * (1 + ((1 if warmups is None else warmups) + 1) / len(total_ns)) for total_ns, warmups in visits]
    return sum(took_ns) / len(took_ns) / 1e9 + _SETUP_US / 1e6
