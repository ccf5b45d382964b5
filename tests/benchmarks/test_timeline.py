"""The README's picture is drawn from the run that the documentation prints."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from benchmarks.timeline import VERIFIED, bars
from tests.pages import REPOSITORY, fenced


@pytest.fixture(scope="module")
def verified() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REPOSITORY / VERIFIED).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("column", ["measured_us", "predicted_us"])
def test_the_steps_of_a_unit_follow_each_other(verified: dict[str, Any], column: str) -> None:
    found = bars(verified["steps"], column)
    for unit in ("cpu0", "cpu1"):
        own = [bar for bar in found if bar.unit == unit]
        assert own[0].begin_ms == 0
        assert [bar.end_ms for bar in own[:-1]] == [bar.begin_ms for bar in own[1:]]
        assert own[-1].end_ms == pytest.approx(sum(step[column] for step in verified["steps"] if step["unit"] == unit) / 1e3)


def test_a_bar_is_as_long_as_its_step(verified: dict[str, Any]) -> None:
    for step, bar in zip(verified["steps"], bars(verified["steps"], "measured_us"), strict=True):
        assert (bar.unit, bar.segment, bar.step, bar.peer) == (step["unit"], step["segment"], step["step"], step["peer"])
        assert bar.end_ms - bar.begin_ms == pytest.approx(step["measured_us"] / 1e3)


def test_the_picture_shows_the_run_that_the_demo_is_explained_with(verified: dict[str, Any]) -> None:
    [printed] = [block for block in fenced(REPOSITORY / "docs" / "tutorials" / "five-minutes.md", "") if "predicted ms" in block]
    rows = re.findall(r"^(cpu\d) +(\S+) +(\S+) +.*?([\d.]+) +([\d.]+)(?: +\S+ %)?$", printed, re.MULTILINE)
    steps = [(s["unit"], s["segment"], s["step"], s["predicted_us"], s["measured_us"]) for s in verified["steps"]]
    # The page has whole microseconds.
    assert [(*row[:3], 1e3 * float(row[3]), 1e3 * float(row[4])) for row in rows] == [
        (*s[:3], pytest.approx(s[3], abs=0.501), pytest.approx(s[4], abs=0.501)) for s in steps
    ]
    assert f"Predicted: {verified['predicted_us'] / 1e3:.3f} ms" in printed
    assert f"Measured:  {verified['measured_us']['median'] / 1e3:.3f} ms median" in printed
