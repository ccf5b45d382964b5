"""Derivation of tables from samples. It flows one way: steady samples, costs of units, rows, and what holds for all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

import msgspec

from android_harness.device.gpu_driver import DRIVER
from collab.units import UnitSpec
from lut.entries import Contention, CrossCheck, Fit, HandoverFit, Measured, ReuseCost, Ripple, SharedCache, Timed, can_be_read
from lut.meta import Meta
from lut.provenance import RowProvenance
from lut.tables import BlockRow, HandoverRow, Tables
from profiler.channels import channel_step, departures, ripple
from profiler.contention import contention_factors
from profiler.drift import SpeedLine, speed_lines, steadied
from profiler.handover_fits import transfer_fits
from profiler.jitter import segment_jitter
from profiler.job_ids import BlockId, CallId, HandoverId, JobId, SentinelId
from profiler.network_costs import NetworkCosts, fit_network_costs
from profiler.networks import network_copies, network_runs
from profiler.pairs import pair_paths
from profiler.phases import background_units
from profiler.plan import Plan
from profiler.provenance import UNKNOWN, plain_texts
from profiler.request import Request
from profiler.rows import BlockCosts, Origin, block_row, distinct_rows, handover_row
from profiler.samples import SampleStore
from profiler.self_check import cross_check
from profiler.shared_caches import shared_caches
from profiler.together import with_rehearsals

_MOST_DRIFT: Final = 1e6
_Entry = TypeVar("_Entry", bound=msgspec.Struct)


@dataclass(frozen=True)
class UnitCosts:
    """Costs of units apart from their blocks' rows: a call alone and in a running network, and what blocks and their data cost in one."""

    call_alone: Mapping[str, Timed]
    call_in_network: Mapping[str, Measured]
    block_in_network: Mapping[str, float]
    reuse: tuple[ReuseCost, ...]
    features_share: Mapping[str, float]
    fits: tuple[Fit, ...]
    fitted: Mapping[str, NetworkCosts]
    """Per unit, the fit that all but the calls alone come from."""


