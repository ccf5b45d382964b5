"""The end of a journal file on this machine, read as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from android_harness.journal import Event, parse_line


class JournalTail:
    """Events from a place in a journal on. A line that is not whole yet is kept until it is.

    Args:
        offset: the beginning of a line.
    """

    def __init__(self, journal: Path, offset: int) -> None:
        self._journal, self._offset = journal, offset

    def new_events(self) -> Iterator[Event]:
        """What was added since; an iteration that is broken off goes on with the next call.

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
    """Removes a last line that was cut off; gives the size of the file, which is made where it is not there."""
    with journal.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
    return whole
