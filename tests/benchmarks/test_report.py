"""A report of full tables is as small as the benchmark says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import ROWS, full_tables, make
from lut.tables import load_tables
from tests.report.visits import data_of


def test_a_report_of_full_tables_fits_into_six_megabytes(tmp_path: Path) -> None:
    lut = full_tables(tmp_path / "lut")
    rows = len(load_tables(lut).blocks)
    assert rows >= ROWS
    assert make(lut, tmp_path / "report.html") > 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 6_000_000
    assert len(data_of(page)["data"]["profiles"][0]["blocks"]["rows"]) == rows
