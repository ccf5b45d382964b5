"""The logarithm of the expected improvement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from search.surrogate.improvement import log_expected_improvement


def of_unit(z: np.ndarray) -> np.ndarray:
    return log_expected_improvement(z, np.ones_like(z), 0.0)


@pytest.mark.parametrize("z", [-5.0, -1.0, -0.999, 0.0, 2.0, 30.0])
def test_it_is_the_integral_s(z: float) -> None:
    expected, _ = quad(lambda x: (x + z) * norm.pdf(x), -z, max(12.0, 12.0 - z))
    assert np.exp(of_unit(np.array([z]))[0]) == pytest.approx(expected, rel=1e-6)


def test_it_falls_without_a_jump_or_an_end() -> None:
    log = of_unit(-np.logspace(-2, 6, 4000))
    assert np.isfinite(log).all()
    assert (np.diff(log) < 0).all()


def test_mean_deviation_and_best_count_in_the_values_units() -> None:
    mean, deviation = np.array([1.0, 2.0]), np.array([0.5, 3.0])
    expected = np.log(10.0) + log_expected_improvement(mean, deviation, 2.5)
    assert log_expected_improvement(10 * mean + 7, 10 * deviation, 32.0) == pytest.approx(expected)
