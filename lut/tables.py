"""The tables of one device: blocks.csv, transfers.csv and meta.json, loaded, checked and written.

Times are microseconds. A row that could not be measured is kept with its `status` and `reason` and never used for a prediction.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from collab.blocks import parse_key
from collab.errors import ConfigError, TableError
from lut.meta import WAITS, Meta, load_meta, meta_document
from lut.paths import PATHS

STATUSES: Final = ("ok", "partial", "failed", "unstable")
USABLE: Final = ("ok", "unstable")

FIXED_COST: Final = "the fixed cost of a call"
COPIES: Final = "copies of the network's input and output"
TRANSFERS: Final = "hand-overs between units"
"""What tables from elsewhere may lack (`Meta.lacks`), as far as predictions ask for it."""


@dataclass(frozen=True)
class BlockRow:
    """One block on one unit. Statistics are over `n` samples; None where the row failed, or was imported from what does not say it.

    `median_us`, `p95_us`, `mad_us` are of the run alone; `marginal_us` is what the block adds inside a segment; `write_us` and `read_us`
    copy its inputs into and its output out of the unit.
    """

    unit: str
    block: str
    in_shape: str
    out_shape: str
    dtype: str
    engine: str
    runtime: str
    n: int | None
    median_us: float | None
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


@dataclass(frozen=True)
class TransferRow:
    """One hand-over from one unit to another. Each cost has its own spread (median absolute deviation)."""

    from_unit: str
    to_unit: str
    bytes: int
    shape: str
    dtype: str
    path: str
    wait: str
    pacing: str
    gap_us: float
    n: int
    read_us: float | None
    read_mad_us: float | None
    wakeup_us: float | None
    wakeup_mad_us: float | None
    wakeup_p95_us: float | None
    write_us: float | None
    write_mad_us: float | None
    status: str
    reason: str
    measured_at: str


@dataclass(frozen=True)
class Tables:
    """All tables of one device."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[TransferRow, ...]
    meta: Meta


_Row = TypeVar("_Row", BlockRow, TransferRow)
_RENAMED: Final = {"from_unit": "from", "to_unit": "to"}
_STATISTICS: Final = ("n", "median_us", "p95_us", "mad_us", "marginal_us", "write_us", "read_us")


def shape_text(shape: Sequence[int]) -> str:
    """``(1, 28, 28, 32)`` as ``1x28x28x32``; several inputs are joined by ``;``."""
    return "x".join(map(str, shape))


