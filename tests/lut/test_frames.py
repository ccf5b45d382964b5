"""Tables as DataFrames: the values of the CSV files, with their types."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from collab.blocks import Add, parse_key
from collab.errors import TableError
from lut.frames import load_frames
from lut.tables import Tables, save
from tests.lut.made_tables import block_row, made_tables

FAILED = {
    "status": "failed",
    "reason": "it broke",
    "n": 0,
    "median_us": None,
    "p95_us": None,
    "mad_us": None,
    "marginal_us": None,
}


def test_frames_hold_what_was_saved(tmp_path: Path) -> None:
    tables = made_tables([Add(8, 4), Add(8, 8)], [(1, 8, 8, 4)], lambda unit, block: 1.5 if unit == "cpu0" else 2.5)
    save(tables, tmp_path)
    found = load_frames(tmp_path)
    assert found.blocks.groupby("unit", observed=True)["marginal_us"].mean().to_dict() == {"cpu0": 1.5, "cpu1": 2.5}
    assert found.blocks["n"].dtype == "Int64"
    assert found.blocks["temperature_before_c"].isna().all()
    assert list(found.transfers.columns[:3]) == ["from", "to", "bytes"]
    assert list(found.blocks.columns) == (tmp_path / "blocks.csv").read_text().splitlines()[0].split(",")
    assert list(found.transfers.columns) == (tmp_path / "transfers.csv").read_text().splitlines()[0].split(",")
    assert found.meta == tables.meta


NUMBERS = {
    "blocks": ["median_us", "median_se_us", "p95_us", "mad_us", "first_us", "create_us", "marginal_us"],
    "transfers": [
        "gap_us",
        "claim_us",
        "claim_se_us",
        "claim_mad_us",
        "read_us",
        "read_se_us",
        "read_mad_us",
        "wakeup_us",
        "wakeup_se_us",
        "wakeup_mad_us",
        "wakeup_p95_us",
    ],
}
NUMBERS["blocks"] += ["write_us", "read_us", "temperature_after_c"]
NUMBERS["transfers"] += ["write_us", "write_se_us", "write_mad_us"]
WHOLE = {"blocks": ["n", "visits"], "transfers": ["n", "visits", "bytes"]}
CATEGORIES = {"blocks": ["unit", "dtype", "engine", "status", "coverage"], "transfers": ["from", "to", "path", "wait", "pacing", "status"]}
TEXTS = {"blocks": ["block", "in_shape", "out_shape", "reason", "measured_at"], "transfers": ["shape", "reason", "measured_at"]}


@pytest.mark.parametrize("table", ["blocks", "transfers"])
@pytest.mark.parametrize("is_empty", [False, True])
def test_every_column_is_typed_also_of_empty_tables(tmp_path: Path, table: str, is_empty: bool) -> None:
    made = made_tables([Add(8, 4)], [(1, 8, 8, 4)], lambda unit, block: 1.5)
    save(Tables((), (), made.meta) if is_empty else made, tmp_path)
    frame: pd.DataFrame = getattr(load_frames(tmp_path), table)
    assert all(frame[column].dtype == "float64" for column in NUMBERS[table])
    assert all(frame[column].dtype == "Int64" for column in WHOLE[table])
    assert all(isinstance(frame[column].dtype, pd.CategoricalDtype) for column in CATEGORIES[table])
    assert all(pd.api.types.is_string_dtype(frame[column]) for column in TEXTS[table])


def test_what_a_failed_row_does_not_say_is_missing(tmp_path: Path) -> None:
    made = made_tables([Add(8, 4)], [], lambda unit, block: 1.5)
    save(Tables((*made.blocks, block_row("cpu0", parse_key("add_7_320x2"), 1.0, **FAILED)), (), made.meta), tmp_path)
    blocks = load_frames(tmp_path).blocks
    [failed] = [row for _, row in blocks[blocks["status"] == "failed"].iterrows()]
    assert failed["n"] == 0
    assert pd.isna(failed["median_us"])
    assert pd.isna(failed["marginal_us"])
    assert failed["reason"] == "it broke"
    assert blocks["median_us"].mean() == 2.5, "what is missing counts nowhere"


def test_no_tables_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"meta\.json"):
        load_frames(str(tmp_path))
