"""What this computer keeps of a phase that a device is carrying out, so that another process can go on following it.

The bytes of the device's journal are appended to the journal here as they come, so how much was read already is how far the journal here
has grown since the phase began.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from collab.documents import Natural, read
from collab.errors import JournalError
from collab.files import write_whole

_SUFFIX: Final = ".phase"
_LARGEST_BYTES: Final = 4096


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phase on a device: its name there, whose it is, and where its lines begin in the journal here."""

    identity: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")]
    token: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    begin: Natural

    def save(self, journal: Path) -> None:
        write_whole(_path(journal), msgspec.json.encode(self))


def load_cursor(journal: Path) -> Cursor | None:
    """The phase that was not followed to its end, None if there is none. A damaged file counts as none: what it told is measured again."""
    try:
        cursor = read(_path(journal), Cursor, limit_bytes=_LARGEST_BYTES, error=JournalError, advice="it is passed over")
        size = journal.stat().st_size
    except (JournalError, OSError):
        return None
    return cursor if cursor.begin <= size else None


def forget_cursor(journal: Path) -> None:
    """The phase is over."""
    _path(journal).unlink(missing_ok=True)


def _path(journal: Path) -> Path:
    return journal.with_name(f".{journal.name}{_SUFFIX}")
