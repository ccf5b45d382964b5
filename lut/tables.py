"""The tables of one device: blocks.csv, transfers.csv and meta.json, loaded, checked and written.

Times are microseconds. A row that could not be measured is kept with its `status` and `reason` and never used for a prediction.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from collab.blocks import parse_key
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, is_unit_name, parse_unit
from lut.paths import PATHS, WISHES

FORMAT: Final = 1
STATUSES: Final = ("ok", "partial", "failed", "unstable")
USABLE: Final = ("ok", "unstable")
WAITS: Final = ("spin", "condvar", "hybrid")


@dataclass(frozen=True)
class BlockRow:
    """One block on one unit. Statistics are over `n` samples; None where the row failed.

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
    n: int
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
class Measured:
    """A median with its number of samples and its spread (median absolute deviation)."""

    median_us: float
    mad_us: float
    n: int


@dataclass(frozen=True)
class PairPath:
    """The path by which one unit hands features to another, and why: what memory the two of them work on."""

    path: str
    why: str


@dataclass(frozen=True)
class Contention:
    """Work of a block class on `unit` takes `factor` times as long while `other` works."""

    unit: str
    block_class: str
    other: str
    factor: float
    n: int


@dataclass(frozen=True)
class Context:
    """How much longer blocks take in a running network than each alone, over and over: marginal costs hold this factor.

    Alone, a block finds its weights and its input in the nearest cache; in a network, others have been there in between. Measured on a
    piece of a network whose first MBConv (or whose stem, or head) takes in features of this `size`.
    """

    unit: str
    block_class: str
    size: int
    factor: float
    n: int


@dataclass(frozen=True)
class Meta:
    """What the tables were measured on and with."""

    device: str
    fingerprint: Mapping[str, str]
    units: Mapping[str, UnitSpec]
    fixed: Mapping[str, Measured]
    sentinels: Mapping[str, Measured]
    sentinel_block: str
    network: tuple[str, ...]
    """Keys of the blocks of the network that every unit ran by itself, cut into pieces; empty where none was run."""
    network_runs: Mapping[str, Measured]
    """Per unit, what all pieces of that network took together: a second sentinel, which feels what the block in its cache does not."""
    handover: Mapping[str, str]
    """`wait` and `path` of the hand-overs that predictions take."""
    versions: Mapping[str, str]
    models: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    context: tuple[Context, ...] = ()
    channel_step: Mapping[str, int] = field(default_factory=dict)
    """Per unit, in groups of how many channels its kernels work."""
    contention: tuple[Contention, ...] = ()
    certificate: Mapping[str, Any] | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """How the device was when it was last measured: governors, heat, battery, as far as it says."""
    measured_at: str = ""
    paths: Mapping[str, PairPath] = field(default_factory=dict)
    """Per pair of units, as ``cpu0>gpu0``: what the runner takes for it."""
    deviation: Mapping[str, float] = field(default_factory=dict)
    """Per unit: by how much its output of the network differs from the reference's at most, as a fraction of the output's range."""


@dataclass(frozen=True)
class Tables:
    """All tables of one device."""

    blocks: tuple[BlockRow, ...]
    transfers: tuple[TransferRow, ...]
    meta: Meta


_Row = TypeVar("_Row", BlockRow, TransferRow)
_RENAMED: Final = {"from_unit": "from", "to_unit": "to"}


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
        _replace(folder / "meta.json", json.dumps(_meta_document(tables.meta), indent=1, allow_nan=False) + "\n")
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
    text: str = frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    return text


def _meta_document(meta: Meta) -> dict[str, Any]:
    document = asdict(meta)
    document["units"] = {name: unit.text for name, unit in meta.units.items()}
    document["models"], document["network"] = list(meta.models), list(meta.network)
    document["context"] = [asdict(entry) for entry in meta.context]
    document["contention"] = [asdict(entry) for entry in meta.contention]
    return {"format": FORMAT, **document}


