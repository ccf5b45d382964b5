"""Sheets of hand-overs, as published figures can be written down.

| column | |
| --- | --- |
| `from`, `to` | the units: name or spec |
| `bytes` | the size of the features |
| `copy_out_us`, `wakeup_us`, `copy_in_us` | any unit of time (``_ns``, ``_us``, ``_ms``, ``_s``); 0 where nothing is copied |
| `n`, `path`, `wait`, `pacing` | optional |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collab.errors import TableError
from lut.foreign.entries import HandoverEntry, LeftOut, Source, parse_count, parse_spread_us, refuse_too_many
from lut.foreign.plain_csv import Time, times
from lut.foreign.sheets import Sheet, not_csv
from lut.meta import WAITS
from lut.paths import PATHS

_PLACES: Final = ("from", "to", "bytes")
_COSTS: Final = ("copy_out", "wakeup", "copy_in")
_COST: Final = re.compile(rf"({'|'.join(_COSTS)})(?:_(ns|us|ms|s))?")
_CHOICES: Final[Mapping[str, Sequence[str]]] = {"path": PATHS, "wait": WAITS, "pacing": ("hot", "paced")}
_MOST_BYTES: Final = 1 << 34


def has_handovers(header: Sequence[str]) -> bool:
    """Tells by its columns whether the rows of a sheet are hand-overs."""
    return set(_PLACES) <= set(header)


@dataclass(frozen=True)
class _Columns:
    places: Mapping[str, int]
    costs: Mapping[str, Time]


def read_handovers(sheet: Sheet) -> Source:
    """Reads the entries of a sheet whose rows are hand-overs.

    Raises:
        TableError: it lacks a column, or has one twice.
    """
    columns = _columns(sheet)
    entries: list[HandoverEntry] = []
    read = {*columns.places.values(), *(cost.index for cost in columns.costs.values())}
    unread = [name for at, name in enumerate(sheet.header) if at not in read and name]
    left_out = [LeftOut(name, f"{sheet.file}, line 1", "a column that is not read") for name in unread]
    try:
        for where, row in sheet.rows:
            if not any(row):
                continue
            try:
                entries.append(_entry(row, columns, where, len(sheet.header)))
            except TableError as error:
                left_out.append(LeftOut("a hand-over", where, str(error)))
            refuse_too_many(len(entries) + len(left_out), sheet.path)
    except ValueError as error:
        raise not_csv(sheet.path, error) from None
    return Source(sheet.file, sheet.sha256, (), tuple(left_out), tuple(entries))


def _columns(sheet: Sheet) -> _Columns:
    sheet.check_columns()
    costs = {time.what: time for time in times(sheet.header, _COST, sheet.where)}
    lacking = [f"{name}_us" for name in _COSTS if name not in costs]
    if lacking:
        raise TableError(
            f"{sheet.where}: no column {' or '.join(lacking)}; hand-overs have from, to, bytes, copy_out_us, wakeup_us and copy_in_us,"
            " with 0 where their source counts it in another of them"
        )
    places = {name: sheet.header.index(name) for name in (*_PLACES, "n", *_CHOICES) if name in sheet.header}
    return _Columns(places, costs)


def _entry(row: Sequence[str], columns: _Columns, where: str, width: int) -> HandoverEntry:
    if len(row) != width:
        raise TableError(f"the row has {len(row)} cells, the first line {width}")
    said = {name: row[at] for name, at in columns.places.items()}
    costs = {name: parse_spread_us(row[time.index], factor_us=time.factor_us, what=time.column) for name, time in columns.costs.items()}
    for name, choices in _CHOICES.items():
        if said.get(name) and said[name] not in choices:
            raise TableError(f"{name} is {said[name][:60]!r}; one of {', '.join(choices)}")
    if not said["from"] or not said["to"]:
        raise TableError("the row does not say from which unit to which")
    if sum(costs.values()) <= 0:
        raise TableError("nothing of it costs anything, which no hand-over is")
    size = parse_count(said["bytes"], what="bytes")
    if size > _MOST_BYTES:
        raise TableError(f"bytes is {size}, more than any features have")
    return HandoverEntry(
        sender=said["from"],
        receiver=said["to"],
        bytes=size,
        where=where,
        copy_out_us=costs["copy_out"],
        wakeup_us=costs["wakeup"],
        copy_in_us=costs["copy_in"],
        n=parse_count(said["n"], what="the number of samples") if said.get("n") else None,
        path=said.get("path", ""),
        wait=said.get("wait", ""),
        pacing=said.get("pacing", ""),
    )
