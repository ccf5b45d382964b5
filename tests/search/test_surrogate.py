"""The learned prior, against the textbook's formulas and on landscapes of known kinds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from search import surrogate as module
from search.surrogate import KERNELS, Correlations, Kernel, Surrogate, _log_improvement

LEAVES = np.array(list(product(range(3), repeat=4)))


def told(values: dict[int, float], *, pool: np.ndarray | None = None) -> Surrogate:
    surrogate = Surrogate(4, pool=pool)
    for index, value in values.items():
        surrogate.tell(surrogate.await_value(LEAVES[index]), value)
    return surrogate


def effects(seed: int) -> np.ndarray:
    table = np.random.default_rng(seed).normal(size=(4, 3))
    return table[np.arange(4), LEAVES].sum(axis=1)


@pytest.mark.parametrize("kernel", KERNELS)
def test_correlations_are_positive_definite_and_1_of_a_leaf_with_itself(kernel: Kernel) -> None:
    index = KERNELS.index(kernel)
    matrix = np.stack([Correlations(4).of(leaf, LEAVES)[index] for leaf in LEAVES])
    assert np.allclose(np.diag(matrix), 1.0)
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_one_process_is_the_textbook_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KERNELS", (KERNELS[1],))
    monkeypatch.setattr(module, "NOISES", (0.01,))
    seen = {3: 0.2, 40: 0.9, 77: -0.4, 12: 0.3, 61: 0.35}
    mean, deviation = told(seen).predict(LEAVES)
    index, y = list(seen), np.array(list(seen.values()))
    y_mean, y_scale = y.mean(), y.std()
    z = (y - y_mean) / y_scale
    correlation = np.stack([Correlations(4).of(leaf, LEAVES)[0] for leaf in LEAVES])
    inverse = np.linalg.inv(correlation[np.ix_(index, index)] + 0.01 * np.eye(5))
    ones = np.ones(5)
    information = ones @ inverse @ ones
    centre = ones @ inverse @ z / information
    across = correlation[:, index]
    expected = centre + across @ inverse @ (z - centre)
    variance = ((z - centre) @ inverse @ (z - centre) + 2.0) / (4 + 2.0)
    unexplained = 1 - np.einsum("ij,jk,ik->i", across, inverse, across) + (1 - across @ inverse @ ones) ** 2 / information
    assert mean == pytest.approx(y_mean + y_scale * expected)
    assert deviation == pytest.approx(y_scale * np.sqrt(variance * unexplained))


@given(seed=st.integers(0, 10_000), scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
@settings(max_examples=30)
def test_the_scale_of_rewards_does_not_matter(seed: int, scale: float, shift: float) -> None:
    values = effects(seed)
    seen = np.random.default_rng(seed).choice(81, 9, replace=False)
    plain = told({int(i): values[i] for i in seen}).log_improvement(LEAVES)
    moved = told({int(i): scale * values[i] + shift * scale for i in seen}).log_improvement(LEAVES)
    assert moved == pytest.approx(plain, abs=1e-4, rel=1e-4)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20), asked_at=st.lists(st.integers(1, 20), max_size=4))
@settings(max_examples=30)
def test_a_kept_pool_says_what_a_fresh_question_says(seed: int, count: int, asked_at: list[int]) -> None:
    values = effects(seed)
    surrogate = Surrogate(4, pool=LEAVES)
    for number, index in enumerate(np.random.default_rng(seed).choice(81, count, replace=False), start=1):
        surrogate.tell(surrogate.await_value(LEAVES[index]), values[index])
        if number in asked_at:
            surrogate.log_improvement()
    assert surrogate.log_improvement() == pytest.approx(surrogate.log_improvement(LEAVES), rel=1e-6, abs=1e-6)


def test_it_learns_single_effects_from_a_few_of_them() -> None:
    values = effects(5)
    seen = np.random.default_rng(5).choice(81, 20, replace=False)
    mean, deviation = told({int(i): values[i] for i in seen}).predict(LEAVES)
    unseen = np.setdiff1d(np.arange(81), seen)
    assert np.corrcoef(mean[unseen], values[unseen])[0, 1] > 0.98
    assert np.mean(np.abs(mean[unseen] - values[unseen]) < 3 * deviation[unseen]) > 0.95


def test_what_is_awaited_keeps_others_away_without_changing_what_is_expected() -> None:
    values = effects(2)
    seen = np.random.default_rng(2).choice(81, 8, replace=False)
    surrogate = told({int(i): values[i] for i in seen})
    before_mean, before = surrogate.predict(LEAVES)
    best = int(surrogate.log_improvement(LEAVES).argmax())
    surrogate.await_value(LEAVES[best])
    after_mean, after = surrogate.predict(LEAVES)
    assert after[best] < 0.5 * before[best]
    assert (after <= before * (1 + 1e-9)).all()
    assert after_mean == pytest.approx(before_mean)
    assert surrogate.observed == 8


def test_a_forgotten_observation_leaves_no_trace() -> None:
    values = effects(9)
    clean = told({i: values[i] for i in (1, 5, 44, 60)}, pool=LEAVES)
    other = told({i: values[i] for i in (1, 5)}, pool=LEAVES)
    number = other.await_value(LEAVES[30])
    other.log_improvement()
    for i in (44, 60):
        other.tell(other.await_value(LEAVES[i]), values[i])
    other = other.without(number)
    assert len(other) == 4
    assert other.log_improvement() == pytest.approx(clean.log_improvement())


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5, 0.5], [0.1, 0.9]])
def test_few_or_equal_rewards_are_no_trouble(values: list[float]) -> None:
    surrogate = told(dict(enumerate(values)))
    assert np.isfinite(surrogate.log_improvement(LEAVES)).all()


def test_one_disaster_does_not_hide_the_differences_of_the_rest() -> None:
    values = effects(3)
    values[7] = -1e6
    seen = [7, *np.random.default_rng(3).choice(np.delete(np.arange(81), 7), 24, replace=False)]
    mean, _ = told({int(i): values[i] for i in seen}).predict(LEAVES)
    unseen = np.setdiff1d(np.arange(81), seen)
    assert np.corrcoef(mean[unseen], values[unseen])[0, 1] > 0.8


@pytest.mark.parametrize("z", [-5.0, -1.0, -0.999, 0.0, 2.0, 30.0])
def test_the_logarithm_of_the_expected_improvement(z: float) -> None:
    expected, _ = quad(lambda x: (x + z) * norm.pdf(x), -z, max(12.0, 12.0 - z))
    assert np.exp(_log_improvement(np.array([z]))[0]) == pytest.approx(expected, rel=1e-6)


def test_it_falls_without_a_jump_or_an_end() -> None:
    z = -np.logspace(-2, 6, 4000)
    log = _log_improvement(z)
    assert np.isfinite(log).all()
    assert (np.diff(log) < 0).all()
