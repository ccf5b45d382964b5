"""Rows of the tables: the samples of one job, summed up, with whether they can be used and why not."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

import msgspec

from android_harness.protocol.journal import TimeDone
from collab.blocks import feature_bytes
from collab.console import one_line
from collab.documents import MAX_US
from collab.units import WEBGPU, UnitSpec
from lut.entries import Timed
from lut.paths import PATHS, copies_in, copies_out
from lut.provenance import RowProvenance
from lut.statistics import Summary, median_us, summarise
from lut.tables import MAX_TEXT, BlockRow, HandoverRow, shape_text
from profiler.alone import time_alone_us
from profiler.described import Described, row_texts
from profiler.job_ids import BlockId, HandoverId
from profiler.networks import Copies
from profiler.provenance import Provenance, plain_texts
from profiler.samples import JobSamples

UNSTABLE: Final = 0.10
UNSTABLE_US: Final = 1.0
"""A median that may be off by more than both this fraction and this time (`Summary.reach_us`) is kept, but marked."""
PARTLY_DELEGATED: Final = "partial"
"""Status and coverage, as tables have it, of a model that the unit did not take whole."""
_NO_REASON: Final = "no reason was given"
_Row = TypeVar("_Row", BlockRow, HandoverRow)


@dataclass(frozen=True)
class Origin:
    """The origin of rows: runtime by name and version, units by name, and what their visits share; `measured_at` is ISO 8601.

    `gpu_driver` is what the device says of the driver of its GPU, empty where it says nothing.
    """

    runtime: str
    units: Mapping[str, UnitSpec]
    provenance: Provenance
    settings: Mapping[str, Any]
    measured_at: str
    gpu_driver: str = ""

    def config_hash(self, *units: str) -> str:
        """Returns a hash that rows of these units share which were measured in the same way: provenance, runtime, settings."""
        said = json.dumps([msgspec.to_builtins(self.of(*units)), self.runtime, dict(self.settings)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def of(self, *units: str) -> RowProvenance:
        """Returns the provenance of rows of these units, with the libraries of their own engines alone."""
        specs = {unit: self.units[unit] for unit in units}
        return RowProvenance(
            units={unit: spec.text for unit, spec in specs.items()},
            libraries=plain_texts({spec.engine: self.provenance.engines.get(spec.engine, "") for spec in specs.values()}),
            runner=one_line(self.provenance.runner)[:MAX_TEXT],
            protocol=self.provenance.protocol,
            conditions=plain_texts(self.provenance.conditions),
        )


_SAME_CLOCK: Final = 0.05
"""Clocks that differ by no more are the same."""


@dataclass(frozen=True)
class BlockCosts:
    """Costs that rows of blocks need besides their own samples.

    `call_alone`: per unit, the cost of a call alone; units whose call was not measured are missing. `copies`: of a network's own input and
    output (`network_copies`). `described`: the opaque blocks, in words.
    """

    call_alone: Mapping[str, Timed]
    copies: Copies
    described: tuple[Described, ...] = ()


def block_row(job: BlockId, samples: JobSamples, costs: BlockCosts, origin: Origin) -> BlockRow:
    """Returns the row of a block that was visited or failed."""
    call = costs.call_alone.get(job.unit)
    summary = samples.summary("run") if samples.times else None
    status, reason = _block_status(samples, summary, call)
    marginal = None
    if summary is not None and call is not None:
        marginal = time_alone_us(samples, call.median_us)
    first, last = (samples.times[0], samples.times[-1]) if samples.times else (None, None)
    said = row_texts(job.block, costs.described)
    row = BlockRow(
        unit=job.unit,
        block=job.block.key,
        in_shape=said.in_shape,
        out_shape=said.out_shape,
        dtype=said.dtype,
        engine=origin.units[job.unit].engine,
        runtime=origin.runtime,
        n=summary.n if summary else 0,
        visits=summary.visits if summary else 0,
        median_us=summary.median_us if summary else None,
        median_se_us=summary.se_us if summary else None,
        p95_us=summary.p95_us if summary else None,
        mad_us=summary.mad_us if summary else None,
        first_us=median_us([visit.first_ns] for visit in samples.times if visit.first_ns is not None),
        create_us=_create_us(samples, cached=False),
        marginal_us=marginal,
        write_us=median_us(costs.copies.get((job.unit, job.block, "write")) or samples.by_visit("write")),
        read_us=median_us(costs.copies.get((job.unit, job.block, "read")) or samples.by_visit("read")),
        coverage=_coverage(samples),
        status=status,
        reason=reason,
        temperature_before_c=_temperature(first),
        temperature_after_c=_temperature(last),
        clock_before_mhz=_clock(first),
        clock_after_mhz=_clock(last),
        config_hash=origin.config_hash(job.unit),
        measured_at=origin.measured_at,
        cached_create_us=_create_us(samples, cached=True),
        label=said.label,
        **_path_of(job.unit, first, origin),
    )
    return _in_bounds(row)


def _create_us(samples: JobSamples, *, cached: bool) -> float | None:
    """Returns how long creating the model took at visits that had compiled programs at hand, or at the others; None if there are none such.

    Where a runtime keeps no programs, every creation is a first one.
    """
    return median_us([visit.create_ns] for visit in samples.times if visit.create_ns is not None and bool(visit.cached) is cached)


def _path_of(unit: str, visit: TimeDone | None, origin: Origin) -> dict[str, str]:
    """Returns the columns that say by which path a unit was driven."""
    spec = origin.units[unit]
    buffers = {"input_buffers": visit.buffers, "output_buffers": visit.output_buffers} if visit is not None else {}
    said = {name: "+".join(kinds)[:MAX_TEXT] for name, kinds in buffers.items()}
    if spec.kind != "gpu":
        return said
    return {**said, "backend": spec.backend or WEBGPU, "driver": one_line(origin.gpu_driver)[:MAX_TEXT]}


def handover_row(job: HandoverId, samples: JobSamples, origin: Origin) -> HandoverRow:
    """Returns the row of a hand-over that was visited or failed; it has no numbers where it failed."""
    path = samples.path_taken(job.path)
    reason = _handover_failure(job, samples, path)
    read, wakeup = (samples.summary(name) if not reason else None for name in ("read", "wakeup"))
    claim, write = (find(samples, path) if not reason else None for find in (_claim_summary, _write_summary))
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
        visits=read.visits if read else 0,
        claim_us=claim.median_us if claim else None,
        claim_se_us=claim.se_us if claim else None,
        claim_mad_us=claim.mad_us if claim else None,
        read_us=read.median_us if read else None,
        read_se_us=read.se_us if read else None,
        read_mad_us=read.mad_us if read else None,
        wakeup_us=wakeup.median_us if wakeup else None,
        wakeup_se_us=wakeup.se_us if wakeup else None,
        wakeup_mad_us=wakeup.mad_us if wakeup else None,
        wakeup_p95_us=wakeup.p95_us if wakeup else None,
        write_us=write.median_us if write else None,
        write_se_us=write.se_us if write else None,
        write_mad_us=write.mad_us if write else None,
        status="failed" if reason else "ok",
        reason=reason,
        config_hash=origin.config_hash(job.sender, job.receiver),
        measured_at=origin.measured_at,
    )
    return _in_bounds(row)


def distinct_rows(rows: Sequence[HandoverRow]) -> list[HandoverRow]:
    """Returns the first row of each kind: units that cannot share memory may have copied although they were asked to share."""
    kinds: dict[tuple[str, str, int, str, str, str, str], HandoverRow] = {}
    for row in rows:
        kinds.setdefault((row.from_unit, row.to_unit, row.bytes, row.shape, row.path, row.wait, row.pacing), row)
    return list(kinds.values())


def _block_status(samples: JobSamples, summary: Summary | None, call: Timed | None) -> tuple[str, str]:
    """Returns the status of a block's row and the reason for it, empty for ``ok``."""
    if samples.failure is not None or summary is None:
        return "failed", samples.failure or (_NO_REASON if samples.failure is not None else "was not visited")
    if call is None:
        return "failed", "the fixed cost of a call on this unit could not be measured, so what the block adds is not known"
    if not _is_whole(samples):
        return PARTLY_DELEGATED, "the unit did not take the whole model"
    if summary.se_us is None:
        return "unstable", "it was visited once, which does not tell how well its median is known"
    if summary.reach_us > max(UNSTABLE * summary.median_us, UNSTABLE_US):
        return "unstable", f"the median of {summary.visits} visits is known to {100 * summary.reach_us / summary.median_us:.0f} % only"
    return "ok", _clocks_differ(samples)


