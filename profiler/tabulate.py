"""From samples to tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from android_harness.journal import TimeDone
from android_harness.stats import Summary, median_us, summarise
from collab.blocks import Block, feature_bytes
from collab.units import UnitSpec
from lut.paths import copies_in
from lut.tables import BlockRow, Contention, Context, Measured, TransferRow, shape_text
from profiler.campaign import BlockId, FixedId, SentinelId, TransferId, parse_job_id
from profiler.company import channel_step, contention_factors, context_factor, context_factors, network_copies, network_runs
from profiler.pairs import distinct_rows
from profiler.plan import Plan
from profiler.samples import JobSamples, SampleStore

UNSTABLE_CI = 0.10
UNSTABLE_US = 1.0
"""A median whose 95 % interval is wider than both this fraction and this time is kept, but marked."""


@dataclass(frozen=True)
class Derived:
    """All that tables hold besides what the device is."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[TransferRow, ...]
    fixed: Mapping[str, Measured]
    sentinels: Mapping[str, Measured]
    network_runs: Mapping[str, Measured]
    context: tuple[Context, ...]
    channel_step: Mapping[str, int]
    contention: tuple[Contention, ...]


def derive(store: SampleStore, units: Mapping[str, UnitSpec], plan: Plan, *, runtime: str, settings: Mapping[str, Any]) -> Derived:
    """Rows of all jobs that were visited or failed. Jobs of other units than these are left out."""
    rows = _Rows(store, units, runtime, settings, network_copies(store, plan.chains, units))
    fixed: dict[str, Measured] = {}
    sentinels: dict[str, Measured] = {}
    for text, samples in store.jobs.items():
        job = parse_job_id(text)
        if isinstance(job, (FixedId, SentinelId)) and samples.times and job.unit in units:
            summary = summarise(samples.pooled("run"))
            target = fixed if isinstance(job, FixedId) else sentinels
            target[job.unit] = Measured(summary.median_us, summary.mad_us, summary.n)
    context = context_factors(store, plan.chains, units, fixed)
    measured_steps = {unit: channel_step(store, unit, plan.probe) for unit in units}
    steps = {unit: step for unit, step in measured_steps.items() if step is not None}
    blocks: list[BlockRow] = []
    transfers: list[TransferRow] = []
    for text, samples in store.jobs.items():
        job = parse_job_id(text)
        if isinstance(job, BlockId) and job.unit in units:
            blocks.append(rows.block_row(job, samples, fixed.get(job.unit), context_factor(context, job.unit, job.block)))
        elif isinstance(job, TransferId) and job.sender in units and job.receiver in units:
            transfers.append(rows.transfer_row(job, samples))
    blocks.sort(key=lambda row: (row.unit, row.block))
    transfers = distinct_rows(transfers)
    transfers.sort(key=lambda row: (row.from_unit, row.to_unit, row.path, row.wait, row.pacing, row.bytes, row.shape))
    runs = network_runs(store, plan.chains[0], units) if plan.chains else {}
    return Derived(tuple(blocks), tuple(transfers), fixed, sentinels, runs, context, steps, contention_factors(store, units))


