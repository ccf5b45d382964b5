"""The tables of one device: blocks.csv, transfers.csv and meta.json, loaded, checked and written.

Times are microseconds. A row that could not be measured is kept with its `status` and `reason` and never used for a prediction.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from collab.blocks import parse_any_key
from collab.console import one_line
from collab.documents import MAX_US, read_bytes
from collab.errors import ConfigError, TableError
from collab.files import write_whole, writing
from collab.names import shown
from collab.wording.commands import command_named
from lut.csv_rows import csv_rows
from lut.meta import META_FILE, WAITS, Meta, load_meta, meta_document
from lut.paths import PATHS
from lut.provenance import unresolved

BLOCKS_FILE: Final = "blocks.csv"
HANDOVERS_FILE: Final = "transfers.csv"
NETWORK_FILE: Final = "network.tflite"
"""Beside the tables of a network's blocks: the network itself."""
MAX_FILE_BYTES: Final = 64 << 20
MAX_ROWS: Final = 1_000_000
MAX_TEXT: Final = 4096
"""Characters of a text in a row."""
STATUSES: Final = ("ok", "partial", "failed", "unstable")
USABLE: Final = ("ok", "unstable")

CALL_COST: Final = "the fixed cost of a call"
COPIES: Final = "copies of the network's input and output"
HANDOVERS: Final = "hand-overs between units"
SYNC_BLOCKS: Final = "additions and concatenations of syncs"
"""Costs that imported tables may lack (`Meta.lacks`) and that predictions ask for."""


@dataclass(frozen=True)
class BlockRow:
    """One block on one unit. Statistics are over `visits`; None where the row failed, or was imported from what does not say it.

    `create_us` is of the first creation, `cached_create_us` of later ones with compiled programs at hand. `backend`, `driver` (of GPU
    units) and the kinds of memory of inputs and outputs are empty where they are not known; `label` names an opaque block for readers.
    Files of earlier versions lack these columns.
    `median_us`, its standard error `median_se_us` (None of a single visit), `p95_us` and `mad_us` are of the run alone
    (`lut.statistics.Summary`); `marginal_us` is what the block adds inside a segment; `write_us` and `read_us` copy its inputs into and its
    output out of the unit.
    """

    unit: str
    block: str
    in_shape: str
    out_shape: str
    dtype: str
    engine: str
    runtime: str
    n: int | None
    visits: int | None
    median_us: float | None
    median_se_us: float | None
    p95_us: float | None
    mad_us: float | None
    first_us: float | None
    create_us: float | None
    marginal_us: float | None
    write_us: float | None
    read_us: float | None
    coverage: str
    status: str
    reason: str
    temperature_before_c: float | None
    temperature_after_c: float | None
    clock_before_mhz: float | None
    clock_after_mhz: float | None
    config_hash: str
    measured_at: str
    cached_create_us: float | None = None
    backend: str = ""
    driver: str = ""
    input_buffers: str = ""
    output_buffers: str = ""
    label: str = ""


@dataclass(frozen=True)
class HandoverRow:
    """One hand-over from one unit to another. Each cost has its standard error over `visits` and its spread (median absolute deviation).

    `n`, `visits`, errors and spreads are None where the row was imported from what does not say them.
    """

    from_unit: str
    to_unit: str
    bytes: int
    shape: str
    dtype: str
    path: str
    wait: str
    pacing: str
    gap_us: float
    n: int | None
    visits: int | None
    claim_us: float | None
    claim_se_us: float | None
    claim_mad_us: float | None
    read_us: float | None
    read_se_us: float | None
    read_mad_us: float | None
    wakeup_us: float | None
    wakeup_se_us: float | None
    wakeup_mad_us: float | None
    wakeup_p95_us: float | None
    write_us: float | None
    write_se_us: float | None
    write_mad_us: float | None
    status: str
    reason: str
    config_hash: str
    measured_at: str


@dataclass(frozen=True)
class Tables:
    """All tables of one device."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[HandoverRow, ...]
    meta: Meta


_Row = TypeVar("_Row", BlockRow, HandoverRow)
RENAMED: Final = {"from_unit": "from", "to_unit": "to"}
_SHORT_US: Final = 1e-3
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_MAX_WHOLE: Final = (1 << 63) - 1
_MAX_CELL: Final = 4 * MAX_TEXT
_STATISTICS: Final = ("n", "visits", "median_us", "median_se_us", "p95_us", "mad_us", "marginal_us", "write_us", "read_us")


def shape_text(shape: Sequence[int]) -> str:
    """Returns ``(1, 28, 28, 32)`` as ``1x28x28x32``."""
    return "x".join(map(str, shape))


def save(tables: Tables, folder: Path) -> None:
    """Writes the three files, each replaced as a whole (a reader never sees half a table).

    Raises:
        StorageError: the folder cannot be made or written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / BLOCKS_FILE, _csv(tables.blocks, BlockRow))
    write_whole(folder / HANDOVERS_FILE, _csv(tables.transfers, HandoverRow))
    write_whole(folder / META_FILE, json.dumps(meta_document(tables.meta), indent=1, allow_nan=False) + "\n")