def _clocks_differ(samples: JobSamples) -> str:
    """Returns between which clocks the visits ran; empty where these are about the same, or not known."""
    clocks_mhz = [mhz for visit in samples.times if (mhz := _clock(visit)) is not None]
    low, high = (min(clocks_mhz), max(clocks_mhz)) if clocks_mhz else (0.0, 0.0)
    return f"its visits ran at {low:.0f} to {high:.0f} MHz" if high > (1 + _SAME_CLOCK) * low else ""


def _handover_failure(job: HandoverId, samples: JobSamples, path: str) -> str:
    """Returns why a hand-over counts as failed; empty where it does not."""
    taken = sorted({visit.path for visit in samples.transfers})
    if len(taken) > 1 or not set(taken) <= set(PATHS) or (job.path == "memcpy" and path != "memcpy"):
        return f"asked for {job.path}, the units handed over by {', '.join(taken)}"
    if samples.failure is not None or not samples.transfers:
        return samples.failure or _NO_REASON
    return ""


def _write_summary(samples: JobSamples, path: str) -> Summary:
    """Returns the statistics of copying in; where nothing is copied, of how much longer the first touch takes than the second."""
    if copies_in(path):
        return samples.summary("write")
    return _summary_of_more(samples, "write", "rewrite")


def _claim_summary(samples: JobSamples, path: str) -> Summary | None:
    """Returns the statistics of how much longer the sender runs where the peer has read than a second time; 0 where it copies out.

    None of a journal in which the sender's runs were not timed (measurement protocol 1).
    """
    if not any(samples.by_visit("run")):
        return None
    if copies_out(path):
        return summarise([0] * len(visit) for visit in samples.by_visit("run"))
    return _summary_of_more(samples, "run", "rerun")


