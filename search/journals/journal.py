"""The journal of a search: JSON lines, appended only, one per event, so that a search can go on after any end.

The first line says what is searched and out of which inputs; both must be the same when the search goes on. Then, in the order in which
they happened:

* ``asked``: a leaf's evaluation begins. `n` counts the questions from 0, `leaf` are its decisions; with device tables it has `widths`,
  from which and from the header's `base` its model can be drawn.
* ``evaluated``: it has ended; with ``strategy``, ``accuracy``, and with device tables ``placement`` and ``latency_us``.
* ``failed``: it could not be evaluated; with the reason.
* ``same``: the leaf stands for an architecture that question `of` has evaluated already; it is not evaluated again.

Every line ends with a `check`: a hash of the line and of all lines before it, so that a line that was altered, moved or lost shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from collab.blocks import MAX_BRANCHES
from collab.config import MAX_BLOCKS, Extent
from collab.documents import LatencyUs, Natural, Sha256, Text, expectation, read_bytes
from collab.errors import JournalError
from collab.files import lock_file, write_whole, writing
from collab.names import shown
from collab.system.portable import PLAIN
from collab.wording.commands import command_named
from collab.wording.options import option_named
from search.evaluators.base import MAX_ACCURACY, Setting
from search.journals.record import SpaceRecord
from search.space import Leaf

FORMAT: Final = 4
_READABLE: Final = (3, FORMAT)
"""Formats that are read and gone on with."""
JOURNAL_FILE: Final = "journal.jsonl"
MAX_BYTES: Final = 512 << 20
_ADVICE: Final = "begin the search again in another folder, or put back a copy of the journal that was not altered"
_CHECK_LETTERS: Final = 16
_CHECK_HEAD: Final = b', "check": "'
_CHECK_BYTES: Final = len(_CHECK_HEAD) + _CHECK_LETTERS + len(b'"}')
_MOST_REASON: Final = 2000
_SHA256: Final = re.compile(r"[0-9a-f]{64}")

_Decision: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
_Widths: TypeAlias = Annotated[
    tuple[Annotated[tuple[Extent, ...], msgspec.Meta(max_length=MAX_BLOCKS)], ...], msgspec.Meta(max_length=MAX_BRANCHES)
]
_Accuracy: TypeAlias = Annotated[float, msgspec.Meta(ge=-MAX_ACCURACY, le=MAX_ACCURACY)]
_Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="event", omit_defaults=True):
    pass


class Header(_Line, tag="search", frozen=True, kw_only=True):
    """The first line: `settings` that alter what is found, the SHA-256 of each of the `inputs`, and the space that is searched.

    `base` is the base model's config, which says what `widths` are of; None without device tables, and in format 3.
    """

    format: Annotated[int, msgspec.Meta(ge=_READABLE[0], le=FORMAT)] = FORMAT
    settings: dict[Text, Setting]
    inputs: dict[Text, Sha256]
    space: SpaceRecord
    base: dict[str, Any] | None = None


class _Event(_Line, frozen=True, kw_only=True):
    n: Natural
    leaf: Annotated[tuple[_Decision, ...], msgspec.Meta(max_length=512)]
    strategy: Text


class _Placed(_Event, frozen=True, kw_only=True):
    placement: Text | None = None
    latency_us: LatencyUs | None = None


class Asked(_Placed, tag="asked", frozen=True, kw_only=True):
    """A leaf's evaluation begins. `widths`: expansion channels of each branch's blocks, stage by stage; None in format 3."""

    widths: _Widths | None = None


class Evaluated(_Placed, tag="evaluated", frozen=True, kw_only=True):
    """A leaf's evaluation has ended."""

    accuracy: _Accuracy
    seconds: _Seconds = 0.0


class Failed(_Event, tag="failed", frozen=True, kw_only=True):
    """A leaf could not be evaluated."""

    reason: Text


class Same(_Event, tag="same", frozen=True, kw_only=True):
    """A leaf's architecture was evaluated for question `of`."""

    of: Natural


