"""Budgets, and what the base model takes."""

from __future__ import annotations

import pytest

from collab.errors import ConfigError, MissingEntryError
from collab.placement import Placement
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from lut.tables import Tables
from search.widths.budget import base_latency, parse_budgets
from tests.search.made import BASE, costs, tables

COSTS = costs()
UNITS = ["cpu0", "cpu1"]


@pytest.mark.parametrize(
    ("text", "us"), [("1.0x", 200.0), (".5x", 100.0), ("12ms", 12_000.0), ("1.5ms", 1_500.0), ("800us", 800.0), ("2.x", 400.0)]
)
def test_budgets(text: str, us: float) -> None:
    [budget] = parse_budgets(text)
    assert budget.resolve_us(200.0) == pytest.approx(us)


def test_several_budgets() -> None:
    assert [budget.text for budget in parse_budgets("0.5x, 0.75x,1.0x")] == ["0.5x", "0.75x", "1.0x"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.0",
        "x",
        "-1x",
        "0x",
        "0ms",
        "1.0x,",
        "1x,1x",
        "nanx",
        "1e3ms",
        "5 s",
        "1x,1.0x",
        "0.1000000000000000000000x",
        ",".join(["1x"] * 65),
    ],
)
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ConfigError, match="budget="):
        parse_budgets(text)


def test_the_base_runs_on_its_fastest_unit() -> None:
    found = base_latency(BASE, UNITS, COSTS)
    assert found.unit == "cpu0"
    assert found.us == predict(BASE, Placement(("cpu0",)), COSTS).total_us


def test_a_unit_without_the_base_s_blocks_is_passed_over() -> None:
    made = tables()
    lacking = Tables(tuple(row for row in made.blocks if row.unit == "cpu1" or "mbconv_16" not in row.block), made.transfers, made.meta)
    assert base_latency(BASE, UNITS, Costs(lacking, source="x")).unit == "cpu1"
    with pytest.raises(MissingEntryError, match="to measure it"):
        base_latency(BASE, ["cpu0"], Costs(lacking, source="x"))
