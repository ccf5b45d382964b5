"""Cursor: this computer's record of a phase that a device is carrying out, from which another process can go on following it.

The bytes of the device's journal are appended to the journal here as they arrive, so the growth of the journal here since the beginning of
the phase is the number of bytes read so far.
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
    """Phase on a device: its name there, the token of its owner, and the offset of its first line in the journal here, in bytes."""

    identity: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")]
    token: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    begin: Natural

    def save(self, journal: Path) -> None:
        """Writes the cursor beside the journal."""
        write_whole(_path(journal), msgspec.json.encode(self))


def load_cursor(journal: Path) -> Cursor | None:
    """Reads the cursor of a phase that was not followed to its end; None if there is none.

    A damaged file counts as none, as its phase can be measured again.
    """
    try:
        cursor = read(_path(journal), Cursor, limit_bytes=_LARGEST_BYTES, error=JournalError, advice="it is passed over")
        size = journal.stat().st_size
    except (JournalError, OSError):
        return None
    return cursor if cursor.begin <= size else None


def forget_cursor(journal: Path) -> None:
    """Removes the cursor, as its phase was followed to its end."""
    _path(journal).unlink(missing_ok=True)


def _path(journal: Path) -> Path:
    """Returns the path of a journal's cursor."""
    return journal.with_name(f".{journal.name}{_SUFFIX}")