def _csv(rows: Iterable[BlockRow] | Iterable[HandoverRow], kind: type[_Row]) -> str:
    names = [f.name for f in fields(kind)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([RENAMED.get(name, name) for name in names])
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    """Returns a value as text; a time so short that 4 decimals say little or nothing of it has 4 digits instead."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or abs(value) >= _SHORT_US else f"{value:.4g}"
    return one_line(str(value))[:MAX_TEXT]


def load_tables(folder: Path) -> Tables:
    """Reads and checks the tables of a folder.

    Raises:
        TableError: a file is missing or unreadable, the format is another version's, or a value is impossible.
    """
    meta = load_meta(folder / META_FILE)
    blocks = tuple(_check_block(row, meta, str(folder / BLOCKS_FILE)) for row in _load_rows(folder / BLOCKS_FILE, BlockRow))
    transfers = tuple(_check_handover(row, meta, str(folder / HANDOVERS_FILE)) for row in _load_rows(folder / HANDOVERS_FILE, HandoverRow))
    _refuse_duplicates(folder / BLOCKS_FILE, [(row.unit, row.block) for row in blocks])
    _refuse_duplicates(
        folder / HANDOVERS_FILE, [(t.from_unit, t.to_unit, str(t.bytes), t.shape, t.path, t.wait, t.pacing) for t in transfers]
    )
    _check_provenance(folder / BLOCKS_FILE, [(row.config_hash, (row.unit,)) for row in blocks], meta)
    _check_provenance(folder / HANDOVERS_FILE, [(row.config_hash, (row.from_unit, row.to_unit)) for row in transfers], meta)
    return Tables(blocks, transfers, meta)


def _refuse_duplicates(path: Path, keys: Sequence[tuple[str, ...]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        if key in seen:
            raise TableError(f"{path}: two rows for {shown(' '.join(key))}; which one holds cannot be told, measure again")
        seen.add(key)


def _measure_again() -> str:
    return f"measure again with {command_named('profile')}"


def _load_rows(path: Path, kind: type[_Row]) -> list[_Row]:
    again = _measure_again()
    data = read_bytes(path, limit_bytes=MAX_FILE_BYTES, error=TableError, advice=again)
    try:
        return list(_rows(csv_rows(data.decode("utf-8")), path, kind))
    except ValueError as error:
        raise TableError(f"{path}: cannot be read as CSV ({error}); {again}") from error


def _rows(lines: Iterator[tuple[int, list[str]]], path: Path, kind: type[_Row]) -> Iterator[_Row]:
    """Yields a value of `kind` for each line after the header, which must hold its columns but for those of a default; others are not read.

    Raises:
        TableError: a column is missing or there twice, a line is longer or shorter than the header, or a cell is not what its column holds.
        ValueError: not CSV.
    """
    _, header = next(lines, (1, []))
    places = []
    for f in fields(kind):
        column = RENAMED.get(f.name, f.name)
        if header.count(column) > 1:
            raise TableError(f"{path}: the column {column} is there twice; which one holds cannot be told")
        if column in header:
            places.append((f.name, column, str(f.type), header.index(column)))
        elif f.default is MISSING:
            raise TableError(f"{path}: the column {column} is missing; {_measure_again()}")
    for number, cells in lines:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise TableError(f"{where}: {len(cells)} cells, the first line has {len(header)}; {_measure_again()}")
        if number > MAX_ROWS + 1:
            raise TableError(f"{path} has more than {MAX_ROWS} rows, which no table has")
        yield kind(**{name: _value(cells[place], form, f"{where}: {column}") for name, column, form, place in places})


def _value(text: str, form: str, where: str) -> Any:
    """Returns a cell's value; `form` is its field's type as it is annotated.

    Raises:
        TableError: the text is too long, or no number where the column has numbers.
    """
    if form == "str":
        if len(text) > _MAX_CELL:
            raise TableError(f"{where} has {len(text)} characters; a row's texts have {MAX_TEXT} at most")
        return text
    if text == "" and form.endswith("None"):
        return None
    is_whole = form.startswith("int")
    if not (_WHOLE if is_whole else _NUMBER).fullmatch(text):
        raise TableError(f"{where} is '{shown(text)}', not a {'whole ' if is_whole else ''}number")
    value = int(text) if is_whole else float(text)
    if abs(value) > (_MAX_WHOLE if is_whole else MAX_US):
        raise TableError(f"{where} is {text}, more than anything that was measured here")
    return value


def _check_block(row: BlockRow, meta: Meta, where: str) -> BlockRow:
    where = f"{where}: {shown(row.block)} on {shown(row.unit)}"
    try:
        parse_any_key(row.block[:MAX_TEXT])
    except ConfigError:
        raise TableError(f"{where}: this is no block key; keys look like mbconv_28_k3s1_32-192-32_relu6 or add_28_32x2") from None
    _check_status(row.status, row.reason, where)
    _check_unit(row.unit, meta, where)
    if (row.n is None or row.visits is None) and not meta.source:
        raise TableError(f"{where}: n or visits is empty; a measured row has its number of samples; {_measure_again()}")
    if row.status in USABLE:
        said = _said(row) if meta.source else frozenset(_STATISTICS)
        if "n" in said:
            _check_count(row.n, where)
        if "visits" in said:
            _check_visits(row, ("median_se_us",), where)
        for name in ("median_us", "p95_us", "marginal_us"):
            value = getattr(row, name)
            if name in said and (value is None or value <= 0):
                raise TableError(f"{where}: {name} is {value}; a measured latency is above 0; {_measure_again()}")
        _check_not_negative(row, [name for name in ("mad_us", "write_us", "read_us") if name in said], where)
    return row


def _said(row: BlockRow) -> frozenset[str]:
    """Returns the columns that an imported row must be right in: the latency, and whatever else its source says."""
    return frozenset(name for name in _STATISTICS if name == "marginal_us" or getattr(row, name) is not None)


def _check_handover(row: HandoverRow, meta: Meta, where: str) -> HandoverRow:
    where = f"{where}: {row.bytes} bytes from {shown(row.from_unit)} to {shown(row.to_unit)}"
    _check_status(row.status, row.reason, where)
    for unit in (row.from_unit, row.to_unit):
        _check_unit(unit, meta, where)
    if row.path not in PATHS or row.wait not in WAITS or row.pacing not in ("hot", "paced") or row.bytes <= 0:
        raise TableError(
            f"{where}: path {shown(row.path)}, wait {shown(row.wait)}, pacing {shown(row.pacing)}: not what a hand-over can have"
        )
    if row.status in USABLE:
        claimed = row.claim_us is not None
        if row.n is not None or not meta.source:
            _check_count(row.n, where)
        if row.visits is not None or not meta.source:
            _check_visits(row, (*(["claim_se_us"] if claimed else []), "read_se_us", "wakeup_se_us", "write_se_us"), where)
        _check_not_negative(row, (*(["claim_us"] if claimed else []), "read_us", "wakeup_us", "write_us"), where)
    return row


def _check_status(status: str, reason: str, where: str) -> None:
    if status not in STATUSES:
        raise TableError(f"{where}: status is '{shown(status)}'; one of {', '.join(STATUSES)}")
    if status != "ok" and not reason:
        raise TableError(f"{where}: status {status} without a reason")


def _check_unit(unit: str, meta: Meta, where: str) -> None:
    if unit not in meta.units:
        raise TableError(f"{where}: meta.json knows no unit {shown(unit)}; are the files of one and the same profile?")


def _check_provenance(path: Path, rows: Iterable[tuple[str, tuple[str, ...]]], meta: Meta) -> None:
    """Checks that meta.json says where each row comes from; rows are given by hash and units, and imported ones have no hash.

    Raises:
        TableError: it does not.
    """
    for config_hash, units in set(rows) if not meta.source else ():
        reason = unresolved(config_hash, units, meta.provenance)
        if reason:
            raise TableError(f"{path}: a row of {', '.join(units)} has the config_hash '{shown(config_hash)}', {reason}; measure again")


def _check_count(n: int | None, where: str) -> None:
    if n is None or n <= 0:
        raise TableError(f"{where}: a statistic over {n} samples")


def _check_visits(row: BlockRow | HandoverRow, errors: Sequence[str], where: str) -> None:
    """Checks that a row was visited as often as it can have been, and that it has its standard errors unless that was once."""
    if row.visits is None or row.visits <= 0 or (row.n is not None and row.visits > row.n):
        raise TableError(f"{where}: {row.visits} visits for {row.n} samples; a visit has one at least; {_measure_again()}")
    _check_not_negative(row, [name for name in errors if row.visits > 1 or getattr(row, name) is not None], where)


def _check_not_negative(row: BlockRow | HandoverRow, names: Sequence[str], where: str) -> None:
    for name in names:
        value = getattr(row, name)
        if value is None or value < 0:
            raise TableError(f"{where}: {name} is {value}; a measured time is not below 0; {_measure_again()}")