def load(folder: Path) -> Tables:
    """Reads and checks the tables of a folder.

    Raises:
        TableError: a file is missing or unreadable, the format is another version's, or a value is impossible.
    """
    meta = _load_meta(folder / "meta.json")
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
            number = int(text) if f.type == "int" else float(text)
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
    if row.status in USABLE:
        _check_count(row.n, where)
        for name in ("median_us", "p95_us", "marginal_us"):
            value = getattr(row, name)
            if value is None or value <= 0:
                raise TableError(f"{where}: {name} is {value}; a measured latency is above 0. Measure again with profiler.run")
        _check_not_negative(row, ("mad_us", "write_us", "read_us"), where)
    return row


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


def _check_count(n: int, where: str) -> None:
    if n <= 0:
        raise TableError(f"{where}: a statistic over {n} samples")


def _check_not_negative(row: BlockRow | TransferRow, names: Sequence[str], where: str) -> None:
    for name in names:
        value = getattr(row, name)
        if value is None or value < 0:
            raise TableError(f"{where}: {name} is {value}; a measured time is not below 0. Measure again with profiler.run")


def _load_meta(path: Path) -> Meta:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}); make tables with: python -m profiler.run --out {path.parent}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise TableError(f"{path}: format {found!r}; this version reads {FORMAT}: measure again with profiler.run")
    try:
        return _parse_meta(document)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise TableError(f"{path}: a field is missing or wrong ({type(error).__name__}: {error})") from error


def _parse_meta(document: Mapping[str, Any]) -> Meta:
    units = {name: parse_unit(text) for name, text in document["units"].items()}
    if not units or not all(is_unit_name(name) for name in units):
        raise ValueError("units must be named like cpu0")
    meta = Meta(
        device=str(document["device"]),
        fingerprint=_texts(document["fingerprint"]),
        units=units,
        fixed={name: _measured(value) for name, value in document["fixed"].items()},
        sentinels={name: _measured(value) for name, value in document["sentinels"].items()},
        sentinel_block=str(document["sentinel_block"]),
        network=tuple(parse_key(key).key for key in document["network"]),
        network_runs={name: _measured(value) for name, value in document["network_runs"].items()},
        handover=_texts(document["handover"]),
        versions=_texts(document["versions"]),
        models=tuple(map(str, document["models"])),
        settings=dict(document["settings"]),
        context=tuple(_context(entry) for entry in document["context"]),
        channel_step={str(name): int(_positive(step, "channel_step")) for name, step in document["channel_step"].items()},
        contention=tuple(_contention(entry) for entry in document["contention"]),
        certificate=document["certificate"],
        conditions=_texts(document.get("conditions", {})),
        measured_at=str(document["measured_at"]),
        paths={str(pair): PairPath(str(value["path"]), str(value["why"])) for pair, value in document.get("paths", {}).items()},
        deviation={str(unit): float(error) for unit, error in document.get("deviation", {}).items()},
    )
    if not all(0 <= error < math.inf for error in meta.deviation.values()):
        raise ValueError(f"deviation is {dict(meta.deviation)}")
    if any(pair.path not in PATHS for pair in meta.paths.values()):
        raise ValueError(f"paths are {dict(meta.paths)}")
    if meta.handover["wait"] not in WAITS or meta.handover["path"] not in WISHES:
        raise ValueError(f"handover is {dict(meta.handover)}")
    return meta


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()}


def _positive(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} is {value!r}, not a number above 0")
    return float(value)


def _measured(value: Mapping[str, Any]) -> Measured:
    return Measured(_positive(value["median_us"], "median_us"), float(value["mad_us"]), int(_positive(value["n"], "n")))


def _context(value: Mapping[str, Any]) -> Context:
    factor = _positive(value["factor"], "context factor")
    return Context(str(value["unit"]), str(value["block_class"]), int(_positive(value["size"], "size")), factor, int(value["n"]))


def _contention(value: Mapping[str, Any]) -> Contention:
    factor = _positive(value["factor"], "contention factor")
    return Contention(str(value["unit"]), str(value["block_class"]), str(value["other"]), factor, int(value["n"]))
