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
    """Events from a place in a journal on. A line that is not whole yet is kept until it is.

    Args:
        offset: the beginning of a line.
    """

    def __init__(self, journal: Path, offset: int) -> None:
        self._journal, self._offset = journal, offset

    def new_events(self) -> Iterator[Event]:
        """Gives events that were added since; an iteration that is broken off goes on with the next call.

        Raises:
            JournalError: a line that is not what the runner writes.
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
    """Removes a last line that was cut off; gives the size of the file, which is made where it is not there. Hold its lock.

    Raises:
        StorageError: it cannot be written.
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