def save(tables: Tables, folder: Path) -> None:
    """Writes the three files, each replaced as a whole (a reader never sees half a table).

    Raises:
        TableError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "blocks.csv", _csv(tables.blocks, BlockRow))
        _replace(folder / "transfers.csv", _csv(tables.transfers, TransferRow))
        _replace(folder / "meta.json", json.dumps(meta_document(tables.meta), indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise TableError(f"{folder}: the tables cannot be written ({error.strerror})") from error


def _replace(path: Path, text: str) -> None:
    staging = path.with_name(f".{path.name}.new")
    with staging.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)


def _csv(rows: Iterable[BlockRow] | Iterable[TransferRow], kind: type[_Row]) -> str:
    import pandas as pd

    names = [f.name for f in fields(kind)]
    frame = pd.DataFrame([asdict(row) for row in rows], columns=names).rename(columns=_RENAMED)
    frame["n"] = frame["n"].astype("Int64")  # an empty cell would make all others floats
    text: str = frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    return text


def load(folder: Path) -> Tables:
    """Reads and checks the tables of a folder.

    Raises:
        TableError: a file is missing or unreadable, the format is another version's, or a value is impossible.
    """
    meta = load_meta(folder / "meta.json")
    blocks = tuple(_check_block(row, meta, f"{folder}/blocks.csv") for row in _load_rows(folder / "blocks.csv", BlockRow))
    transfers = tuple(_check_transfer(row, meta, f"{folder}/transfers.csv") for row in _load_rows(folder / "transfers.csv", TransferRow))
    _refuse_duplicates(folder / "blocks.csv", [(row.unit, row.block) for row in blocks])
    _refuse_duplicates(
        folder / "transfers.csv", [(t.from_unit, t.to_unit, str(t.bytes), t.shape, t.path, t.wait, t.pacing) for t in transfers]
    )
    return Tables(blocks, transfers, meta)


def _refuse_duplicates(path: Path, keys: Sequence[tuple[str, ...]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        if key in seen:
            raise TableError(f"{path}: two rows for {' '.join(key)}; which one holds cannot be told, measure again")
        seen.add(key)


def _load_rows(path: Path, kind: type[_Row]) -> list[_Row]:
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: cannot be read as CSV ({error}); measure again with profiler.run") from error
    frame = frame.rename(columns={new: old for old, new in _RENAMED.items()})
    missing = [f.name for f in fields(kind) if f.name not in frame.columns]
    if missing:
        raise TableError(f"{path}: the column {_RENAMED.get(missing[0], missing[0])} is missing")
    rows = frame[[f.name for f in fields(kind)]].to_dict("records")
    return [
        _parse_row(kind, {str(key): value for key, value in row.items()}, f"{path}, line {line}") for line, row in enumerate(rows, start=2)
    ]


def _parse_row(kind: type[_Row], row: Mapping[str, str], where: str) -> _Row:
    values: dict[str, Any] = {}
    for f in fields(kind):
        text, name = row[f.name], _RENAMED.get(f.name, f.name)
        if f.type == "str":
            values[f.name] = text
            continue
        if text == "" and "None" in str(f.type):
            values[f.name] = None
            continue
        try:
            number = int(text) if str(f.type).startswith("int") else float(text)
        except ValueError:
            raise TableError(f"{where}: {name} is '{text}', not a number") from None
        if not math.isfinite(number):
            raise TableError(f"{where}: {name} is {text}; a table holds finite numbers only")
        values[f.name] = number
    return kind(**values)


def _check_block(row: BlockRow, meta: Meta, where: str) -> BlockRow:
    where = f"{where}: {row.block} on {row.unit}"
    try:
        parse_key(row.block)
    except ConfigError as error:
        raise TableError(f"{where}: {error}") from error
    _check_status(row.status, row.reason, where)
    _check_unit(row.unit, meta, where)
    if row.n is None and not meta.source:
        raise TableError(f"{where}: n is empty; a measured row has its number of samples. Measure again with profiler.run")
    if row.status in USABLE:
        said = _said(row) if meta.source else frozenset(_STATISTICS)
        if "n" in said:
            _check_count(row.n, where)
        for name in ("median_us", "p95_us", "marginal_us"):
            value = getattr(row, name)
            if name in said and (value is None or value <= 0):
                raise TableError(f"{where}: {name} is {value}; a measured latency is above 0. Measure again with profiler.run")
        _check_not_negative(row, [name for name in ("mad_us", "write_us", "read_us") if name in said], where)
    return row


def _said(row: BlockRow) -> frozenset[str]:
    """What an imported row must be right about: the latency, and whatever else its source says."""
    return frozenset(name for name in _STATISTICS if name == "marginal_us" or getattr(row, name) is not None)


def _check_transfer(row: TransferRow, meta: Meta, where: str) -> TransferRow:
    where = f"{where}: {row.bytes} bytes from {row.from_unit} to {row.to_unit}"
    _check_status(row.status, row.reason, where)
    for unit in (row.from_unit, row.to_unit):
        _check_unit(unit, meta, where)
    if row.path not in PATHS or row.wait not in WAITS or row.pacing not in ("hot", "paced") or row.bytes <= 0:
        raise TableError(f"{where}: path {row.path}, wait {row.wait}, pacing {row.pacing}: not what a transfer can have")
    if row.status in USABLE:
        _check_count(row.n, where)
        _check_not_negative(row, ("read_us", "wakeup_us", "write_us"), where)
    return row


def _check_status(status: str, reason: str, where: str) -> None:
    if status not in STATUSES:
        raise TableError(f"{where}: status is '{status}'; one of {', '.join(STATUSES)}")
    if status != "ok" and not reason:
        raise TableError(f"{where}: status {status} without a reason")


def _check_unit(unit: str, meta: Meta, where: str) -> None:
    if unit not in meta.units:
        raise TableError(f"{where}: meta.json knows no unit {unit}; are the files of one and the same profile?")


def _check_count(n: int | None, where: str) -> None:
    if n is None or n <= 0:
        raise TableError(f"{where}: a statistic over {n} samples")


def _check_not_negative(row: BlockRow | TransferRow, names: Sequence[str], where: str) -> None:
    for name in names:
        value = getattr(row, name)
        if value is None or value < 0:
            raise TableError(f"{where}: {name} is {value}; a measured time is not below 0. Measure again with profiler.run")
