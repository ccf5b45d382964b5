"""From samples to tables."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any, TypeVar

import msgspec

from android_harness.protocol.journal import TimeDone
from collab.blocks import Block, feature_bytes
from collab.documents import MAX_US
from collab.units import UnitSpec
from lut.meta import Contention, Fit, HandoverFit, Measured, NetworkFactor, Reference, UnfilledGroup, can_be_read
from lut.paths import PATHS, copies_in
from lut.statistics import Summary, error_of_median, median_us, summarise
from lut.tables import BlockRow, HandoverRow, shape_text
from profiler.campaign import BlockId, FixedId, SentinelId, TransferId, parse_job_id
from profiler.channels import channel_step, partial_factors
from profiler.contention import contention_factors
from profiler.drift import sentinel_us, speed_lines, steadied
from profiler.marginal import MIN_MARGINAL_US, context_factor, fit_marginals
from profiler.networks import network_copies, network_runs
from profiler.pairs import distinct_rows
from profiler.plan import Plan
from profiler.samples import JobSamples, SampleStore
from profiler.transfers import transfer_fits

UNSTABLE_CI = 0.10
UNSTABLE_US = 1.0
"""A median whose 95 % interval is wider than both this fraction and this time is kept, but marked."""


_MOST_DRIFT = 1e6
_NO_REASON = "no reason was given"
_Entry = TypeVar("_Entry", bound=msgspec.Struct)
_Row = TypeVar("_Row", BlockRow, HandoverRow)


@dataclass(frozen=True)
class Derived:
    """All that tables hold besides what the device is."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[HandoverRow, ...]
    fixed: Mapping[str, Measured]
    call_alone: Mapping[str, Measured]
    sentinels: Mapping[str, Reference]
    network_runs: Mapping[str, Reference]
    context: tuple[NetworkFactor, ...]
    fits: tuple[Fit, ...]
    transfer_fits: tuple[HandoverFit, ...]
    channel_step: Mapping[str, int]
    partial: tuple[UnfilledGroup, ...]
    contention: tuple[Contention, ...]
    drift: Mapping[str, float]
    disturbed: Mapping[str, float]


def derive(store: SampleStore, units: Mapping[str, UnitSpec], plan: Plan, *, runtime: str, settings: Mapping[str, Any]) -> Derived:
    """Rows of all jobs that were visited or failed. Jobs of other units than these are left out."""
    lines = speed_lines(store, units)
    steady = steadied(store, lines)
    call_alone = _readable(_medians(steady, {unit: FixedId(unit).text for unit in units}))
    fits = {unit: fit_marginals(steady, unit, plan.networks, call) for unit, call in call_alone.items()}
    found = {unit: fit for unit, fit in fits.items() if fit is not None and all(map(can_be_read, (fit.call, fit.fit, *fit.contexts)))}
    context = tuple(entry for unit in sorted(found) for entry in found[unit].contexts)
    probed = {unit: channel_step(steady, unit, plan.probe) for unit in units}
    steps = {unit: step for unit, step in probed.items() if step is not None}
    rows = _Rows(steady, units, runtime, settings, network_copies(steady, plan.networks, units), call_alone, context)
    blocks, transfers = rows.all()
    return Derived(
        blocks=tuple(sorted(blocks, key=lambda row: (row.unit, row.block))),
        transfers=tuple(
            sorted(transfers, key=lambda row: (row.from_unit, row.to_unit, row.path, row.wait, row.pacing, row.bytes, row.shape))
        ),
        fixed={**call_alone, **{unit: fit.call for unit, fit in found.items()}},
        call_alone=call_alone,
        sentinels=_readable(_sentinels(store, units)),
        network_runs=_readable(network_runs(steady, plan.networks[0], units)) if plan.networks else {},
        context=context,
        fits=tuple(found[unit].fit for unit in sorted(found)),
        transfer_fits=tuple(filter(can_be_read, transfer_fits(store, transfers))),
        channel_step=steps,
        partial=tuple(
            partial
            for unit, step in steps.items()
            if unit in call_alone
            for partial in partial_factors(steady, unit, plan.partials, step, call_alone[unit].median_us)
            if can_be_read(partial)
        ),
        contention=tuple(filter(can_be_read, contention_factors(steady, plan.networks, units))),
        drift={unit: line.spread for unit, line in lines.items() if line.spread <= _MOST_DRIFT},
        disturbed=_disturbed(store, units),
    )


