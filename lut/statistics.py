"""Statistics of a job: its median, how well that is known, and the spread of its samples. Samples are nanoseconds, results microseconds.

A visit is the unit: its samples share a spell of the machine, a placement in memory and the state of the caches, and say the same thing
again and again. So each visit is one value, the median of its samples (batch medians, with visits for batches), and the median of those is
the estimate. Unlike a bootstrap over visits, that is the same at every look and costs next to nothing after each visit. The runner's
``base/stats.cc`` computes the same; both are held to one file of values.

| statistic | method | source |
| --- | --- | --- |
| error of a median | two order statistics, no distribution assumed | Price and Bonett, J. Statist. Comput. Simul. 68, 2001 |
| degrees of freedom of that error | as of uniform values | David and Nagaraja, Order Statistics, 3rd ed. 2003, section 2.3 |
| spread | median absolute deviation, not scaled | Hampel, The influence curve and its role in robust estimation, JASA 69, 1974 |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

NS_PER_US: Final = 1000.0
Z95: Final = 1.96
"""A median is within so many standard errors of what more visits would give, with a probability of about 95 %."""
MAD_TO_SD: Final = 1.4826
"""The standard deviation of normally distributed values, as a multiple of their median absolute deviation."""
_SCALE: Final = 2.0**500
"""Binomial coefficients beyond it are brought down, as those of more than 1000 values are no floating-point numbers."""


@dataclass(frozen=True)
class Summary:
    """`median_us` is the median over visits of each visit's median, `se_us` its standard error, None of a single visit.

    Over all `n` samples of all visits: `p95_us`, and `mad_us`, their median absolute deviation from `median_us`.
    """

    n: int
    visits: int
    median_us: float
    se_us: float | None
    p95_us: float
    mad_us: float

    @property
    def reach_us(self) -> float:
        """Returns how far the median may be off, with a probability of about 95 %; infinite where nothing is known of it."""
        return Z95 * self.se_us if self.se_us is not None else math.inf


def summarise(visits_ns: Iterable[Sequence[float]]) -> Summary:
    """Summarises the samples of each visit, of which there must be one at least; visits without samples count as none."""
    visits = [visit for visit in visits_ns if len(visit)]
    medians = [_median(visit) for visit in visits]
    estimate = _median(medians)
    error = standard_error(medians)
    ordered = np.sort(np.fromiter(chain.from_iterable(visits), dtype=np.float64))
    deviations = np.sort(np.abs(ordered - estimate))
    return Summary(
        n=ordered.size,
        visits=len(visits),
        median_us=estimate / NS_PER_US,
        se_us=error / NS_PER_US if error is not None else None,
        p95_us=_quantile(ordered, 0.95) / NS_PER_US,
        mad_us=_quantile(deviations, 0.5) / NS_PER_US,
    )


def median_us(visits_ns: Iterable[Sequence[float]]) -> float | None:
    """Computes the median over visits of each visit's median alone, in microseconds; None without samples."""
    medians = [_median(visit) for visit in visits_ns if len(visit)]
    return _median(medians) / NS_PER_US if medians else None


def standard_error(values: Sequence[float]) -> float | None:
    """Computes the standard error of the median of independent values, such as the medians of visits; None of fewer than two.

    Half of how far the c-th smallest and the c-th largest are apart, divided by how many standard errors that is: as many as a normal
    variable is from its mean with the probability that one of them is on the wrong side of the median (Price and Bonett, Estimating the
    variance of the sample median, J. Statist. Comput. Simul. 68, 2001).
    """
    if len(values) < 2:
        return None
    rank, distance = _ranks(len(values))
    ordered = sorted(values)
    return (ordered[-rank] - ordered[rank - 1]) / (2 * distance)


def _rank(n: int) -> int:
    """Returns (n + 1)/2 - sqrt(n), rounded with halves up, and 1 at least: in whole numbers, so that it is the same everywhere."""
    return max((n + 1 - math.isqrt(4 * n - 1)) // 2, 1)


@lru_cache(maxsize=4096)
def _ranks(n: int) -> tuple[int, float]:
    """Returns which of `n` values from either end tell the error of their median, and how many standard errors from it these count as.

    The distance is what a standard normal variable exceeds as often as fewer than `rank` of n values lie below the median.
    """
    rank = _rank(n)
    term = total = 1.0  # C(n, i) and their sum, both times 2^-scaled
    scaled = 0
    for i in range(rank - 1):
        term *= (n - i) / (i + 1)
        total += term
        if term > _SCALE:
            term, total, scaled = term / _SCALE, total / _SCALE, scaled + 500
    return rank, -NormalDist().inv_cdf(math.ldexp(total, scaled - n))


def degrees_of_freedom(n: int) -> float:
    """Computes how well the standard error of the median of `n` values, two at least, is itself known: as well as a standard deviation with
    so many degrees of freedom. A difference over such an error is judged by Student's t with these.

    The interval that the error comes from spans `gaps` of the n + 1 gaps between n uniform values, and so has the distribution Beta(gaps,
    n + 1 - gaps); an error with f degrees of freedom has a relative variance of 1/(2f). The values of visits have longer tails than uniform
    ones, so the extremes are trusted no more than normal values allow: n - 1.

    `n` may come out of a file, so no time goes by that grows with it.
    """
    rank = _rank(n)
    gaps = n + 1 - 2 * rank
    return min(gaps * (n + 2) / (4 * rank), n - 1)


def _median(values: Sequence[float]) -> float:
    """Computes the median of at least one value. A visit has a handful of samples, for which numpy takes longer."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _quantile(ordered: npt.NDArray[np.float64], share: float) -> float:
    """Computes a quantile: linear between the two nearest of ascending values (Hyndman and Fan's type 7, numpy's default).

    A table has thousands of these, and numpy's own function takes longer.
    """
    position = share * (ordered.size - 1)
    below = math.floor(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))
