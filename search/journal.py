"""The journal of a search: JSON lines, appended only, one per event, so that a search can go on after any end.

The first line says what is searched; it must be the same when the search goes on. Then, in the order in which they happened:

* ``asked``: a leaf's evaluation begins. `n` counts the questions from 0, `leaf` are its decisions.
* ``evaluated``: it has ended; with ``strategy``, ``accuracy``, and with device tables ``placement`` and ``latency_us``.
* ``failed``: it could not be evaluated; with the reason.
* ``same``: the leaf stands for an architecture that question `of` has evaluated already; it is not evaluated again.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from collab.errors import JournalError
from search.space import Leaf

FORMAT: Final = 1
JOURNAL_FILE: Final = "journal.jsonl"
_EVENTS: Final = ("asked", "evaluated", "failed", "same")


@dataclass(frozen=True)
class Entry:
    """A line after the first."""

    event: str
    n: int
    leaf: Leaf
    values: Mapping[str, Any]


class SearchJournal:
    """Appends to a journal; every line is handed to the operating system at once, so that killing the process loses none."""

    def __init__(self, path: Path, header: Mapping[str, Any], *, exists: bool) -> None:
        self._path = path
        self._file: TextIO = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{path}: another search is writing it; wait for it, or name another --out") from None
        if not exists:
            self._write({"event": "search", "format": FORMAT, **header})

    def write(self, event: str, n: int, leaf: Leaf, **values: object) -> None:
        """One event. Evaluations are flushed to the disk: they may have taken hours."""
        self._write({"event": event, "n": n, "leaf": list(leaf), **values})
        if event == "evaluated" and values.get("seconds", 0.0) != 0.0:
            os.fsync(self._file.fileno())

    def _write(self, document: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(document, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_journal(path: Path) -> tuple[dict[str, Any], list[Entry]]:
    """The header and the entries. A last line that was cut off is taken out of the file, so that it can be appended to.

    Raises:
        JournalError: a line is not what a search writes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror}); without it there is nothing to resume") from error
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) != len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    lines = whole.decode("utf-8", errors="replace").splitlines()
    if not lines:
        raise JournalError(f"{path}: is empty; start the search again in another folder")
    header = _document(path, 1, lines[0])
    if header.get("event") != "search" or header.get("format") != FORMAT:
        raise JournalError(f"{path}: line 1 is no header of a search of this version (format {FORMAT})")
    entries = [_entry(path, number, line) for number, line in enumerate(lines[1:], start=2)]
    return header, entries


def _document(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{path}: line {number} is no JSON object ({error})") from error
    if not isinstance(document, dict):
        raise JournalError(f"{path}: line {number} is no JSON object")
    return document


def _entry(path: Path, number: int, line: str) -> Entry:
    document = _document(path, number, line)
    event, n, leaf = document.pop("event", None), document.pop("n", None), document.pop("leaf", None)
    is_leaf = isinstance(leaf, list) and all(isinstance(value, int) and 0 <= value < 1 << 20 for value in leaf)
    if event not in _EVENTS or isinstance(n, bool) or not isinstance(n, int) or n < 0 or not is_leaf:
        raise JournalError(f"{path}: line {number} is no event of a search")
    if event == "evaluated":
        accuracy = document.get("accuracy")
        if isinstance(accuracy, bool) or not isinstance(accuracy, (int, float)) or not math.isfinite(accuracy):
            raise JournalError(f"{path}: line {number} has no accuracy")
    return Entry(event, n, tuple(leaf), document)
