from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.blocks import MBConv, parse_key
from lut.tables import BlockRow
from profiler.refine import Suggestion, suggest, within
from tests.lut.made_tables import block_row


def at(exp_c: int, out_c: int = 64) -> MBConv:
    return MBConv(14, 3, 1, 64, exp_c, out_c, "relu6")


def rows(points: dict[int, float], unit: str = "cpu0") -> list[BlockRow]:
    return [block_row(unit, at(exp_c), us) for exp_c, us in points.items()]


def test_the_first_suggestion_lies_where_the_line_bends() -> None:
    bent = {96: 96.0, 192: 192.0, 288: 288.0, 384: 384.0, 480: 800.0, 576: 896.0}
    first = suggest(rows(bent), samples=10, setup_us=0.0)[0]
    assert 288 < first.block.exp_c < 576
    assert first.error_us > 10
    assert first.cost_us == pytest.approx(10 * (384 + 800) / 2, rel=0.5)


def test_ripple_is_no_bend() -> None:
    straight = {channels: 2.0 * channels for channels in (96, 192, 288, 384, 480)}
    assert suggest(rows({**straight, 144: 400.0, 196: 500.0, 208: 510.0}), samples=10, setup_us=5.0) == []


def test_a_straight_line_has_nothing_to_refine() -> None:
    assert suggest(rows({channels: 2.0 * channels for channels in (96, 192, 384, 480)}), samples=10, setup_us=5.0) == []


def test_what_chance_explains_is_no_bend() -> None:
    """The middle point lies 10 us above the line between its neighbours; how much of that is its error and theirs is in their rows."""

    def bent(error: float | None, *, factor: float = 1.0) -> list[BlockRow]:
        points = {96: 96.0, 192: 202.0, 288: 288.0}
        errors = {us: None if error is None else error * us / factor for us in points.values()}
        return [block_row("cpu0", at(c), us, median_us=us / factor, median_se_us=errors[us]) for c, us in points.items()]

    def found(rows_: list[BlockRow]) -> list[Suggestion]:
        return suggest(rows_, samples=1, setup_us=1.0)

    assert found(bent(0.02)) == []
    assert found(bent(None)) == [], "what was visited once may lie anywhere"
    quiet, loud = found(bent(0.0005)), found(bent(0.003))
    assert sorted(s.block.exp_c for s in quiet) == [128, 256]
    assert 0 < loud[0].error_us < quiet[0].error_us
    # Of 10 us, two standard errors of all three points together do not count; halfway, what curves by the rest is off by a quarter of it.
    chance_us = 2 * math.hypot(0.003 * 202, 0.5 * 0.003 * 96, 0.5 * 0.003 * 288)
    assert loud[0].error_us == pytest.approx((10 - chance_us) / 4)
    assert found(bent(0.003, factor=1.5))[0].error_us == pytest.approx(loud[0].error_us), "a network's factor stretches errors, too"


def test_errors_of_all_units_count_and_measured_blocks_are_not_suggested() -> None:
    bent = {96: 96.0, 192: 250.0, 288: 288.0}
    one = suggest(rows(bent), samples=1, setup_us=1.0)
    both = suggest(rows(bent) + rows(bent, "cpu1"), samples=1, setup_us=1.0)
    assert [s.block for s in one] == [s.block for s in both]
    assert both[0].error_us == pytest.approx(2 * one[0].error_us)
    assert {s.block.exp_c for s in one}.isdisjoint(bent)


def test_what_needs_more_than_the_limit_is_left_for_later() -> None:
    bent = {channels: float(channels**2) for channels in range(96, 960, 96)}
    suggestions = suggest(rows(bent), samples=1, setup_us=1.0)
    limit_us = sum(s.cost_us for s in suggestions[:3])
    assert within(suggestions, limit_us + 1) == [s.block for s in suggestions[:3]]
    assert within(suggestions, 0.0) == []


def test_failed_rows_and_other_kinds_of_blocks_are_passed_over() -> None:
    failed = block_row("cpu0", at(192), 5.0, status="failed", reason="x", marginal_us=None)
    head = block_row("cpu0", parse_key("head_7_k1s1_320-1280-1000_relu6"), 5.0)
    assert suggest([failed, head], samples=1, setup_us=1.0) == []


@given(st.dictionaries(st.integers(2, 60).map(lambda n: 16 * n), st.floats(0.001, 1e5), max_size=12))
def test_suggestions_lie_between_measured_points(points: dict[int, float]) -> None:
    points.pop(64, None)
    for suggestion in suggest(rows(points), samples=3, setup_us=1.0):
        assert suggestion.block.exp_c % 32 == 0
        assert min(points) < suggestion.block.exp_c < max(points)
        assert suggestion.cost_us > 0
