"""What this computer keeps of a phase that a device is carrying out, so that another process can go on following it.

The bytes of the device's journal are appended to the journal here as they come, so how much was read already is how far the journal here
has grown since the phase began.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_IDENTITY = re.compile(r"[0-9a-f]{12}")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_SUFFIX: Final = ".phase"


@dataclass(frozen=True)
class Cursor:
    """A phase on a device: its name there, whose it is, and where its lines begin in the journal here."""

    identity: str
    token: str
    begin: int

    def save(self, journal: Path) -> None:
        staging = _path(journal).with_suffix(".new")
        with staging.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(_path(journal))


def load_cursor(journal: Path) -> Cursor | None:
    """The phase that was not followed to its end, None if there is none. A damaged file counts as none: what it told is measured again."""
    try:
        document = json.loads(_path(journal).read_text(encoding="utf-8"))
        cursor = Cursor(str(document["identity"]), str(document["token"]), int(document["begin"]))
        size = journal.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = _IDENTITY.fullmatch(cursor.identity) and _TOKEN.fullmatch(cursor.token)
    return cursor if known and 0 <= cursor.begin <= size else None


def forget_cursor(journal: Path) -> None:
    """The phase is over."""
    _path(journal).unlink(missing_ok=True)


def _path(journal: Path) -> Path:
    return journal.with_name(f".{journal.name}{_SUFFIX}")
