"""Statistics of samples: medians with their spread and their confidence interval. Samples are nanoseconds, results microseconds.

| statistic | method | source |
| --- | --- | --- |
| spread | median absolute deviation, not scaled | Hampel, The influence curve and its role in robust estimation, JASA 69, 1974 |
| interval of a median | order statistics, no distribution assumed | Le Boudec, Performance Evaluation, 2010, section 2.2 |
| standard error of a median | asymptotic, of normal logarithms | Kendall and Stuart, The Advanced Theory of Statistics 1, chapter 10 |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

NS_PER_US: Final = 1000.0
_Z95: Final = 1.96
"""A standard normal variable is within this distance of 0 with a probability of 95 %."""
MAD_TO_SD: Final = 1.4826
"""The standard deviation of normally distributed values, as a multiple of their median absolute deviation (1 / 0.6745)."""
_FEWEST: Final = 3
"""Fewer values tell nothing of the error of their median."""


@dataclass(frozen=True)
class Summary:
    """`mad_us` is the median absolute deviation; `ci_us` the 95 % confidence interval of the median (order statistics)."""

    n: int
    median_us: float
    p95_us: float
    mad_us: float
    ci_us: tuple[float, float]

    @property
    def relative_ci(self) -> float:
        """The wider half of the interval, as a fraction of the median."""
        low, high = self.ci_us
        return max(high - self.median_us, self.median_us - low) / self.median_us if self.median_us > 0 else float("inf")


def summarise(samples_ns: Sequence[int]) -> Summary:
    """Summarises at least one sample.

    The interval makes no assumption on the distribution: it reaches from one order statistic to another, whose ranks follow from the
    binomial distribution of the number of samples below the median (Le Boudec, Performance Evaluation, 2010, section 2.2).
    """
    ordered = np.sort(np.asarray(samples_ns, dtype=np.float64)) / NS_PER_US
    n = ordered.size
    median = _quantile(ordered, 0.5)
    reach = _Z95 * math.sqrt(n) / 2
    low, high = max(math.floor(n / 2 - reach), 0), min(math.ceil(n / 2 + reach), n - 1)
    deviations = np.sort(np.abs(ordered - median))
    return Summary(n, median, _quantile(ordered, 0.95), _quantile(deviations, 0.5), (float(ordered[low]), float(ordered[high])))


def _quantile(ordered: npt.NDArray[np.float64], share: float) -> float:
    """Computes a quantile: linear between the two nearest of ascending values (Hyndman and Fan's type 7, numpy's default).

    A table has thousands of these, and numpy's own function takes longer.
    """
    position = share * (ordered.size - 1)
    below = math.floor(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


def error_of_median(values: Sequence[float]) -> float:
    """Computes the standard error of the median of independent positive values, as a fraction of the median; 1 for fewer than three values.

    The logarithms are taken to be normally distributed, with a standard deviation of 1.4826 times their median absolute deviation. The
    standard error of the median of n such values is that times sqrt(pi / 2n).
    """
    if len(values) < _FEWEST:
        return 1.0
    logs = np.log(np.asarray(values, dtype=np.float64))
    deviation = MAD_TO_SD * float(np.median(np.abs(logs - np.median(logs))))
    return deviation * math.sqrt(math.pi / 2 / len(values))


def median_us(samples_ns: Iterable[int]) -> float | None:
    """Computes the median alone, in microseconds; None without samples."""
    samples = np.sort(np.fromiter(samples_ns, dtype=np.float64))
    return _quantile(samples, 0.5) / NS_PER_US if samples.size else None
