"""Statistics of samples, against numpy, against values worked out by hand, and against what they claim of random samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.statistics import error_of_median, median_us, summarise

SAMPLES = st.lists(st.integers(1, 10**9), min_size=1, max_size=60)


@given(SAMPLES)
def test_quantiles_and_deviation_are_numpys(samples: list[int]) -> None:
    found = summarise(samples)
    us = np.array(samples) / 1000
    assert found.n == len(samples)
    assert found.median_us == pytest.approx(np.median(us))
    assert found.p95_us == pytest.approx(np.percentile(us, 95))
    assert found.mad_us == pytest.approx(np.median(np.abs(us - np.median(us))), abs=1e-9)
    assert median_us(samples) == pytest.approx(np.median(us))
    low, high = found.ci_us
    assert us.min() <= low <= found.median_us <= high <= us.max()


def test_the_median_of_nothing_is_none() -> None:
    assert median_us([]) is None


def test_the_interval_by_hand() -> None:
    # 25 samples: 1.96 * sqrt(25) / 2 = 4.9 ranks on either side of 12.5.
    found = summarise([1000 * number for number in range(1, 26)])
    assert (found.median_us, found.ci_us) == (13.0, (8.0, 19.0))
    assert found.relative_ci == pytest.approx(6 / 13)


def test_the_interval_covers_the_median_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(1000):
        # Skewed, as latencies are; the median of exp(normal) is 1.
        low, high = summarise(np.rint(1e6 * np.exp(0.5 * generator.standard_normal(31))).astype(int).tolist()).ci_us
        covered += low <= 1000.0 <= high
    # 95 % is meant; whole ranks make it a little more. 1000 draws have a standard error of 0.7 %.
    assert 0.94 <= covered / 1000 <= 0.99


def test_the_error_of_a_median_is_what_medians_scatter_by() -> None:
    generator = np.random.default_rng(5)
    draws = np.exp(0.1 * generator.standard_normal((800, 41)))
    scatter = float(np.std(np.log(np.median(draws, axis=1))))
    told = float(np.mean([error_of_median(list(row)) for row in draws]))
    assert told == pytest.approx(scatter, rel=0.1)


def test_two_values_do_not_tell_their_error() -> None:
    assert error_of_median([1.0, 1.1]) == 1.0
    assert error_of_median([1.0, 1.0, 1.0]) == 0.0
    spread = error_of_median([math.exp(-0.1), 1.0, math.exp(0.1)])
    assert spread == pytest.approx(1.4826 * 0.1 * math.sqrt(math.pi / 2 / 3))
