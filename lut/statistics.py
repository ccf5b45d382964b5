"""Statistics of samples: medians with their spread and their confidence interval. Samples are nanoseconds, results microseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

NS_PER_US: Final = 1000.0
_Z95: Final = 1.96
MAD_TO_SD: Final = 1.4826
"""Of normally distributed values: the standard deviation, of the median absolute one."""
_FEWEST: Final = 3


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
    """Summary of at least one sample.

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
    """Linear between the two nearest of ascending values, as numpy's; a table has thousands of these, and numpy's own takes longer."""
    position = share * (ordered.size - 1)
    below = math.floor(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


def error_of_median(values: Sequence[float]) -> float:
    """The standard error of the median of independent positive values, as a fraction of it; 1 of too few to tell.

    As of normally distributed logarithms, whose spread is told by their median absolute deviation.
    """
    if len(values) < _FEWEST:
        return 1.0
    logs = np.log(np.asarray(values, dtype=np.float64))
    deviation = MAD_TO_SD * float(np.median(np.abs(logs - np.median(logs))))
    return deviation * math.sqrt(math.pi / 2 / len(values))


def median_us(samples_ns: Iterable[int]) -> float | None:
    """The median alone; None of no samples."""
    samples = np.sort(np.fromiter(samples_ns, dtype=np.float64))
    return _quantile(samples, 0.5) / NS_PER_US if samples.size else None
