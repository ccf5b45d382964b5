"""Plain CSV tables: columns by their names, and rows that cannot be taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.errors import TableError
from collab.units import name_units, parse_unit
from lut.foreign.plain_csv import read_csv
from lut.tables import load_tables, save
from tests.lut.foreign.made_sources import imported, reasons, write


def test_csv_with_all_that_a_source_can_know(tmp_path: Path) -> None:
    text = "\ufeffblock,unit,median_ms,n,p95_us,mad_us,phone\nstem_32_k3s2_3-8_relu,cpu0,0.25,30.0,300,0,x\n\nadd_7_32x2,gpu,0.5,,,,x\n"
    units = name_units([parse_unit("cpu:threads=2"), parse_unit("gpu")])
    result = imported(read_csv(write(tmp_path, text, "t.csv")), units=units)
    first, second = result.tables.blocks
    assert (first.unit, first.median_us, first.marginal_us, first.n, first.p95_us, first.mad_us) == ("cpu0", 250.0, 250.0, 30, 300.0, 0.0)
    assert (second.unit, second.marginal_us, second.n, second.p95_us) == ("gpu0", 500.0, None, None)
    assert reasons(result) == {"phone": "a column that is not read"}
    assert not any("medians" in what for what in result.tables.meta.lacks)
    assert "numbers of samples of 1 of 2 blocks" in result.tables.meta.lacks
    save(result.tables, tmp_path / "lut")
    assert load_tables(tmp_path / "lut") == result.tables


def test_csv_rows_that_cannot_be_taken_are_named(tmp_path: Path) -> None:
    rows = [
        "add_7_8x2,cpu0,nan",
        "add_7_12x2,cpu0,0",
        "add_7_16x2,cpu9,1",
        "add_7_20x2,,1",
        "add_7_24x2,cpu0",
        ",cpu0,1",
        "add_7_28x2,cpu0,1",
    ]
    result = imported(read_csv(write(tmp_path, "block,unit,latency_us\n" + "\n".join(rows), "t.csv")))
    assert [row.block for row in result.tables.blocks] == ["add_7_28x2"]
    assert "above 0" in reasons(result)["add_7_8x2"]
    assert "cpu9" in reasons(result)["add_7_16x2"]
    assert "unit is empty" in reasons(result)["add_7_20x2"]
    assert "2 cells" in reasons(result)["add_7_24x2"]
    assert "names no block" in reasons(result)["a row without a block"]
    assert len(result.left_out) == 6


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("block,latency", "does not say its unit of time; name it latency_us"),
        ("block,cost", "no column with the latency"),
        ("block,mean_us,median_us", "mean_us, median_us"),
        ("block,mean_us,mean_ms", "twice"),
        ("block,latency_us,block", "two columns are named block"),
        ("block;latency_us", "separated by commas"),
        ("112x112x16-56x56x24,5.6", "no column block"),
        ("unit,block,median_us,marginal_us", "tables of this project already"),
        ("block,latency_us,p95", "p95_us"),
        ("", "no column block"),
        ('block,"latency_us', "not CSV"),
    ],
)
def test_csv_headers_that_leave_something_open_are_refused(tmp_path: Path, header: str, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        read_csv(write(tmp_path, f"{header}\nadd_7_28x2,1\n", "t.csv"))
