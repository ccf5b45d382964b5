"""Certificates: how far the predictions of some tables were from measurements of strategies that they had never seen."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import numpy as np

from collab.documents import Count, Fraction, SignedFraction, Text
from lut.statistics import Z95, standard_error

CERTIFICATE_FILE: Final = "certificate.json"
"""Beside the tables: a certificate with every strategy that it rests on."""

FEWEST_ERRORS: Final = 6
"""Fewer errors give no interval: the smallest and the largest of five enclose the median with a probability of 94 %."""

_Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Absolute errors, as fractions of the measured latency: their median and 95th percentile, and the shares within 5 and 10 %."""

    median_error: Fraction
    p95_error: Fraction
    within_5: _Share
    within_10: _Share

    @staticmethod
    def of(errors: Sequence[float]) -> Accuracy:
        """Computes the accuracy from at least one signed error."""
        size = np.abs(np.asarray(errors, dtype=np.float64))
        return Accuracy(float(np.median(size)), float(np.percentile(size, 95)), float(np.mean(size <= 0.05)), float(np.mean(size <= 0.10)))


@dataclass(frozen=True)
class Bias:
    """The median of signed errors, and the interval in which it lies with a probability of 95 %; None for fewer than `FEWEST_ERRORS`."""

    median: float
    interval: tuple[float, float] | None

    @staticmethod
    def of(errors: Sequence[float]) -> Bias:
        """Computes the bias from at least one signed error, no distribution assumed (`lut.statistics.standard_error`)."""
        median = statistics.median(errors)
        error = standard_error(errors) if len(errors) >= FEWEST_ERRORS else None
        return Bias(median, (median - Z95 * error, median + Z95 * error) if error is not None else None)

    @property
    def is_proven(self) -> bool:
        """Whether the interval excludes a bias of 0."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)

    @property
    def text(self) -> str:
        """The bias with its interval, as people read it."""
        interval = f" [{100 * self.interval[0]:+.1f}, {100 * self.interval[1]:+.1f}]" if self.interval is not None else ""
        return f"{100 * self.median:+.1f} %{interval}"


@dataclass(frozen=True)
class Certificate:
    """The result of a certification. Errors are signed fractions of the measured median, `corrected` ones for the drift since the tables.

    `repeatability` and `repeatability_p95`: median and 95th percentile of how far two measurements of one strategy in the same run were
    apart, as fractions. `drift`: per unit, how many times as long it takes now as with the tables. `baselines`: the accuracy of simpler
    predictions, corrected likewise.
    """

    n: int
    corrected: Accuracy
    raw: Accuracy
    bias: Bias
    """Bias of the predictions that are corrected for drift."""
    repeatability: float
    repeatability_p95: float
    drift: Mapping[str, float]
    baselines: Mapping[str, Accuracy]
    measured_at: str

    @property
    def sentence(self) -> str:
        """A sentence with these figures, as commands print it beside a prediction."""
        found = self.corrected
        return (
            f"{self.n} random strategies that the tables had not seen were predicted within {100 * found.median_error:.1f} % (median),"
            f" {100 * found.within_10:.0f} % of them within 10 % (drift-corrected; raw {100 * self.raw.median_error:.1f} %;"
            f" bias {self.bias.text}; repeatability {100 * self.repeatability:.1f} %)"
        )

    def to_document(self) -> dict[str, Any]:
        """Returns the JSON object that stands in ``meta.json`` and is printed by ``--json``."""
        return {
            "n": self.n,
            **msgspec.structs.asdict(self.corrected),
            **{f"raw_{name}": value for name, value in msgspec.structs.asdict(self.raw).items()},
            "bias": self.bias.median,
            "bias_interval": list(self.bias.interval) if self.bias.interval is not None else None,
            "repeatability": self.repeatability,
            "repeatability_p95": self.repeatability_p95,
            "drift": dict(self.drift),
            "baselines": {name: msgspec.structs.asdict(accuracy) for name, accuracy in self.baselines.items()},
            "measured_at": self.measured_at,
        }


class CertificateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON object of `Certificate.to_document`, as it is read back."""

    n: Count
    median_error: Fraction
    p95_error: Fraction
    within_5: _Share
    within_10: _Share
    raw_median_error: Fraction
    raw_p95_error: Fraction
    raw_within_5: _Share
    raw_within_10: _Share
    bias: SignedFraction
    bias_interval: tuple[SignedFraction, SignedFraction] | None
    repeatability: Fraction
    repeatability_p95: Fraction
    drift: Mapping[str, Fraction]
    baselines: Mapping[str, Accuracy]
    measured_at: Text

    @property
    def certificate(self) -> Certificate:
        return Certificate(
            n=self.n,
            corrected=Accuracy(self.median_error, self.p95_error, self.within_5, self.within_10),
            raw=Accuracy(self.raw_median_error, self.raw_p95_error, self.raw_within_5, self.raw_within_10),
            bias=Bias(self.bias, self.bias_interval),
            repeatability=self.repeatability,
            repeatability_p95=self.repeatability_p95,
            drift=self.drift,
            baselines=self.baselines,
            measured_at=self.measured_at,
        )
