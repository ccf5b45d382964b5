"""A comparison as a JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from report.comparing.accuracies import Accuracies
from report.comparing.comparison import Comparison
from report.comparing.effects import Row, Whole


def document(found: Comparison, *, first: str, second: str) -> dict[str, Any]:
    """Returns a comparison as a JSON object: times in microseconds, ratios of the second side to the first, shares as fractions.

    Args:
        first, second: the two sides as they were named.
    """
    return {
        "kind": found.kind,
        "first": first,
        "second": second,
        "margin": found.margin,
        "verdict": found.verdict,
        "whole": _whole(found.whole, found.margin) if found.whole is not None else None,
        "changes": [_whole(whole, found.margin) for whole in found.wholes],
        "rows": [_row(row, found.margin) for row in found.rows],
        "accuracies": _accuracies(found.accuracies) if found.accuracies is not None else None,
        "differences": list(found.differences),
        "notes": list(found.notes),
        "only_first": found.only_first,
        "only_second": found.only_second,
    }


def _whole(whole: Whole, margin: float) -> dict[str, Any]:
    return {
        "what": whole.what,
        "unit": whole.unit,
        "rows": whole.rows,
        "ratio": whole.ratio,
        "interval": whole.interval,
        "p": whole.chance(margin),
        "verdict": whole.verdict(margin),
        "least_provable": whole.effect.least_provable(margin) if whole.effect is not None else None,
        "slower": whole.slower,
        "faster": whole.faster,
    }


def _row(row: Row, margin: float) -> dict[str, Any]:
    pair = row.pair
    return {
        "what": pair.what,
        "unit": pair.unit,
        "name": pair.name,
        "label": pair.label,
        "first_us": pair.first.us,
        "first_se_us": pair.first.se_us,
        "second_us": pair.second.us,
        "second_se_us": pair.second.se_us,
        "ratio": row.ratio,
        "interval": row.interval,
        "p": row.p,
        "proven": row.is_proven,
        "least_provable": pair.effect.least_provable(margin) if pair.effect is not None else None,
    }


def _accuracies(found: Accuracies) -> dict[str, Any]:
    return asdict(found) | {"first": msgspec.to_builtins(found.first), "second": msgspec.to_builtins(found.second)}
