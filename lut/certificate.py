"""Certificates: how far the predictions of some tables were from measurements of strategies that they had never seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Accuracy:
    """Of absolute errors, fractions of the measured latency: median, 95th percentile, and the shares within 5 and 10 %."""

    median_error: float
    p95_error: float
    within_5: float
    within_10: float

    @staticmethod
    def of(errors: Sequence[float]) -> Accuracy:
        """Of at least one signed error."""
        size = np.abs(np.asarray(errors, dtype=np.float64))
        return Accuracy(float(np.median(size)), float(np.percentile(size, 95)), float(np.mean(size <= 0.05)), float(np.mean(size <= 0.10)))


@dataclass(frozen=True)
class Certificate:
    """What a certification found. Errors are signed fractions of the measured median, `corrected` ones for the drift since the tables.

    `repeatability`: how far two measurements of the same strategy in the same run were apart, median and 95th percentile. `drift`: per
    unit, how much longer it takes now than with the tables. `baselines`: what simpler predictions would have achieved, corrected likewise.
    """

    n: int
    corrected: Accuracy
    raw: Accuracy
    bias: float
    """The median of the signed corrected errors."""
    repeatability: float
    repeatability_p95: float
    drift: Mapping[str, float]
    baselines: Mapping[str, Accuracy]
    measured_at: str

    @property
    def sentence(self) -> str:
        """For whoever reads a prediction."""
        found = self.corrected
        return (
            f"{self.n} random strategies that the tables had not seen were predicted within {100 * found.median_error:.1f} % (median),"
            f" {100 * found.within_10:.0f} % of them within 10 % (drift-corrected; raw {100 * self.raw.median_error:.1f} %;"
            f" repeatability {100 * self.repeatability:.1f} %)"
        )

    def to_document(self) -> dict[str, Any]:
        """As it stands in ``meta.json`` and in what ``--json`` prints."""
        return {
            "n": self.n,
            **asdict(self.corrected),
            **{f"raw_{name}": value for name, value in asdict(self.raw).items()},
            "bias": self.bias,
            "repeatability": self.repeatability,
            "repeatability_p95": self.repeatability_p95,
            "drift": dict(self.drift),
            "baselines": {name: asdict(accuracy) for name, accuracy in self.baselines.items()},
            "measured_at": self.measured_at,
        }


def parse_certificate(document: Mapping[str, Any]) -> Certificate:
    """Reads `Certificate.to_document` back.

    Raises:
        ValueError, KeyError, TypeError: a field is missing or impossible.
    """
    n = document["n"]
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"a certificate over {n!r} strategies")
    return Certificate(
        n=n,
        corrected=_accuracy(document),
        raw=_accuracy({name.removeprefix("raw_"): value for name, value in document.items() if name.startswith("raw_")}),
        bias=_finite(document["bias"], "bias"),
        repeatability=_size(document["repeatability"], "repeatability"),
        repeatability_p95=_size(document["repeatability_p95"], "repeatability_p95"),
        drift={str(unit): _size(value, "drift") for unit, value in document["drift"].items()},
        baselines={str(name): _accuracy(value) for name, value in document["baselines"].items()},
        measured_at=str(document["measured_at"]),
    )


def _accuracy(document: Mapping[str, Any]) -> Accuracy:
    shares = [_size(document[name], name) for name in ("within_5", "within_10")]
    if max(shares) > 1:
        raise ValueError("a share of strategies above 1")
    return Accuracy(_size(document["median_error"], "median_error"), _size(document["p95_error"], "p95_error"), *shares)


def _size(value: Any, name: str) -> float:
    number = _finite(value, name)
    if number < 0:
        raise ValueError(f"{name} is {value!r}, below 0")
    return number


def _finite(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, not a number")
    return float(value)