class _Rows:
    def __init__(
        self,
        store: SampleStore,
        units: Mapping[str, UnitSpec],
        runtime: str,
        settings: Mapping[str, Any],
        copies: Mapping[tuple[str, Block, str], list[int]],
    ) -> None:
        self._store = store
        self._copies = copies
        self._runtime = runtime
        self._units = units
        self._settings = settings
        self._measured_at = datetime.fromtimestamp(store.last_unix_ns / 1e9, timezone.utc).isoformat(timespec="seconds")

    def _config_hash(self, unit: UnitSpec) -> str:
        """Rows with the same hash were measured in the same way: unit, runtime, runner, settings."""
        said = json.dumps([unit.text, self._store.engines, self._store.runner, dict(self._settings)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def block_row(self, job: BlockId, samples: JobSamples, fixed: Measured | None, context: float) -> BlockRow:
        unit = self._units[job.unit]
        summary = summarise(samples.pooled("run")) if samples.times else None
        status, reason = _time_status(samples, summary, fixed)
        marginal = None
        if summary is not None and fixed is not None:
            marginal = max(summary.median_us - fixed.median_us, _least(fixed)) * context
        first, last = (samples.times[0], samples.times[-1]) if samples.times else (None, None)
        return BlockRow(
            unit=job.unit,
            block=job.block.key,
            in_shape=";".join(map(shape_text, job.block.in_shapes)),
            out_shape=shape_text(job.block.out_shape),
            dtype="float32",
            engine=unit.engine,
            runtime=self._runtime,
            n=summary.n if summary else 0,
            median_us=summary.median_us if summary else None,
            p95_us=summary.p95_us if summary else None,
            mad_us=summary.mad_us if summary else None,
            first_us=median_us(visit.first_ns for visit in samples.times if visit.first_ns is not None),
            create_us=median_us(visit.create_ns for visit in samples.times if visit.create_ns is not None),
            marginal_us=marginal,
            write_us=median_us(self._copies.get((job.unit, job.block, "write")) or samples.pooled("write")),
            read_us=median_us(self._copies.get((job.unit, job.block, "read")) or samples.pooled("read")),
            coverage=_coverage(samples),
            status=status,
            reason=reason,
            temperature_before_c=_temperature(first),
            temperature_after_c=_temperature(last),
            clock_before_mhz=_clock(first),
            clock_after_mhz=_clock(last),
            config_hash=self._config_hash(unit),
            measured_at=self._measured_at,
        )

    def transfer_row(self, job: TransferId, samples: JobSamples) -> TransferRow:
        visits = samples.transfers
        status, reason = ("failed", samples.failure) if samples.failure or not visits else ("ok", "")
        path = visits[0].path if visits else job.path
        taken = sorted({visit.path for visit in visits})
        if len(taken) > 1 or (job.path == "memcpy" and path != "memcpy"):
            status, reason = "failed", f"asked for {job.path}, the units handed over by {', '.join(taken)}"
        ok = status == "ok"
        read, wakeup = (summarise(samples.pooled(name)) if ok else None for name in ("read", "wakeup"))
        write = summarise(_write_samples(samples, path)) if ok else None
        return TransferRow(
            from_unit=job.sender,
            to_unit=job.receiver,
            bytes=feature_bytes(job.shape),
            shape=shape_text(job.shape),
            dtype="float32",
            path=path,
            wait=job.wait,
            pacing="paced" if job.gap_us else "hot",
            gap_us=job.gap_us,
            n=read.n if read else 0,
            read_us=read.median_us if read else None,
            read_mad_us=read.mad_us if read else None,
            wakeup_us=wakeup.median_us if wakeup else None,
            wakeup_mad_us=wakeup.mad_us if wakeup else None,
            wakeup_p95_us=wakeup.p95_us if wakeup else None,
            write_us=write.median_us if write else None,
            write_mad_us=write.mad_us if write else None,
            status=status,
            reason=reason or "",
            measured_at=self._measured_at,
        )


def _write_samples(samples: JobSamples, path: str) -> list[int]:
    """Where the receiver copies nothing: how much longer touching the data takes the first time than the second."""
    if copies_in(path):
        return samples.pooled("write")
    return [max(first - again, 0) for first, again in zip(samples.pooled("write"), samples.pooled("rewrite"), strict=True)]


def _least(fixed: Measured) -> float:
    """The smallest marginal cost that can be told from none: the spread of the fixed cost itself, at least a nanosecond."""
    return max(fixed.mad_us, 0.001)


def _time_status(samples: JobSamples, summary: Summary | None, fixed: Measured | None) -> tuple[str, str]:
    if samples.failure is not None or summary is None:
        return "failed", samples.failure or "was not visited"
    if fixed is None:
        return "failed", "the fixed cost of a call on this unit could not be measured, so what the block adds is not known"
    if not all(visit.accelerated for visit in samples.times):
        return "partial", "the unit did not take the whole model"
    if summary.relative_ci > max(UNSTABLE_CI, UNSTABLE_US / summary.median_us):
        return "unstable", f"the median of {summary.n} samples is known to {100 * summary.relative_ci:.0f} % only"
    return "ok", ""


def _coverage(samples: JobSamples) -> str:
    if not samples.times:
        return ""
    return "full" if all(visit.accelerated for visit in samples.times) else "partial"


def _temperature(visit: TimeDone | None) -> float | None:
    return visit.temperature_mc / 1000 if visit is not None and visit.temperature_mc is not None else None


def _clock(visit: TimeDone | None) -> float | None:
    return max(visit.clock_khz) / 1000 if visit is not None and visit.clock_khz else None
