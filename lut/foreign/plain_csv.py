"""Plain CSV tables: a column with block keys, one with latencies whose name ends with the unit of time, and what else the source knows.

| column | |
| --- | --- |
| `block` (or `block_key`, `key`, `name`) | a block key of this project, or a layer as once-for-all's tables name it |
| `latency_us`, `median_us`, `mean_ms` … | exactly one; ``_ns``, ``_us``, ``_ms`` or ``_s`` |
| `unit` | optional: the unit's name or spec |
| `n` (or `count`), `p95_us`, `mad_us` | optional, the latter two with any unit of time |

Other columns are not read, and named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collab.errors import TableError
from collab.wording.options import option_named
from lut.foreign.entries import (
    UNITS_OF_TIME_US,
    Entry,
    LeftOut,
    Source,
    parse_count,
    parse_latency_us,
    parse_spread_us,
    refuse_too_many,
)
from lut.foreign.sheets import Sheet, csv_sheet, not_csv

_NAMES: Final = ("block", "block_key", "key", "name")
_COUNTS: Final = ("n", "count")
_LATENCY: Final = re.compile(r"(latency|median|mean|time)(?:_(ns|us|ms|s))?")
_SPREAD: Final = re.compile(r"(p95|mad)(?:_(ns|us|ms|s))?")
_EXAMPLE: Final = "block,latency_us"


@dataclass(frozen=True)
class Time:
    """A column of times."""

    column: str
    index: int
    what: str
    factor_us: float


@dataclass(frozen=True)
class _Columns:
    width: int
    name: int
    unit: int | None
    count: int | None
    latency: Time
    p95: Time | None
    mad: Time | None


def read_csv(path: Path) -> Source:
    """Reads the entries of one file.

    Raises:
        TableError: no CSV with the columns above, or too large.
    """
    return read_blocks(csv_sheet(path))


def read_blocks(sheet: Sheet) -> Source:
    """Reads the entries of a sheet whose rows are blocks.

    Raises:
        TableError: it lacks a column, or has one twice.
    """
    entries: list[Entry] = []
    columns = _columns(sheet)
    left_out = [LeftOut(sheet.header[i], f"{sheet.file}, line 1", "a column that is not read") for i in _unread(sheet.header, columns)]
    try:
        for where, row in sheet.rows:
            if not any(row):
                continue
            try:
                entries.append(_entry(row, columns, where))
            except TableError as error:
                name = row[columns.name] if len(row) > columns.name else ""
                left_out.append(LeftOut(name or "a row without a block", where, str(error)))
            refuse_too_many(len(entries) + len(left_out), sheet.path)
    except ValueError as error:
        raise not_csv(sheet.path, error) from None
    return Source(sheet.file, sheet.sha256, tuple(entries), tuple(left_out))


def _columns(sheet: Sheet) -> _Columns:
    header, where = sheet.header, sheet.where
    sheet.check_columns()
    if "marginal_us" in header:
        raise TableError(
            f"{where}: these are tables of this project already; use their folder as it is: {option_named('--lut', str(sheet.path.parent))}"
        )
    names = [column for column in _NAMES if column in header]
    if not names:
        hint = "; cells are separated by commas here" if any(";" in column or "\t" in column for column in header) else ""
        raise TableError(f"{where}: no column block with the blocks' keys; a table begins with a line like {_EXAMPLE}{hint}")
    latencies = times(header, _LATENCY, where)
    if len(latencies) != 1:
        found = f"columns {', '.join(time.column for time in latencies)}: keep the one" if latencies else "no column"
        raise TableError(f"{where}: {found} with the latency that counts, named for example latency_us or median_ms")
    spreads = {time.what: time for time in times(header, _SPREAD, where)}
    counts = [column for column in _COUNTS if column in header]
    return _Columns(
        width=len(header),
        name=header.index(names[0]),
        unit=header.index("unit") if "unit" in header else None,
        count=header.index(counts[0]) if counts else None,
        latency=latencies[0],
        p95=spreads.get("p95"),
        mad=spreads.get("mad"),
    )


def times(header: Sequence[str], pattern: re.Pattern[str], where: str) -> list[Time]:
    """Returns the columns of times that a pattern finds: a group for what it is, and one for its unit of time.

    Raises:
        TableError: a column does not say its unit of time, or two are of one thing.
    """
    found = [(column, index, match) for index, column in enumerate(header) if (match := pattern.fullmatch(column))]
    named: list[Time] = []
    for column, index, match in found:
        if match[2] is None:
            raise TableError(f"{where}: the column {column} does not say its unit of time; name it {column}_us or {column}_ms")
        named.append(Time(column, index, match[1], UNITS_OF_TIME_US[match[2]]))
    if len({time.what for time in named}) < len(named):
        raise TableError(f"{where}: {' and '.join(time.column for time in named)} are the same thing twice; keep one of them")
    return named


def _unread(header: Sequence[str], columns: _Columns) -> list[int]:
    timed = [time.index for time in (columns.latency, columns.p95, columns.mad) if time is not None]
    read = {columns.name, columns.unit, columns.count, *timed}
    return [index for index, column in enumerate(header) if index not in read and column]


def _entry(row: Sequence[str], columns: _Columns, where: str) -> Entry:
    if len(row) != columns.width:
        raise TableError(f"the row has {len(row)} cells, the first line {columns.width}")
    if not row[columns.name]:
        raise TableError("the row names no block")
    latency = columns.latency
    count = row[columns.count] if columns.count is not None else ""
    unit = row[columns.unit] if columns.unit is not None else ""
    if columns.unit is not None and not unit:
        raise TableError("the row's unit is empty, while others have one")
    p95, mad = columns.p95, columns.mad
    return Entry(
        name=row[columns.name],
        where=where,
        latency_us=parse_latency_us(row[latency.index], factor_us=latency.factor_us, what=latency.column),
        statistic=latency.what if latency.what in ("mean", "median") else "",
        unit=unit,
        n=parse_count(count, what="the number of samples") if count else None,
        p95_us=parse_latency_us(row[p95.index], factor_us=p95.factor_us, what=p95.column) if p95 and row[p95.index] else None,
        mad_us=parse_spread_us(row[mad.index], factor_us=mad.factor_us, what=mad.column) if mad and row[mad.index] else None,
    )
