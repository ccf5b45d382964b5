"""Everything that a report shows, as one JSON object for other programs (docs/reference/formats.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

import msgspec

from lut.tables import BlockRow, HandoverRow
from report.data.networks import ShownNetwork, ShownPlan
from report.data.runs import Run
from report.data.searches import SearchResult
from report.data.sources import Profile, Sources, Subject

_BLOCK_COLUMNS: Final = ("unit", "block", "median_us", "median_se_us", "p95_us", "marginal_us", "n", "visits", "status", "reason")
_LEFT_OUT: Final = ("config_hash", "measured_at", "dtype")


def document(sources: Sources, subjects: Sequence[Subject], networks: Sequence[ShownNetwork] = ()) -> dict[str, Any]:
    """Returns profiles, models, networks of others and searches; times are microseconds, tables have a list of columns and one of rows."""
    return {
        "models": [_subject(subject) for subject in subjects],
        "profiles": [_profile(profile) for profile in sources.profiles],
        "networks": [_network(network) for network in networks],
        "searches": [_search(search) for search in sources.searches],
    }


def _subject(subject: Subject) -> dict[str, Any]:
    verification = subject.verification
    return {
        "model": subject.model,
        "placement": subject.placement,
        "predicted": _run(subject.predicted),
        "measured": _run(subject.measured),
        "critical": dict(subject.prediction.critical) if subject.prediction is not None else None,
        "latency_us": msgspec.to_builtins(verification.measured) if verification is not None else None,
    }


def _run(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"total_us": run.total_us, "activities": [asdict(activity) for activity in run.activities]}


def _network(network: ShownNetwork) -> dict[str, Any]:
    return {
        "name": network.name,
        "folder": str(network.profile.folder),
        "blocks": [
            {
                "number": node.number,
                "label": node.label,
                "identity": node.identity,
                "macs": node.macs,
                "weight_bytes": node.weight_bytes,
                "coverage": {unit: row.coverage for unit, row in node.rows.items()},
            }
            for node in network.nodes
        ],
        "edges": [asdict(edge) for edge in network.edges],
        "plans": [_plan(shown) for shown in network.plans],
    }


def _plan(shown: ShownPlan) -> dict[str, Any]:
    return {"file": shown.path.name, "critical": sorted(shown.critical), **msgspec.to_builtins(shown.plan)}


def _profile(profile: Profile) -> dict[str, Any]:
    meta = profile.tables.meta
    handover_columns = [field.name for field in fields(HandoverRow) if field.name not in _LEFT_OUT]
    return {
        "folder": str(profile.folder),
        "device": meta.device,
        "measured_at": meta.measured_at,
        "units": {name: unit.text for name, unit in meta.units.items()},
        "versions": dict(meta.versions),
        "models": list(meta.models),
        "certificate": meta.certificate.to_document() if meta.certificate is not None else None,
        "strategies": [msgspec.to_builtins(strategy) for strategy in profile.strategies],
        "blocks": {"columns": list(_BLOCK_COLUMNS), "rows": [_cells(row, _BLOCK_COLUMNS) for row in profile.tables.blocks]},
        "handovers": {"columns": handover_columns, "rows": [_cells(row, handover_columns) for row in profile.tables.transfers]},
    }


def _cells(row: BlockRow | HandoverRow, columns: Sequence[str]) -> list[Any]:
    return [getattr(row, column) for column in columns]


def _search(search: SearchResult) -> dict[str, Any]:
    return {
        "folder": str(search.folder),
        "model": search.model,
        "method": search.method,
        "evaluator": search.evaluator,
        "budget": search.budget,
        "budget_us": search.budget_us,
        "evaluated": search.evaluated,
        "failed": search.failed,
        "base": None if search.base is None else asdict(search.base),
        "architectures": [asdict(architecture) for architecture in search.architectures],
    }
