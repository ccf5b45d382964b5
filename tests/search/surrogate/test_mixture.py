"""The surrogate, against the textbook's formulas and on landscapes of known kinds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.surrogate import gaussian_process
from search.surrogate.kernels import KERNELS, agreements
from search.surrogate.mixture import Bounds, Surrogate
from search.surrogate.targets import Targets

LEAVES = np.array(list(product(range(3), repeat=4)))
EVERYTHING = [tuple(leaf) for leaf in LEAVES.tolist()]


def told(values: dict[int, float], *, bounds: Bounds | None = None) -> Surrogate:
    surrogate = Surrogate(4, bounds=bounds or Bounds())
    for index, value in values.items():
        surrogate.await_value(EVERYTHING[index])
        surrogate.tell(EVERYTHING[index], value)
    return surrogate


def effects(seed: int) -> np.ndarray:
    table = np.random.default_rng(seed).normal(size=(4, 3))
    return table[np.arange(4), LEAVES].sum(axis=1)


def test_one_process_is_the_textbook_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.surrogate.kernels.KERNELS", (KERNELS[1],))
    monkeypatch.setattr(gaussian_process, "KERNELS", (KERNELS[1],))
    monkeypatch.setattr(gaussian_process, "NOISES", (0.01,))
    seen = {3: 0.2, 40: 0.9, 77: -0.4, 12: 0.3, 61: 0.35}
    mean, deviation = told(seen).predict(Targets(LEAVES))
    index, y = list(seen), np.array(list(seen.values()))
    y_mean, y_scale = y.mean(), y.std()
    z = (y - y_mean) / y_scale
    correlation = KERNELS[1].table(4).ravel()[agreements(LEAVES, LEAVES)]
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
@settings(deadline=None, max_examples=30)
def test_the_scale_of_rewards_does_not_matter(seed: int, scale: float, shift: float) -> None:
    values = effects(seed)
    seen = np.random.default_rng(seed).choice(81, 9, replace=False)
    plain = told({int(i): values[i] for i in seen}).log_improvement(Targets(LEAVES))
    moved = told({int(i): scale * values[i] + shift * scale for i in seen}).log_improvement(Targets(LEAVES))
    assert moved == pytest.approx(plain, abs=1e-4, rel=1e-4)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 60), asked_at=st.lists(st.integers(1, 60), max_size=4))
@settings(deadline=None, max_examples=30)
def test_when_it_was_asked_does_not_matter(seed: int, count: int, asked_at: list[int]) -> None:
    """Neither for targets that are kept, nor for what the processes hold."""
    values, bounds = effects(seed), Bounds(most=16, kept=12, best=6)
    kept, asked, unasked = Targets(LEAVES), Surrogate(4, bounds=bounds), Surrogate(4, bounds=bounds)
    for number, index in enumerate(np.random.default_rng(seed).choice(81, count, replace=False), start=1):
        for surrogate in (asked, unasked):
            surrogate.tell(EVERYTHING[index], values[index])
        if number in asked_at:
            asked.log_improvement(kept)
    assert asked.log_improvement(kept) == pytest.approx(unasked.log_improvement(Targets(LEAVES)), rel=1e-6, abs=1e-6)


def test_it_learns_single_effects_from_a_few_of_them() -> None:
    values = effects(5)
    seen = np.random.default_rng(5).choice(81, 20, replace=False)
    mean, deviation = told({int(i): values[i] for i in seen}).predict(Targets(LEAVES))
    unseen = np.setdiff1d(np.arange(81), seen)
    assert np.corrcoef(mean[unseen], values[unseen])[0, 1] > 0.98
    assert np.mean(np.abs(mean[unseen] - values[unseen]) < 3 * deviation[unseen]) > 0.95


def test_what_is_awaited_keeps_others_away_without_changing_what_is_expected() -> None:
    values = effects(2)
    seen = np.random.default_rng(2).choice(81, 8, replace=False)
    surrogate = told({int(i): values[i] for i in seen})
    before_mean, before = surrogate.predict(Targets(LEAVES))
    best = int(surrogate.log_improvement(Targets(LEAVES)).argmax())
    surrogate.await_value(EVERYTHING[best])
    after_mean, after = surrogate.predict(Targets(LEAVES))
    assert after[best] < 0.5 * before[best]
    assert (after <= before * (1 + 1e-9)).all()
    assert after_mean == pytest.approx(before_mean)
    assert (surrogate.observed, len(surrogate)) == (8, 9)


def test_an_evaluation_that_failed_leaves_no_trace() -> None:
    values, targets = effects(9), Targets(LEAVES)
    clean, other = told({i: values[i] for i in (1, 5, 44, 60)}), told({i: values[i] for i in (1, 5)})
    other.await_value(EVERYTHING[30])
    other.log_improvement(targets)
    for i in (44, 60):
        other.tell(EVERYTHING[i], values[i])
    other.forget(EVERYTHING[30])
    assert len(other) == 4
    assert other.log_improvement(targets) == pytest.approx(clean.log_improvement(Targets(LEAVES)))


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5, 0.5], [0.1, 0.9]])
def test_few_or_equal_rewards_are_no_trouble(values: list[float]) -> None:
    surrogate = told(dict(enumerate(values)))
    assert np.isfinite(surrogate.log_improvement(Targets(LEAVES))).all()


def test_one_disaster_does_not_hide_the_differences_of_the_rest() -> None:
    values = effects(3)
    values[7] = -1e6
    seen = [7, *np.random.default_rng(3).choice(np.delete(np.arange(81), 7), 24, replace=False)]
    mean, _ = told({int(i): values[i] for i in seen}).predict(Targets(LEAVES))
    unseen = np.setdiff1d(np.arange(81), seen)
    assert np.corrcoef(mean[unseen], values[unseen])[0, 1] > 0.8


def test_it_holds_no_more_than_its_bounds_allow_and_keeps_the_best() -> None:
    values, bounds = effects(4), Bounds(most=20, kept=12, best=6)
    order = np.random.default_rng(4).permutation(81)
    surrogate = Surrogate(4, bounds=bounds)
    for count, index in enumerate(order, start=1):
        surrogate.tell(EVERYTHING[index], values[index])
        mean, _ = surrogate.predict(Targets(LEAVES))
        assert surrogate.held == (count if count < 20 else 12 + (count - 20) % 8)
        best = order[:count][values[order[:count]].argmax()]
        # Noise is assumed of every value, so that what is expected of the best one is a little less.
        assert mean[best] == pytest.approx(values[best], abs=0.3)
    assert surrogate.observed == 81
    assert np.corrcoef(mean, values)[0, 1] > 0.9


def test_up_to_the_bound_the_bounds_change_nothing() -> None:
    values = effects(6)
    seen = {int(i): values[i] for i in np.random.default_rng(6).choice(81, 15, replace=False)}
    bounded, free = told(seen, bounds=Bounds(most=16, kept=12, best=6)), told(seen)
    assert bounded.log_improvement(Targets(LEAVES)) == pytest.approx(free.log_improvement(Targets(LEAVES)))
