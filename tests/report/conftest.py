"""What the report's tests share: folders that were really measured, and the page that is made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.measured import Measured, measure, run

MOST_BYTES = 6_000_000


@pytest.fixture(scope="session", name="measured")
def measured_folders(runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    assert runner.is_file()
    return measure(tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="session", name="report")
def whole_report(measured: Measured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    said = json.loads(run("report.run", measured.lut, measured.found, "--model", measured.model, "--out", out, "--json"))
    assert said == {"schema_version": 1, "out": str(out), "bytes": out.stat().st_size, "profiles": 1, "searches": 1}
    assert said["bytes"] < MOST_BYTES
    return out
