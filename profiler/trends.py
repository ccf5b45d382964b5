"""Trends of a certificate's errors: how they change with what strategies are like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collab.blocks import MBConv
from profiler.candidates import Candidate
from profiler.compare import Comparison

_UNCERTAINTY: Final = 0.01
_PER: Final = {
    "handovers": "hand-over",
    "latency_ms": "ms of latency",
    "channels": "100 channels of mean width",
    "balance": "10 % of balance between units",
}
"""The quantity that each trend's slope is per."""
FEWEST_STRATEGIES: Final = 10
"""The normal approximation of Kendall's statistic is good from here."""


@dataclass(frozen=True)
class Trend:
    """Change of the signed error, as a fraction, for a step of `name`; `low` to `high` is the interval in which that lies."""

    name: str
    slope: float
    low: float
    high: float

    @property
    def is_proven(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def sentence(self) -> str:
        """A part of a sentence for people."""
        way, low, high = ("rise", self.low, self.high) if self.slope > 0 else ("fall", -self.high, -self.low)
        return f"errors {way} by {100 * abs(self.slope):.2f} % per {_PER[self.name]} [{100 * low:.2f}, {100 * high:.2f}]"

    def to_document(self) -> dict[str, Any]:
        """Returns the trend as a JSON object."""
        numbers = {"slope": round(self.slope, 6), "low": round(self.low, 6), "high": round(self.high, 6)}
        return {**numbers, "per": _PER[self.name], "proven": self.is_proven}


def trends(candidates: Sequence[Candidate], comparisons: Sequence[Comparison]) -> tuple[Trend, ...]:
    """Returns the trends of the drift-corrected errors; none for too few strategies, or of what all strategies have alike.

    Their intervals hold for all of them together with a probability of 99 % (Bonferroni).
    """
    if len(comparisons) < FEWEST_STRATEGIES:
        return ()
    errors = np.array([comparison.error_drift_corrected for comparison in comparisons])
    rows = [_traits(candidate, comparison) for candidate, comparison in zip(candidates, comparisons, strict=True)]
    reach = NormalDist().inv_cdf(1 - _UNCERTAINTY / len(_PER) / 2)
    found = {name: theil_sen(np.array([row[name] for row in rows]), errors, reach) for name in _PER}
    return tuple(Trend(name, *line) for name, line in found.items() if line is not None)


def _traits(candidate: Candidate, comparison: Comparison) -> Mapping[str, float]:
    schedule = candidate.schedule
    # A prediction that is too high by chance is late and wrong at once, a measurement likewise; their geometric mean has no such tie.
    latency_us = math.sqrt(comparison.corrected_us * comparison.result.measured.median_us)
    steps = comparison.prediction.steps
    widths = [layer.block.exp_c for segment in schedule.segments for layer in segment.layers if isinstance(layer.block, MBConv)]
    busy_us = [sum(step.duration_us for step in steps if step.unit == unit and step.step == "run") for unit in schedule.units]
    return {
        "handovers": sum(step.step == "wait" for step in steps),
        "latency_ms": latency_us / 1e3,
        "channels": float(np.mean(widths)) / 100 if widths else 0.0,
        "balance": 10 * min(busy_us) / max(busy_us),
    }


def theil_sen(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], reach: float) -> tuple[float, float, float] | None:
    """Returns the slope of y over x with an interval of so many standard deviations to either side; None where too few points differ in x.

    The slope is the median of those between all pairs of points that differ in x, the interval goes between two of them by their rank;
    neither assumes a distribution (Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968).
    """
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] != x[first]
    first, second = first[apart], second[apart]
    if not len(first):
        return None
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    ties = np.unique(x, return_counts=True)[1]
    variance = (_pairs_variance(np.array([len(x)])) - _pairs_variance(ties)) / 18
    off = reach * math.sqrt(variance)
    low = math.floor((len(slopes) - off) / 2)
    high = math.ceil((len(slopes) + off) / 2)
    if low < 1 or high >= len(slopes):
        return None
    return float(np.median(slopes)), float(slopes[low - 1]), float(slopes[high])


def _pairs_variance(counts: npt.NDArray[np.int64]) -> float:
    return float(np.sum(counts * (counts - 1) * (2 * counts + 5)))
