"""Numbers as people read them: three digits that mean something, and the unit of measurement."""

from __future__ import annotations

import math
from typing import Final

_US_PER_MS: Final = 1e3
_SPACE: Final = "\N{NO-BREAK SPACE}"
"""Keeps a number and its unit on one line."""
NOTHING: Final = "–"
"""Stands where there is no number."""


def digits(value: float, *, most: int = 3) -> str:
    """Returns a number with so many digits that mean something, without an exponent: 12.3, 0.0456, 1234."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NOTHING
    places = max(0, most - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 6)}f}"


def time_text(us: float | None) -> str:
    """Returns a time with its unit: microseconds below a millisecond, else milliseconds."""
    if us is None:
        return NOTHING
    return f"{digits(us)}{_SPACE}us" if abs(us) < _US_PER_MS else f"{digits(us / _US_PER_MS)}{_SPACE}ms"


def us_text(us: float | None) -> str:
    """Returns a time in microseconds for a column that names them."""
    return NOTHING if us is None else digits(us)


def percent(fraction: float | None, *, signed: bool = False) -> str:
    """Returns a fraction in percent, with one decimal."""
    return NOTHING if fraction is None else f"{100 * fraction:{'+' if signed else ''}.1f}{_SPACE}%"


def bytes_text(count: int | None) -> str:
    """Returns a number of bytes in bytes, KB (1024 bytes) or MB."""
    if count is None:
        return NOTHING
    for limit, name in ((1 << 20, "MB"), (1 << 10, "KB")):
        if count >= limit:
            text = digits(count / limit)
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{_SPACE}{name}"
    return f"{count}{_SPACE}bytes"
