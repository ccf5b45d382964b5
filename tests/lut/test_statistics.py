from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.statistics import error_of_median, summarise


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300))
def test_a_summary_is_ordered_and_within_its_samples(samples: list[int]) -> None:
    summary = summarise(samples)
    low, high = summary.ci_us
    assert summary.n == len(samples)
    assert min(samples) / 1000 <= low <= summary.median_us <= high <= max(samples) / 1000
    assert summary.median_us == pytest.approx(np.median(samples) / 1000)
    assert summary.median_us <= summary.p95_us


def test_the_interval_of_the_median_holds_it_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for _ in range(2000):
        low, high = summarise((generator.lognormal(0, 1, 41) * 1e6).astype(int).tolist()).ci_us
        inside += low <= 1000 <= high
    assert 0.94 <= inside / 2000 <= 0.985


def test_the_error_of_a_median_is_how_far_such_medians_are_apart() -> None:
    samples = np.exp(np.random.default_rng(1).normal(3.0, 0.15, size=(400, 25)))
    apart = float(np.std(np.log(np.median(samples, axis=1))))
    assert float(np.median([error_of_median(row) for row in samples])) == pytest.approx(apart, rel=0.15)
    assert error_of_median([5.0] * 9) == 0
    assert error_of_median([5.0, 5.0]) == 1, "two values tell nothing"
