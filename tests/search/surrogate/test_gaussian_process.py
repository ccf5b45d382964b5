"""The family of Gaussian processes, against the formulas written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from search.surrogate.gaussian_process import NOISES, PRIOR_DEGREES, Processes
from search.surrogate.kernels import KERNELS, agreements

LEAVES = np.array(list(product(range(3), repeat=4)))
CHOSEN = np.random.default_rng(7).permutation(81)[:12]


def matrix(processes: Processes, model: int, leaves: np.ndarray) -> np.ndarray:
    """A process's correlation matrix, noise included."""
    return processes.tables[processes.kernel_of[model]][agreements(leaves, leaves)] + processes.noise[model] * np.eye(len(leaves))


def test_there_is_one_process_for_each_kernel_and_noise() -> None:
    processes = Processes(LEAVES[:0])
    assert len(processes.noise) == len(KERNELS) * len(NOISES)
    assert len(set(zip(processes.kernel_of.tolist(), processes.noise.tolist(), strict=True))) == len(processes.noise)


def test_leaves_one_by_one_make_the_factors_that_all_at_once_make() -> None:
    at_once, one_by_one = Processes(LEAVES[CHOSEN]), Processes(LEAVES[CHOSEN[:3]])
    for leaf in LEAVES[CHOSEN[3:]]:
        one_by_one.append(leaf)
    assert one_by_one.leaves.tolist() == at_once.leaves.tolist()
    assert one_by_one.inverse == pytest.approx(at_once.inverse, abs=1e-8)
    assert one_by_one.row_sums == pytest.approx(at_once.row_sums, abs=1e-8)
    for model in range(len(at_once.noise)):
        inverse = at_once.inverse[model]
        assert inverse @ matrix(at_once, model, LEAVES[CHOSEN]) @ inverse.T == pytest.approx(np.eye(12), abs=1e-8)


def test_an_extension_is_what_appending_would_add() -> None:
    processes, grown = Processes(LEAVES[CHOSEN[:8]]), Processes(LEAVES[CHOSEN[:8]])
    for leaf in LEAVES[CHOSEN[8:]]:
        grown.append(leaf)
    models = np.array([0, 7, 23])
    assert processes.extension(models, LEAVES[CHOSEN[8:]]) == pytest.approx(grown.inverse[models, 8:], abs=1e-8)
    assert processes.extension(models, LEAVES[:0]).shape == (3, 0, 8)


def test_likelihoods_rank_processes_as_the_textbook_s_do() -> None:
    """The mean and the scale are integrated out here by quadrature, over a flat prior and one of `PRIOR_DEGREES` pseudo-observations."""
    processes = Processes(LEAVES[CHOSEN[:6]])
    values = np.random.default_rng(1).normal(size=6)
    values = (values - values.mean()) / values.std()
    found = processes.fit(values).log_likelihoods
    models, expected = (0, 4, 8, 13, 20), []
    means, scales = np.linspace(-30, 30, 1201), np.exp(np.linspace(-4, 5, 300))
    for model in models:
        covariance = matrix(processes, model, LEAVES[CHOSEN[:6]])
        density = [multivariate_normal(np.zeros(6), scale * covariance).pdf(values[None, :] - means[:, None]).sum() for scale in scales]
        # Of the scale s: ds / s is even in steps of log s; d pseudo-observations of 1 weigh s^(-d / 2) exp(-d / 2 s).
        weights = scales ** (-PRIOR_DEGREES / 2) * np.exp(-PRIOR_DEGREES / (2 * scales))
        expected.append(np.log(float((weights * density).sum())))
    assert found[list(models)] - found[0] == pytest.approx(np.array(expected) - expected[0], abs=0.01)


def test_coefficients_turn_correlations_into_what_is_expected() -> None:
    processes = Processes(LEAVES[CHOSEN])
    values = np.random.default_rng(2).normal(size=12)
    fit = processes.fit(values)
    models = np.array([1, 14])
    for model, found in zip(models, processes.coefficients(models, fit.residuals), strict=True):
        inverse = np.linalg.inv(matrix(processes, model, LEAVES[CHOSEN]))
        mean = inverse.sum(axis=0) @ values / inverse.sum()
        assert fit.means[model] == pytest.approx(mean)
        assert fit.information[model] == pytest.approx(inverse.sum())
        assert found == pytest.approx(inverse @ (values - mean))
