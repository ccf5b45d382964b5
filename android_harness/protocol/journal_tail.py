"""The end of a journal file on this machine, read as it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from android_harness.protocol.journal import Event, parse_line
from collab.files import writing

_CHUNK_BYTES: Final = 1 << 16


class JournalTail:
    """Reader of a growing journal, from an offset on. A line is read when it is whole.

    Args:
        offset: where the first line begins, in bytes.
    """

    def __init__(self, journal: Path, offset: int) -> None:
        self._journal, self._offset = journal, offset

    def new_events(self) -> Iterator[Event]:
        """Reads the events added since the last call; after an iteration that is broken off, the next call goes on from there.

        Raises:
            JournalError: a line is not one that the runner writes.
        """
        if not self._journal.exists():
            return
        with self._journal.open("rb") as file:
            file.seek(self._offset)
            while (line := file.readline()).endswith(b"\n"):
                event = parse_line(line, where=str(self._journal))
                self._offset += len(line)
                yield event


def cut_to_whole_lines(journal: Path) -> int:
    """Removes a last line that was cut off, and makes the file where it is missing. The caller holds the journal's lock.

    Returns:
        The size of the file in bytes.

    Raises:
        StorageError: the file cannot be written.
    """
    with writing(journal), journal.open("ab+") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - _CHUNK_BYTES)
            file.seek(begin)
            whole = file.read(end - begin).rfind(b"\n") + 1
            if whole > 0:
                end = begin + whole
                break
            end = begin
        if end != size:
            file.truncate(end)
    return end