Entry: TypeAlias = Asked | Evaluated | Failed | Same
_MEASURED: Final = "phase"
"""The first event of a runner's journal."""
_HEADERS: Final = msgspec.json.Decoder(Header)
_ENTRIES: Final = msgspec.json.Decoder(Entry)
_Kind = TypeVar("_Kind")


class SearchJournal:
    """A journal that is open for appending, and closed to other processes; `entries` are those that it held.

    `base` is the base model's config, for a journal of widths. A journal of format 3 is gone on with as it is, without any:
    `holds_widths` tells.

    Every line is handed to the operating system at once, so that killing the process loses none.

    Raises:
        JournalError: it is damaged, of another search, or another process has it.
        StorageError: it cannot be written or locked.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Setting],
        inputs: Mapping[str, str],
        space: SpaceRecord,
        *,
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        plain = {key: _plain(value) for key, value in settings.items()}
        header = Header(settings=plain, inputs=dict(inputs), space=space, base=None if base is None else dict(base))
        if not path.exists():
            # With its first line from the beginning: a process that is killed here leaves no journal at all.
            write_whole(path, _line(_document(header), "")[0])
        with writing(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | PLAIN)
        try:
            self._lock()
            kept, self.entries, self._check, size = _read(path)
            _compare(path, kept, header)
            self.holds_widths = kept.base is not None
            with writing(path):
                # Only now, and under the lock, is the rest of a line that was cut off taken away.
                os.ftruncate(self._descriptor, size)
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        if not lock_file(self._path, self._descriptor):
            raise JournalError(f"{self._path}: another search is writing it; wait for it, or name another {option_named('--out')}")

    def write(self, event: str, n: int, leaf: Leaf, **values: object) -> None:
        """Appends an event. Evaluations are flushed to the disk: they may have taken hours.

        Raises:
            StorageError: it cannot be written whole; the journal is as it was.
        """
        document = {"event": event, "n": n, "leaf": list(leaf), **{key: _plain(value) for key, value in values.items()}}
        line, check = _line(document, self._check)
        with writing(self._path):
            before = os.fstat(self._descriptor).st_size
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                os.ftruncate(self._descriptor, before)
                raise
            self._check = check
            if event == "evaluated" and values.get("seconds", 0.0) != 0.0:
                os.fsync(self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def number_setting(header: Header, name: str, default: float | None = None) -> float:
    """Returns a setting that is a number.

    Raises:
        JournalError: it is none, or is not there and has no default.
    """
    value = header.settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise JournalError(f"the journal's setting {name} is {_shown(value)}, where a number is needed; {_ADVICE}")
    return float(value)


def whole_setting(header: Header, name: str) -> int:
    """Returns a setting that is a whole number, not below 0.

    Raises:
        JournalError: it is none, or is not there.
    """
    value = header.settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise JournalError(f"the journal's setting {name} is {_shown(value)}, where a whole number is needed; {_ADVICE}")
    return value


def text_setting(header: Header, name: str, default: str | None = None) -> str:
    """Returns a setting that is a text.

    Raises:
        JournalError: it is none, or is not there and has no default.
    """
    value = header.settings.get(name, default)
    if not isinstance(value, str):
        raise JournalError(f"the journal's setting {name} is {_shown(value)}, where a text is needed; {_ADVICE}")
    return value


def read_journal(path: Path) -> tuple[Header, list[Entry]]:
    """Returns the header and the entries; a last line that was cut off does not count.

    Raises:
        JournalError: a line is not what a search writes, or was altered.
    """
    header, entries, _, _ = _read(path)
    return header, entries


def _read(path: Path) -> tuple[Header, list[Entry], str, int]:
    """Returns the header, the entries, the last line's check, and the size of all whole lines in bytes."""
    data = read_bytes(path, limit_bytes=MAX_BYTES, error=JournalError, advice=_ADVICE)
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.split(b"\n")[:-1]
    if not lines:
        raise JournalError(f"{path}: is empty; remove it to begin the search, or name another {option_named('--out')}")
    _refuse_other_formats(path, lines[0])
    check = _checked(path, 1, lines[0], "")
    header = _decoded(path, 1, lines[0], _HEADERS)
    entries: list[Entry] = []
    for number, line in enumerate(lines[1:], start=2):
        check = _checked(path, number, line, check)
        entries.append(_decoded(path, number, line, _ENTRIES))
    return header, entries, check, len(whole)


