"""Entries of tables that others measured, as their source writes them, and those of them that could not be taken.

Nothing here knows blocks; `lut.foreign.yaml_tables`, `lut.foreign.plain_csv` and their neighbours read files into entries,
`lut.foreign.layer_names` reads their names.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collab.documents import read_bytes
from collab.errors import TableError

MAX_BYTES: Final = 32 * 1024 * 1024
"""The largest source; the published tables have about 1 MB."""

MAX_ENTRIES: Final = 200_000

UNITS_OF_TIME_US: Final = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
"""Units of time as names of columns end with them, in microseconds."""

_MIN_US: Final = 1e-3
_MAX_US: Final = 1e9


@dataclass(frozen=True)
class Entry:
    """One latency of a source. None and the empty string stand for what it does not say."""

    name: str
    where: str
    latency_us: float
    statistic: str
    """``mean``, ``median``, or empty."""
    unit: str = ""
    n: int | None = None
    p95_us: float | None = None
    mad_us: float | None = None


@dataclass(frozen=True)
class HandoverEntry:
    """The costs of one hand-over of a source. None and empty texts stand for what it does not say; `n` is None where it does not."""

    sender: str
    receiver: str
    bytes: int
    where: str
    copy_out_us: float
    wakeup_us: float
    copy_in_us: float
    n: int | None = None
    path: str = ""
    wait: str = ""
    pacing: str = ""

    @property
    def name(self) -> str:
        return f"{self.bytes} bytes from {self.sender} to {self.receiver}"


@dataclass(frozen=True)
class LeftOut:
    """An entry or column of a source that is not in the tables, and why."""

    name: str
    where: str
    reason: str


@dataclass(frozen=True)
class Source:
    """Everything that was read from one file."""

    file: str
    sha256: str
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
    handovers: tuple[HandoverEntry, ...] = ()


def read_text(path: Path) -> tuple[str, str]:
    """Reads a source: its text, and the SHA-256 of its bytes in hexadecimal.

    Raises:
        TableError: too large, unreadable, no regular file, or not UTF-8.
    """
    data = read_bytes(path, limit_bytes=MAX_BYTES, error=TableError, advice="name the file of a table, for example pixel1.yaml")
    try:
        return data.decode("utf-8-sig"), hashlib.sha256(data).hexdigest()
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def parse_latency_us(text: str, *, factor_us: float, what: str) -> float:
    """Reads a latency, a number in units of `factor_us`, as microseconds.

    Raises:
        TableError: no number, not finite, not above 0, or so far from any block's latency that the unit of time must be another.
    """
    try:
        value_us = float(text) * factor_us
    except ValueError:
        raise TableError(f"{what} is {_short(text)}, not a number") from None
    if not math.isfinite(value_us) or value_us <= 0:
        raise TableError(f"{what} is {_short(text)}; a latency is a finite number above 0")
    if not _MIN_US <= value_us <= _MAX_US:
        raise TableError(f"{what} is {_short(text)}, which makes {value_us:g} us for one block; is the unit of time another?")
    return value_us


def parse_spread_us(text: str, *, factor_us: float, what: str) -> float:
    """Reads a spread, a number in units of `factor_us`, as microseconds; it is 0 where all samples were equal.

    Raises:
        TableError: no number, not finite, below 0, or too large.
    """
    try:
        value_us = float(text) * factor_us
    except ValueError:
        raise TableError(f"{what} is {_short(text)}, not a number") from None
    if not math.isfinite(value_us) or not 0 <= value_us <= _MAX_US:
        raise TableError(f"{what} is {_short(text)}; a spread is a finite number not below 0")
    return value_us


def parse_count(text: str, *, what: str) -> int:
    """Reads a number of samples; ``154.0`` is one, as programs write it.

    Raises:
        TableError: no whole number above 0.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value < 1e15 or value != int(value):
        raise TableError(f"{what} is {_short(text)}; a number of samples is a whole number above 0")
    return int(value)


def printable(text: str) -> str:
    """Returns a name as it can be shown: no more than 200 characters, with escapes for control characters and the like."""
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return text if text.isprintable() else ascii(text)


def refuse_too_many(count: int, path: Path) -> None:
    """Refuses more entries than any table has, so that no source can fill the memory.

    Raises:
        TableError: there are more than `MAX_ENTRIES`.
    """
    if count > MAX_ENTRIES:
        raise TableError(f"{path} has more than {MAX_ENTRIES} entries, no table of blocks has; split it, or name another file")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
