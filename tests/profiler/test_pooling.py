from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.pooling import Estimate, pooled

ESTIMATES = st.lists(st.builds(Estimate, st.floats(-10, 10), st.floats(0.01, 10)), min_size=1, max_size=12)


def test_estimates_that_agree_count_by_the_inverse_of_their_variances() -> None:
    found = pooled([Estimate(1.0, 0.1), Estimate(1.1, 0.2)])
    assert found.value == pytest.approx((1.0 / 0.01 + 1.1 / 0.04) / (1 / 0.01 + 1 / 0.04))
    assert found.error == pytest.approx((1 / 0.01 + 1 / 0.04) ** -0.5)


@pytest.mark.parametrize(("apart", "error"), [(0.1, 0.1 / 2**0.5), (1.0, 0.5), (8.0, 4.0)])
def test_two_estimates_are_known_together_no_better_than_they_are_apart(apart: float, error: float) -> None:
    """By hand: with equal errors, the variance between them is apart^2 / 2 less the error's square, so the mean's is apart^2 / 4."""
    found = pooled([Estimate(3.0, 0.1), Estimate(3.0 + apart, 0.1)])
    assert found.value == pytest.approx(3.0 + apart / 2)
    assert found.error == pytest.approx(error)


@given(ESTIMATES)
def test_a_mean_lies_among_its_estimates_and_is_no_worse_known_than_the_worst(estimates: list[Estimate]) -> None:
    found = pooled(estimates)
    values, errors = [e.value for e in estimates], [e.error for e in estimates]
    assert min(values) - 1e-9 <= found.value <= max(values) + 1e-9
    assert found.error >= (sum(error**-2 for error in errors)) ** -0.5 * (1 - 1e-9)
    assert found == pooled(estimates)
    assert math.isfinite(found.error)


def test_errors_hold_what_they_promise() -> None:
    generator = np.random.default_rng(1)
    missed = 0
    for _ in range(400):
        true = generator.normal(0, 0.3, 8)
        errors = generator.uniform(0.1, 0.4, 8)
        found = pooled([Estimate(float(v), float(e)) for v, e in zip(generator.normal(true, errors), errors, strict=True)])
        missed += abs(found.value) > 1.96 * found.error
    assert 0.02 * 400 < missed < 0.12 * 400
