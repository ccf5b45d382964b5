"""What `profiler.certify` refuses before it looks for a device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collab.config import load
from collab.errors import TableError
from lut.tables import Tables, save
from profiler.certify import app
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import linear_cost


def tables() -> Tables:
    plan = plan_model(load("micro_v2"), COARSE)
    return made_tables(plan.blocks, plan.transfers, linear_cost)


def refused(lut: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--lut", str(lut), "--device", "127.0.0.1:1", *arguments])
    assert isinstance(done.exception, TableError)
    return str(done.exception)


@pytest.mark.parametrize(("models", "reason"), [((), "made for single blocks"), (("syncnas_mobilenet_v2_100",), "one strategy already")])
def test_tables_that_say_no_search_space(models: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    made = tables()
    save(replace(made, meta=replace(made.meta, models=models)), tmp_path)
    assert reason in refused(tmp_path)


def test_tables_of_one_unit(tmp_path: Path) -> None:
    made = tables()
    alone = replace(made.meta, models=("micro_v2",), units={"cpu0": made.meta.units["cpu0"]})
    save(Tables(tuple(row for row in made.blocks if row.unit == "cpu0"), (), alone), tmp_path)
    assert "of one unit only" in refused(tmp_path)