@dataclass(frozen=True)
class Derived:
    """Rows and costs that tables hold, without the description of the device."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[HandoverRow, ...]
    costs: UnitCosts
    sentinels: Mapping[str, Timed]
    network_runs: Mapping[str, Timed]
    transfer_fits: tuple[HandoverFit, ...]
    channel_step: Mapping[str, int]
    ripple: tuple[Ripple, ...]
    shared_caches: tuple[SharedCache, ...]
    contention: tuple[Contention, ...]
    jitter: Mapping[str, float]
    drift: Mapping[str, float]
    disturbed: Mapping[str, float]
    provenance: Mapping[str, RowProvenance]
    """Per `config_hash` of these rows."""


def tables_of(
    request: Request, store: SampleStore, conditions: Mapping[str, str], *, deviation: Mapping[str, float] | None = None
) -> Tables:
    """Derives the tables from all samples.

    Args:
        conditions: how the device is.
        deviation: per unit, how far its outputs are off.
    """
    settings = {"effort": msgspec.structs.asdict(request.effort), "seed": request.seed}
    way = {"handover": request.handover_document, "sentinel_block": request.sentinel_block}
    derived = derive(
        store, request.units, request.plan, runtime=request.runtime, settings={**settings, **way}, gpu_driver=conditions.get(DRIVER, "")
    )
    provenance = store.provenance or UNKNOWN
    meta = Meta(
        device=request.device,
        fingerprint=request.fingerprint,
        units=request.units,
        call_in_network=derived.costs.call_in_network,
        call_alone=derived.costs.call_alone,
        sentinels=derived.sentinels,
        network=tuple(tuple(block.key for block in piece) for network in request.plan.networks[:1] for piece in network),
        network_runs=derived.network_runs,
        block_in_network=derived.costs.block_in_network,
        reuse=derived.costs.reuse,
        features_share=derived.costs.features_share,
        fits=derived.costs.fits,
        cross_checks=tuple(filter(can_be_read, _cross_checks(derived.costs))),
        transfer_fits=derived.transfer_fits,
        channel_step=derived.channel_step,
        ripple=derived.ripple,
        shared_caches=derived.shared_caches,
        contention=derived.contention,
        jitter=derived.jitter,
        sentinel_block=request.sentinel_block,
        handover=request.handover_document,
        versions=plain_texts({"runtime": request.runtime, "runner": provenance.runner, **provenance.engines}),
        models=request.models,
        settings={**settings, **_network_said(request)},
        conditions=plain_texts({**conditions, **_conduct(store)}),
        drift=derived.drift,
        disturbed=derived.disturbed,
        measured_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        timed_beside=background_units(request.units),
        paths={pair: found for pair, found in pair_paths(store, request.units).items() if can_be_read(found)},
        deviation=dict(deviation or {}),
        provenance=derived.provenance,
    )
    tables = Tables(derived.blocks, derived.transfers, meta)
    return with_rehearsals(tables, store, request.plan, speed_lines(store, request.units), request.network)


def _network_said(request: Request) -> dict[str, Any]:
    """Returns which network of others was cut into the opaque blocks, how finely, and how split; nothing where there is none."""
    file = request.network
    if file is None:
        return {}
    return {"network": {"name": file.name, "sha256": file.sha256, "grain_us": file.grain_us, "splits": msgspec.to_builtins(file.splits)}}


def _cross_checks(costs: UnitCosts) -> list[CrossCheck]:
    found = [cross_check(unit, fit.pieces, fit.call_alone_us) for unit, fit in costs.fitted.items()]
    return [entry for entry in found if entry is not None]


def derive(
    store: SampleStore, units: Mapping[str, UnitSpec], plan: Plan, *, runtime: str, settings: Mapping[str, Any], gpu_driver: str = ""
) -> Derived:
    """Derives rows of all jobs that were visited or failed, and what holds for all of them. Jobs of other units are left out."""
    lines = speed_lines(store, units)
    steady = steadied(store, lines)
    costs = _unit_costs(steady, units, plan)
    origin = _origin(store, units, runtime, settings, gpu_driver)
    blocks = _block_rows(steady, plan, costs, origin)
    handovers = _handover_rows(steady, origin)
    off = {unit: departures(steady, unit, call.median_us) for unit, call in costs.call_alone.items()}
    steps = {unit: channel_step(found) for unit, found in off.items()}
    sharing = shared_caches(store, plan.networks, units, costs.fitted)
    return Derived(
        blocks=blocks,
        transfers=handovers,
        costs=costs,
        sentinels=_readable(_timed(store, {unit: SentinelId(unit) for unit in units})),
        network_runs=_readable(network_runs(steady, plan.networks[0], units)) if plan.networks else {},
        transfer_fits=tuple(filter(can_be_read, transfer_fits(store, handovers))),
        channel_step={unit: step for unit, step in steps.items() if step is not None},
        ripple=tuple(entry for unit, found in off.items() for entry in ripple(unit, found) if can_be_read(entry)),
        shared_caches=sharing.entries,
        contention=tuple(filter(can_be_read, contention_factors(store, plan.networks, units, sharing.explained))),
        jitter={unit: found for unit in units if (found := segment_jitter(steady, unit, plan.networks)) is not None},
        drift=_drift(lines),
        disturbed=_disturbed(store, units),
        provenance=_provenance(blocks, handovers, origin),
    )


def derive_block_rows(store: SampleStore, units: Mapping[str, UnitSpec], plan: Plan, *, runtime: str) -> tuple[BlockRow, ...]:
    """Derives the rows of blocks alone, for choosing what to measure next; their `config_hash` is not the tables'."""
    steady = steadied(store, speed_lines(store, units))
    return _block_rows(steady, plan, _unit_costs(steady, units, plan), _origin(store, units, runtime, {}))


def _origin(store: SampleStore, units: Mapping[str, UnitSpec], runtime: str, settings: Mapping[str, Any], gpu_driver: str = "") -> Origin:
    measured_at = datetime.fromtimestamp(store.last_unix_ns / 1e9, timezone.utc).isoformat(timespec="seconds")
    return Origin(runtime, units, store.provenance or UNKNOWN, settings, measured_at, gpu_driver)