def _refuse_other_formats(path: Path, line: bytes) -> None:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and found.get("event") == _MEASURED:
        raise JournalError(
            f"{path} is the journal of a measurement, not of a search; name the folder that {command_named('search')} was given with"
            f" {option_named('--out')}, or draw what was measured: {command_named('report', path.parent)}"
        )
    if isinstance(found, dict) and found.get("format") not in _READABLE:
        raise JournalError(
            f"{path}: line 1 is no header of a search of this version (format {_READABLE[0]} or {FORMAT}); journals of format 1 do not say"
            " out of which inputs they were made, those of format 2 not by which method, and neither can be gone on with: search again in"
            " another folder; archive.csv keeps what was found"
        )


def _checked(path: Path, number: int, line: bytes, before: str) -> str:
    """Returns the line's check, which must be that of its text and of the lines before."""
    body, tail = line[:-_CHECK_BYTES], line[-_CHECK_BYTES:]
    check = _digest(before, body)
    if tail != _CHECK_HEAD + check.encode() + b'"}':
        raise JournalError(f"{path}: line {number} was altered, or lines before it are missing; {_ADVICE}")
    return check


def _decoded(path: Path, number: int, line: bytes, decoder: msgspec.json.Decoder[_Kind]) -> _Kind:
    try:
        return decoder.decode(line[:-_CHECK_BYTES] + b"}")
    except msgspec.ValidationError as problem:
        raise JournalError(f"{path}: line {number} is no event of a search: {expectation(problem)}; {_ADVICE}") from problem
    except (ValueError, RecursionError) as problem:
        raise JournalError(f"{path}: line {number} is no JSON object ({problem}); {_ADVICE}") from problem


def _compare(path: Path, kept: Header, now: Header) -> None:
    """Refuses a journal whose search is not the one that is asked for now.

    Raises:
        JournalError: it is not; every difference is named.
    """
    differences = [
        f"{owner} {name} is {_shown(old.get(name))}, now it is {_shown(new.get(name))}"
        for owner, old, new in (("its", kept.settings, now.settings), ("the digest of its", kept.inputs, now.inputs))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    if not differences and kept.space != now.space:
        differences = ["its space is another one, or other leaves of it can be evaluated"]
    if differences:
        raise JournalError(
            f"{path} is of another search: {'; '.join(differences)}. Ask for the same, or name another {option_named('--out')}"
        )


def _shown(value: object) -> str:
    if value is None:
        return "not there"
    text = str(value)
    return f"{text[:12]}..." if _SHA256.fullmatch(text) else shown(text)


def _document(header: Header) -> dict[str, Any]:
    space = msgspec.to_builtins(header.space)
    document = {"event": "search", "format": header.format, "settings": header.settings, "inputs": header.inputs, "space": space}
    return document if header.base is None else {**document, "base": header.base}


def _line(document: Mapping[str, Any], before: str) -> tuple[bytes, str]:
    """Returns the document as a line of the journal, and its check."""
    body = json.dumps(document, allow_nan=False).encode()[:-1]
    check = _digest(before, body)
    return body + _CHECK_HEAD + check.encode() + b'"}\n', check


def _digest(before: str, body: bytes) -> str:
    return hashlib.sha256(before.encode() + body).hexdigest()[:_CHECK_LETTERS]


def _plain(value: Any) -> Any:
    """Returns texts as JSON readers take them: bounded, and with escapes for what is no character (bytes of a path that are no UTF-8)."""
    return value.encode("utf-8", "backslashreplace").decode()[:_MOST_REASON] if isinstance(value, str) else value
