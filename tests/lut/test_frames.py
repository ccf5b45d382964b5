"""Tables as DataFrames: the values of the CSV files, with their types."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.blocks import Add
from collab.errors import TableError
from lut.frames import load_frames
from lut.tables import save
from tests.lut.made_tables import made_tables


def test_frames_hold_what_was_saved(tmp_path: Path) -> None:
    tables = made_tables([Add(8, 4), Add(8, 8)], [(1, 8, 8, 4)], lambda unit, block: 1.5 if unit == "cpu0" else 2.5)
    save(tables, tmp_path)
    frames = load_frames(tmp_path)
    assert frames.blocks.groupby("unit")["marginal_us"].mean().to_dict() == {"cpu0": 1.5, "cpu1": 2.5}
    assert frames.blocks["n"].dtype == "Int64"
    assert frames.blocks["temperature_before_c"].isna().all()
    assert list(frames.transfers.columns[:3]) == ["from", "to", "bytes"]
    assert list(frames.blocks.columns) == (tmp_path / "blocks.csv").read_text().splitlines()[0].split(",")
    assert frames.meta == tables.meta


def test_no_tables_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"meta\.json"):
        load_frames(str(tmp_path))