def _provenance(blocks: Iterable[BlockRow], handovers: Iterable[HandoverRow], origin: Origin) -> dict[str, RowProvenance]:
    """Returns where the rows of each `config_hash` come from."""
    found = {row.config_hash: origin.of(row.unit) for row in blocks}
    # The hash is the same whichever of the two units sends.
    return found | {row.config_hash: origin.of(*sorted((row.from_unit, row.to_unit))) for row in handovers}


def _unit_costs(steady: SampleStore, units: Iterable[str], plan: Plan) -> UnitCosts:
    call_alone = _readable(_timed(steady, {unit: CallId(unit) for unit in units}))
    not_fitted = {unit: Measured(call.median_us, call.mad_us, call.n) for unit, call in call_alone.items()}
    fits = {unit: fit_network_costs(steady, unit, plan.networks, call) for unit, call in call_alone.items()}
    found = {unit: fit for unit, fit in fits.items() if fit is not None and all(map(can_be_read, (fit.call, fit.fit, *fit.reuse)))}
    return UnitCosts(
        call_alone=call_alone,
        call_in_network={**not_fitted, **{unit: fit.call for unit, fit in found.items()}},
        block_in_network={unit: found[unit].block_us for unit in sorted(found)},
        reuse=tuple(entry for unit in sorted(found) for entry in found[unit].reuse),
        features_share={unit: found[unit].features_share for unit in sorted(found)},
        fits=tuple(found[unit].fit for unit in sorted(found)),
        fitted={unit: found[unit] for unit in sorted(found)},
    )


def _block_rows(steady: SampleStore, plan: Plan, unit_costs: UnitCosts, origin: Origin) -> tuple[BlockRow, ...]:
    costs = BlockCosts(unit_costs.call_alone, network_copies(steady, plan.networks, origin.units), plan.described)
    rows = [
        block_row(job, samples, costs, origin)
        for job, samples in steady.jobs.items()
        if isinstance(job, BlockId) and job.unit in origin.units
    ]
    return tuple(sorted(rows, key=lambda row: (row.unit, row.block)))


def _handover_rows(steady: SampleStore, origin: Origin) -> tuple[HandoverRow, ...]:
    rows = [
        handover_row(job, samples, origin)
        for job, samples in steady.jobs.items()
        if isinstance(job, HandoverId) and {job.sender, job.receiver} <= origin.units.keys()
    ]
    order = sorted(distinct_rows(rows), key=lambda row: (row.from_unit, row.to_unit, row.path, row.wait, row.pacing, row.bytes, row.shape))
    return tuple(order)


def _readable(entries: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Returns those that a reader of the tables takes; others are missing, as if they had not been measured."""
    return {unit: entry for unit, entry in entries.items() if can_be_read(entry)}


def _timed(store: SampleStore, jobs: Mapping[str, JobId]) -> dict[str, Timed]:
    """Returns the run of each unit's job; units whose job was not measured are left out."""
    found: dict[str, Timed] = {}
    for unit, job in jobs.items():
        samples = store.jobs.get(job)
        if samples is not None and samples.times:
            found[unit] = Timed.of(samples.summary("run"))
    return found


def _drift(lines: Mapping[str, SpeedLine]) -> dict[str, float]:
    return {unit: line.spread for unit, line in lines.items() if line.spread <= _MOST_DRIFT}


def _disturbed(store: SampleStore, units: Iterable[str]) -> dict[str, float]:
    """Returns per unit which share of the samples of single models was disturbed and taken again."""
    taken, again = dict.fromkeys(units, 0), dict.fromkeys(units, 0)
    for job, samples in store.jobs.items():
        if isinstance(job, (BlockId, CallId, SentinelId)) and job.unit in taken:
            taken[job.unit] += sum(len(visit.samples.run) for visit in samples.times)
            again[job.unit] += sum(len(visit.disturbed) for visit in samples.times)
    return {unit: again[unit] / (count + again[unit]) for unit, count in taken.items() if count}


def _conduct(store: SampleStore) -> dict[str, str]:
    """Returns what the device did meanwhile, as conditions."""
    return store.notes.conditions | ({"dropped_hot": f"{store.dropped_hot} visits"} if store.dropped_hot else {})
