"""Sheets: tables of others with a line of column names, be they CSV or Parquet, as texts of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from collab.documents import read_bytes
from collab.errors import TableError
from lut.csv_rows import csv_rows
from lut.foreign.entries import MAX_BYTES, MAX_ENTRIES, printable, read_text

_EXAMPLE: Final = "block,latency_us"
_MOST_COLUMNS: Final = 1000
_MOST_UNPACKED_BYTES: Final = 256 << 20
_MOST_CHARACTERS: Final = 4096
"""Characters of a cell that are looked at; no name of a layer is as long."""


@dataclass(frozen=True)
class Sheet:
    """A file's columns in lower case, and its rows, each with where it stands; `rows` can be walked once."""

    path: Path
    sha256: str
    header: tuple[str, ...]
    rows: Iterator[tuple[str, list[str]]]

    @property
    def where(self) -> str:
        """The place of the column names, as the beginning of a sentence."""
        return f"{self.path}, line 1"

    @property
    def file(self) -> str:
        return printable(self.path.name)

    def check_columns(self) -> None:
        """Checks that no column is there twice.

        Raises:
            TableError: one is.
        """
        for column, count in Counter(self.header).items():
            if column and count > 1:
                raise TableError(f"{self.where}: two columns are named {column}; which one holds cannot be told, keep one")


def csv_sheet(path: Path) -> Sheet:
    """Opens a CSV file. Its rows are read as they are walked, and raise a ValueError where they are no CSV.

    Raises:
        TableError: unreadable, too large, or not CSV in its first line.
    """
    text, sha256 = read_text(path)
    lines = csv_rows(text)
    try:
        header = next(lines, (1, []))[1]
    except ValueError as error:
        raise not_csv(path, error) from None
    file = printable(path.name)
    rows = ((f"{file}, line {number}", [printable(cell.strip()) for cell in cells]) for number, cells in lines)
    return Sheet(path, sha256, tuple(printable(cell.strip().lower()) for cell in header), rows)


def not_csv(path: Path, error: ValueError) -> TableError:
    """Returns the error of a file that is no CSV."""
    return TableError(f"{path}: not CSV ({error}); a table begins with a line like {_EXAMPLE}")


def parquet_sheet(path: Path) -> Sheet:
    """Reads a Parquet file.

    Raises:
        TableError: unreadable, too large, no Parquet, or pyarrow is not installed.
    """
    import hashlib
    import io

    data = read_bytes(path, limit_bytes=MAX_BYTES, error=TableError, advice="name the file of a table, for example pixel1.parquet")
    columns, rows = _parquet_cells(path, io.BytesIO(data))
    file = printable(path.name)
    walked = ((f"{file}, row {number}", [printable(_text(cell)) for cell in row]) for number, row in enumerate(rows, start=1))
    return Sheet(path, hashlib.sha256(data).hexdigest(), tuple(printable(column.strip().lower()) for column in columns), walked)


def _parquet_cells(path: Path, file: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    parquet = require_parquet()
    import pyarrow

    try:
        opened = parquet.ParquetFile(file)
        # A small file may stand for a huge table, so its size is asked for before it is read.
        metadata, schema = opened.metadata, opened.schema_arrow
        if metadata.num_rows > MAX_ENTRIES or metadata.num_columns > _MOST_COLUMNS:
            raise TableError(f"{path} has more than {MAX_ENTRIES} rows or {_MOST_COLUMNS} columns, which no table of blocks has")
        if sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)) > _MOST_UNPACKED_BYTES:
            raise TableError(f"{path} unpacks to more than {_MOST_UNPACKED_BYTES >> 20} MiB, which no table of blocks does")
        if len(set(schema.names)) < len(schema.names):
            # Which is refused by `Sheet.check_columns`, with the name.
            return schema.names, []
        kinds = {field.name: getattr(field.type, "value_type", field.type) for field in schema if not pyarrow.types.is_nested(field.type)}
        texts = [name for name, kind in kinds.items() if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)]
        # What is neither a text nor a number is never looked at.
        numbers = [name for name, kind in kinds.items() if pyarrow.types.is_primitive(kind)]
        file.seek(0)
        table = parquet.ParquetFile(file, read_dictionary=texts).read(columns=[*texts, *numbers])
        nothing = [None] * metadata.num_rows
        cells = [_cells(table.column(name)) if name in table.column_names else nothing for name in schema.names]
        return schema.names, list(zip(*cells, strict=True))
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        said = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise TableError(f"{path}: no Parquet ({printable(said)}); write it by another program, or as CSV") from None


def _cells(column: Any) -> list[Any]:
    """Returns a column's values. A text that stands in many rows is one object, as it is one in the file, and is cut where it is long."""
    found: list[Any] = []
    for chunk in column.chunks:
        if not hasattr(chunk, "dictionary"):
            found += chunk.to_pylist()
            continue
        values = [value[:_MOST_CHARACTERS] if isinstance(value, str) else value for value in chunk.dictionary.to_pylist()]
        found += [None if index is None else values[index] for index in chunk.indices.to_pylist()]
    return found


def require_parquet() -> Any:
    """Returns pyarrow's module for Parquet.

    Raises:
        TableError: it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise TableError(
            "Parquet takes pyarrow, which is not installed; install the extra: pip install 'syncnas-profiler[parquet]'"
        ) from None
    return parquet


def _text(cell: object) -> str:
    """Returns a cell's value as text; of what is neither a text nor a number, no text."""
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        return ""
    return cell.strip() if isinstance(cell, str) else repr(cell)
