"""Sheets of Parquet: whatever a file holds, its rows come out as texts or it is refused in a sentence."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.errors import TableError
from lut.foreign import sheets
from lut.foreign.entries import MAX_ENTRIES
from lut.foreign.reading import read_source
from tests.lut.foreign.made_sources import imported, write

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
parquet = pytest.importorskip("pyarrow.parquet")


def parquet_of(folder: Path, columns: dict[str, Any], name: str = "t.parquet") -> Path:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return write(folder, file.getvalue(), name)


def test_columns_are_read_as_those_of_csv(tmp_path: Path) -> None:
    path = parquet_of(tmp_path, {"block": ["add_7_8x2", "add_7_12x2", None], "mean_ms": [0.5, float("nan"), 1.0], "n": [3, None, 1]})
    result = imported(read_source(path))
    [row] = result.tables.blocks
    assert (row.block, row.marginal_us, row.n) == ("add_7_8x2", 500.0, 3)
    assert [entry.where for entry in result.left_out] == ["t.parquet, row 2", "t.parquet, row 3"]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no Parquet"):
        read_source(write(tmp_path, b"PAR1nonsensePAR1", "t.parquet"))
    with pytest.raises(TableError, match="no column block"):
        read_source(parquet_of(tmp_path, {"x": [1]}))
    many = parquet_of(tmp_path, {"block": ["x"] * (MAX_ENTRIES + 1)})
    assert many.stat().st_size < 1_000_000
    with pytest.raises(TableError, match="more than 200000 rows"):
        read_source(many)


def test_a_small_file_of_huge_cells_takes_no_more_memory_than_it_unpacks_to(tmp_path: Path) -> None:
    """A text stands once in the file and in each of 100,000 rows, which would be 20 GB."""
    rows = 100_000
    names = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), pyarrow.array(["x" * 200_000]))
    listed = pyarrow.array([["y" * 100]] * rows)
    path = parquet_of(tmp_path, {"block": names, "latency_us": [1.0] * rows, "notes": listed})
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    source = read_source(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(source.entries) == rows
    assert peak_bytes < 512 << 20
    assert [entry.name for entry in source.left_out] == ["notes"]


def test_a_file_that_says_that_it_unpacks_to_more_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_MOST_UNPACKED_BYTES", 1 << 20)
    path = parquet_of(tmp_path, {"block": ["x" * (2 << 20)]})
    assert path.stat().st_size < 1 << 20
    with pytest.raises(TableError, match="unpacks to more than 1 MiB"):
        read_source(path)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300), at=st.integers(0, 400))
def test_damaged_files_are_refused_in_a_sentence(data: bytes, at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    whole = parquet_of(folder, {"block": ["add_7_8x2"], "latency_us": [1.0]}).read_bytes()
    for damaged in (data, whole[:at] + data + whole[at + len(data) :]):
        try:
            read_source(write(folder, damaged, "d.parquet"))
        except TableError as error:
            assert "\n" not in str(error)