def _summary_of_more(samples: JobSamples, first: str, again: str) -> Summary:
    """Returns the statistics of how much longer something took for the first time than for the second."""
    both = zip(samples.by_visit(first), samples.by_visit(again), strict=True)
    return summarise([max(one - other, 0) for one, other in zip(*visit, strict=True)] for visit in both)


def _is_whole(samples: JobSamples) -> bool:
    """Whether the unit took the whole model at every visit."""
    return all(visit.accelerated for visit in samples.times)


def _coverage(samples: JobSamples) -> str:
    if not samples.times:
        return ""
    return "full" if _is_whole(samples) else PARTLY_DELEGATED


def _temperature(visit: TimeDone | None) -> float | None:
    return visit.temperature_mc / 1000 if visit is not None and visit.temperature_mc is not None else None


def _clock(visit: TimeDone | None) -> float | None:
    return max(visit.clock_khz) / 1000 if visit is not None and visit.clock_khz else None


def _in_bounds(row: _Row) -> _Row:
    """Returns the row, or a failed one without numbers if one of them is no time that a reader of the tables takes."""
    times = {f.name: getattr(row, f.name) for f in fields(row) if f.name.endswith("_us") and f.name != "gap_us"}
    longest = max((value for value in times.values() if value is not None), default=0.0)
    if math.isfinite(longest) and longest <= MAX_US:
        return row
    reason = f"{longest:g} us, brought to the usual speed of the unit, are longer than any time that is taken for one"
    nothing: dict[str, Any] = dict.fromkeys(times)
    return replace(row, **nothing, n=0, visits=0, status="failed", reason=reason)
