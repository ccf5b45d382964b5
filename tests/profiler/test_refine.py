from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.blocks import MBConv, parse_key
from lut.tables import BlockRow
from profiler.refine import suggest, within
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


def test_a_straight_line_has_nothing_to_refine() -> None:
    assert suggest(rows({channels: 2.0 * channels for channels in (96, 192, 384, 480)}), samples=10, setup_us=5.0) == []


def test_what_chance_explains_is_no_bend() -> None:
    """Of 8 visits with 4 samples each: where samples are 7 % apart, the middle point's 10 us above the line are no more than its error."""

    def bent(apart: float) -> list[BlockRow]:
        points = {96: 96.0, 192: 202.0, 288: 288.0}
        return [block_row("cpu0", at(c), us, n=32, median_us=us, mad_us=apart * us) for c, us in points.items()]

    assert suggest(bent(0.07), samples=1, setup_us=1.0, runs=4) == []
    quiet = suggest(bent(0.001), samples=1, setup_us=1.0, runs=4)
    assert sorted(s.block.exp_c for s in quiet) == [144, 240]
    loud = suggest(bent(0.005), samples=1, setup_us=1.0, runs=4)
    assert 0 < loud[0].error_us < quiet[0].error_us
    assert loud[0].error_us < suggest(bent(0.005), samples=1, setup_us=1.0, runs=1)[0].error_us, "samples of one visit are one"


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
        assert suggestion.block.exp_c % 16 == 0
        assert min(points) < suggestion.block.exp_c < max(points)
        assert suggestion.cost_us > 0
