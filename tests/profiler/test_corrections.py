"""Corrections fitted to steps: exact from exact steps, hardly moved by a few bad ones, and none that others could be as well."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.corrections import fit_corrections
from profiler.terms import StepAmounts

STRATEGIES, STEPS = 30, 150
ONCE = np.ones((1, STRATEGIES), np.int64)


def steps(amounts: npt.NDArray[np.float64], late_us: npt.NDArray[np.float64]) -> StepAmounts:
    names = tuple("abcdefg"[: amounts.shape[1]])
    return StepAmounts("cpu0", names, np.arange(STEPS) % STRATEGIES, np.full(STEPS, 100.0), late_us, amounts)


def drawn_amounts(columns: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(3).uniform(1, 100, size=(STEPS, columns))


@given(st.lists(st.floats(-0.9, 5), min_size=1, max_size=4))
def test_exact_steps_give_exact_corrections(corrections: list[float]) -> None:
    amounts = drawn_amounts(len(corrections))
    found = fit_corrections(steps(amounts, amounts @ np.array(corrections)), ONCE)
    assert found.best == pytest.approx(corrections, abs=1e-6)
    assert found.drawn[0] == pytest.approx(corrections, abs=1e-6)
    assert found.is_separable.all()
    assert found.strategies.tolist() == [STRATEGIES] * len(corrections)


def test_few_steps_that_met_something_slow_hardly_count() -> None:
    amounts = drawn_amounts(2)
    late_us = amounts @ np.array([0.1, -0.2]) + np.random.default_rng(4).normal(0, 1, STEPS)
    late_us[::25] += 1000.0
    assert fit_corrections(steps(amounts, late_us), ONCE).best == pytest.approx([0.1, -0.2], abs=0.05)


def test_what_goes_along_with_others_cannot_be_told_from_them() -> None:
    amounts = drawn_amounts(3)
    amounts[:, 1] = 2 * amounts[:, 0] + np.random.default_rng(5).normal(0, 3, STEPS)
    found = fit_corrections(steps(amounts, amounts @ np.array([0.1, 0.0, 0.3])), ONCE)
    assert found.is_separable.tolist() == [False, False, True]


def test_the_same_column_twice_is_no_error_and_tells_nothing() -> None:
    amounts = drawn_amounts(2)
    amounts[:, 1] = amounts[:, 0]
    found = fit_corrections(steps(amounts, 0.2 * amounts[:, 0]), ONCE)
    assert not found.is_separable.any()
    assert np.isfinite(found.drawn).all()


def test_a_draw_counts_strategies_as_often_as_it_has_them() -> None:
    amounts = np.ones((STEPS, 1))
    late_us = np.where(np.arange(STEPS) % STRATEGIES < 10, 1.0, 3.0)
    draws = np.zeros((2, STRATEGIES), np.int64)
    draws[0, :10], draws[1, 10:] = 3, 1
    assert fit_corrections(steps(amounts, late_us), draws).drawn[:, 0] == pytest.approx([1.0, 3.0])


def test_no_steps_no_corrections() -> None:
    nothing = StepAmounts("cpu0", (), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros((0, 0)))
    assert fit_corrections(nothing, ONCE).parameters == ()