def _readable(entries: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Those that a reader of the tables takes; others are missing, as if they had not been measured."""
    return {unit: entry for unit, entry in entries.items() if can_be_read(entry)}


def _medians(store: SampleStore, jobs: Mapping[str, str]) -> dict[str, Measured]:
    """Per unit, the run of its job; units whose job was not measured are left out."""
    found: dict[str, Measured] = {}
    for unit, job in jobs.items():
        samples = store.jobs.get(job)
        if samples is not None and samples.times:
            summary = summarise(samples.pooled("run"))
            found[unit] = Measured(summary.median_us, summary.mad_us, summary.n)
    return found


def _sentinels(store: SampleStore, units: Iterable[str]) -> dict[str, Reference]:
    found = _medians(store, {unit: SentinelId(unit).text for unit in units})
    errors = {unit: error_of_median(sentinel_us(store.jobs[SentinelId(unit).text].times)) for unit in found}
    return {unit: Reference(measured.median_us, measured.mad_us, measured.n, errors[unit]) for unit, measured in found.items()}


def _disturbed(store: SampleStore, units: Mapping[str, UnitSpec]) -> dict[str, float]:
    taken, again = dict.fromkeys(units, 0), dict.fromkeys(units, 0)
    for text, samples in store.jobs.items():
        job = parse_job_id(text)
        if isinstance(job, (BlockId, FixedId, SentinelId)) and job.unit in units:
            taken[job.unit] += sum(len(visit.samples["run"]) for visit in samples.times)
            again[job.unit] += sum(len(visit.disturbed) for visit in samples.times)
    return {unit: again[unit] / (taken[unit] + again[unit]) for unit in units if taken[unit]}


class _Rows:
    def __init__(
        self,
        store: SampleStore,
        units: Mapping[str, UnitSpec],
        runtime: str,
        settings: Mapping[str, Any],
        copies: Mapping[tuple[str, Block, str], list[int]],
        call_alone: Mapping[str, Measured],
        context: tuple[NetworkFactor, ...],
    ) -> None:
        self._store = store
        self._copies = copies
        self._call_alone = call_alone
        self._context = context
        self._runtime = runtime
        self._units = units
        self._settings = settings
        self._measured_at = datetime.fromtimestamp(store.last_unix_ns / 1e9, timezone.utc).isoformat(timespec="seconds")

    def all(self) -> tuple[list[BlockRow], list[HandoverRow]]:
        """Of every job of these units that was visited or failed."""
        blocks: list[BlockRow] = []
        transfers: list[HandoverRow] = []
        for text, samples in self._store.jobs.items():
            job = parse_job_id(text)
            if isinstance(job, BlockId) and job.unit in self._units:
                blocks.append(self.block_row(job, samples))
            elif isinstance(job, TransferId) and job.sender in self._units and job.receiver in self._units:
                transfers.append(self.transfer_row(job, samples))
        return blocks, distinct_rows(transfers)

    def _config_hash(self, unit: UnitSpec) -> str:
        """Rows with the same hash were measured in the same way: unit, runtime, runner, settings."""
        said = json.dumps([unit.text, self._store.engines, self._store.runner, dict(self._settings)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def block_row(self, job: BlockId, samples: JobSamples) -> BlockRow:
        unit, call = self._units[job.unit], self._call_alone.get(job.unit)
        summary = summarise(samples.pooled("run")) if samples.times else None
        status, reason = _time_status(samples, summary, call)
        marginal = None
        if summary is not None and call is not None:
            alone_us = max(summary.median_us - call.median_us, call.mad_us, MIN_MARGINAL_US)
            marginal = alone_us * context_factor(self._context, job.unit, job.block)
        first, last = (samples.times[0], samples.times[-1]) if samples.times else (None, None)
        row = BlockRow(
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
        return _in_bounds(row)

    def transfer_row(self, job: TransferId, samples: JobSamples) -> HandoverRow:
        visits = samples.transfers
        has_failed = samples.failure is not None or not visits
        status, reason = ("failed", samples.failure or _NO_REASON) if has_failed else ("ok", "")
        path = visits[0].path if visits and visits[0].path in PATHS else job.path
        taken = sorted({visit.path for visit in visits})
        if len(taken) > 1 or not set(taken) <= set(PATHS) or (job.path == "memcpy" and path != "memcpy"):
            status, reason = "failed", f"asked for {job.path}, the units handed over by {', '.join(taken)}"
        ok = status == "ok"
        read, wakeup = (summarise(samples.pooled(name)) if ok else None for name in ("read", "wakeup"))
        write = summarise(_write_samples(samples, path)) if ok else None
        row = HandoverRow(
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
            reason=reason,
            measured_at=self._measured_at,
        )
        return _in_bounds(row)


def _in_bounds(row: _Row) -> _Row:
    """The row, or a failed one without numbers if one of them is no time that a reader of the tables takes."""
    times = {f.name: getattr(row, f.name) for f in fields(row) if f.name.endswith("_us") and f.name != "gap_us"}
    longest = max((value for value in times.values() if value is not None), default=0.0)
    if math.isfinite(longest) and longest <= MAX_US:
        return row
    reason = f"{longest:g} us, brought to the usual speed of the unit, are longer than any time that is taken for one"
    nothing: dict[str, Any] = dict.fromkeys(times)
    return replace(row, **nothing, n=0, status="failed", reason=reason)


def _write_samples(samples: JobSamples, path: str) -> list[int]:
    """Where the receiver copies nothing: how much longer touching the data takes the first time than the second."""
    if copies_in(path):
        return samples.pooled("write")
    return [max(first - again, 0) for first, again in zip(samples.pooled("write"), samples.pooled("rewrite"), strict=True)]


def _time_status(samples: JobSamples, summary: Summary | None, call: Measured | None) -> tuple[str, str]:
    if samples.failure is not None or summary is None:
        return "failed", samples.failure or (_NO_REASON if samples.failure is not None else "was not visited")
    if call is None:
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
