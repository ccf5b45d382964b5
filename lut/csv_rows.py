"""CSV, taken apart strictly into rows of cells; lines that are too wide are refused before they take long."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

MAX_COLUMNS: Final = 1000


def csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields each row that is not empty, with the number of its last line.

    Raises:
        ValueError: not CSV, a NUL character, or more than `MAX_COLUMNS` columns; says in which line.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if line.count(",") >= MAX_COLUMNS:
            raise ValueError(f"line {number} has more than {MAX_COLUMNS} columns")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
