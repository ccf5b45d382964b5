"""The strategies that a certificate rests on, out of the file beside the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from collab.documents import Count, DurationUs, Fraction, LatencyUs, SignedFraction, Text, read
from collab.errors import TableError
from collab.wording.commands import command_named
from lut.certificate import CERTIFICATE_FILE

_MAX_FILE_BYTES: Final = 64 << 20


class Strategy(msgspec.Struct, frozen=True):
    """A strategy that the tables had not seen, predicted and measured. Errors are signed fractions of the measured median."""

    model: Text
    placement: Text
    predicted_us: LatencyUs
    corrected_us: LatencyUs
    measured_us: LatencyUs
    mad_us: DurationUs
    n: Count
    error: SignedFraction
    error_drift_corrected: SignedFraction
    repeatability: Fraction


class _File(msgspec.Struct, frozen=True):
    strategies: tuple[Strategy, ...]


def read_strategies(folder: Path) -> tuple[Strategy, ...]:
    """Returns the strategies of a folder's certificate, in the order in which they were drawn; none where there is no file.

    Raises:
        TableError: the file cannot be read, or is not what ``profiler.certify`` writes.
    """
    path = folder / CERTIFICATE_FILE
    if not path.exists():
        return ()
    advice = f"make it again with {command_named('certify')}"
    return read(path, _File, limit_bytes=_MAX_FILE_BYTES, error=TableError, advice=advice).strategies
