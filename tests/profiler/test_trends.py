"""Trends of errors: Theil and Sen's line with its interval, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import theilslopes

from lut.prediction.costs import Costs
from profiler.trends import FEWEST_STRATEGIES, Trend, theil_sen, trends
from tests.profiler.made_certificates import Noise, drawn_strategies, held_against, measured, true_tables

Z95 = 1.959964


@given(st.integers(12, 40), st.integers(0, 1000), st.integers(2, 50))
def test_the_line_is_scipys(count: int, seed: int, levels: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.integers(0, levels, count).astype(np.float64)
    y = 0.1 * x + generator.normal(size=count)
    found = theil_sen(x, y, Z95)
    if found is not None:
        slope, low, high = found
        expected = theilslopes(y, x, 0.95)
        assert slope == pytest.approx(expected.slope)
        assert low <= expected.low_slope + 1e-9
        assert high >= expected.high_slope - 1e-9


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_it_follows_the_units_of_both_axes(seed: int, times: float, more: float) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, 20))
    found, other = theil_sen(x, y, Z95), theil_sen(times * x + 7, y + more * x, Z95)
    assert found is not None
    assert other is not None
    assert np.array(other) == pytest.approx((np.array(found) + more) / times, abs=1e-9)


def test_one_wild_error_does_not_turn_it() -> None:
    x = np.arange(30.0)
    y = 0.01 * x
    y[29] = -100.0
    found = theil_sen(x, y, Z95)
    assert found is not None
    assert found == pytest.approx((0.01, 0.01, 0.01), abs=1e-9)


def test_what_does_not_vary_has_no_trend() -> None:
    assert theil_sen(np.ones(30), np.arange(30.0), Z95) is None
    assert theil_sen(np.array([1.0, *[2.0] * 3]), np.arange(4.0), Z95) is None


def test_interval_covers_the_slope_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(2, 9, 40).astype(np.float64)
    found = [theil_sen(x, 0.3 * x + generator.standard_t(3, 40), Z95) for _ in range(400)]
    missed = sum(line is None or not line[1] <= 0.3 <= line[2] for line in found)
    assert missed <= 33, "5 % of 400, and three standard deviations"


def test_what_is_said() -> None:
    falling = Trend("handovers", -0.0033, -0.006, -0.001)
    assert falling.is_proven
    assert falling.sentence == "errors fall by 0.33 % per hand-over [0.10, 0.60]"
    assert Trend("latency_ms", 0.02, 0.01, 0.03).sentence == "errors rise by 2.00 % per ms of latency [1.00, 3.00]"
    assert not Trend("balance", 0.02, -0.01, 0.03).is_proven
    assert falling.to_document() == {"slope": -0.0033, "low": -0.006, "high": -0.001, "per": "hand-over", "proven": True}


def test_a_cost_of_calls_that_is_forgotten_shows_over_hand_overs() -> None:
    true = true_tables()
    candidates = drawn_strategies(true, 60)
    calls = {unit: type(call)(call.median_us + 60.0, 0.1, 10) for unit, call in true.meta.call_in_network.items()}
    device = replace(true, meta=replace(true.meta, call_in_network=calls))
    comparisons = held_against(measured(candidates, device, Noise(segment=0.01)), candidates, Costs(true, source="claimed"))
    found = {trend.name: trend for trend in trends(candidates, comparisons)}
    assert set(found) == {"handovers", "latency_ms", "channels", "balance"}
    assert found["handovers"].is_proven
    assert found["handovers"].slope < 0
    assert trends(candidates[: FEWEST_STRATEGIES - 1], comparisons[: FEWEST_STRATEGIES - 1]) == ()
