"""Events of the Trace Event Format: slices on threads of processes, arrows between slices, and counters.

All moments are whole nanoseconds here and microseconds in the file, as the format has them. So slices that nest here nest there as well,
whatever a reader rounds to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from collab.errors import ConfigError, StorageError
from collab.files import write_whole, writing

NS_PER_US: Final = 1000
CONDITION: Final = "condition "
"""Begins the name of every condition among what a trace says of itself."""
_FORMAT: Final = 1
_HEAD: Final = '{"displayTimeUnit":"ns","otherData":{"made_by":"syncnas",'
"""The first characters of every trace that this toolkit writes; by them it knows its own."""

Values: TypeAlias = Mapping[str, str | int | float | bool | None]


@dataclass
class _Numbers:
    """The next free numbers: those of threads and processes together, and those of arrows."""

    thread: int = 0
    arrow: int = 0

    def next_thread(self) -> int:
        self.thread += 1
        return self.thread

    def next_arrow(self) -> int:
        self.arrow += 1
        return self.arrow


@dataclass(frozen=True)
class Thread:
    """A track of slices, by its numbers; slices on it nest and are added in the order in which they begin, outer ones first."""

    process: int
    number: int
    _events: list[dict[str, Any]] = field(repr=False, compare=False)

    def add_slice(self, name: str, begin_ns: int, end_ns: int, *, category: str, values: Values | None = None, colour: str = "") -> None:
        """Adds a slice. `values` are shown when it is selected; `colour` is a name of chrome://tracing's, Perfetto chooses its own.

        Raises:
            ValueError: it ends before it begins.
        """
        if end_ns < begin_ns:
            raise ValueError(f"{name} ends before it begins")
        event = self._event("X", begin_ns, name=name, cat=category, dur=(end_ns - begin_ns) / NS_PER_US)
        if colour:
            event["cname"] = colour
        event["args"] = dict(values or {})

    def begin_arrow(self, number: int, at_ns: int) -> None:
        """Begins an arrow at the innermost slice there."""
        self._event("s", at_ns, name="hand-over", cat="hand-over", id=number)

    def end_arrow(self, number: int, at_ns: int) -> None:
        """Ends an arrow at the innermost slice there."""
        self._event("f", at_ns, name="hand-over", cat="hand-over", id=number, bp="e")

    def _event(self, phase: str, at_ns: int, **fields: Any) -> dict[str, Any]:
        event = {"ph": phase, "pid": self.process, "tid": self.number, "ts": at_ns / NS_PER_US, **fields}
        self._events.append(event)
        return event


@dataclass(frozen=True)
class Process:
    """A group of tracks, by its number."""

    number: int
    _numbers: _Numbers = field(repr=False, compare=False)
    _events: list[dict[str, Any]] = field(repr=False, compare=False)
    _metadata: list[dict[str, Any]] = field(repr=False, compare=False)

    def add_thread(self, name: str) -> Thread:
        """Adds a track, which is shown below those that were added before."""
        number = self._numbers.next_thread()
        for kind, value in (("thread_name", {"name": name}), ("thread_sort_index", {"sort_index": number})):
            self._metadata.append({"ph": "M", "pid": self.number, "tid": number, "name": kind, "args": value})
        return Thread(self.number, number, self._events)

    def add_counter(self, name: str, unit: str, at_ns: int, value: float) -> None:
        """Adds the value that a counter has from a moment on."""
        self._events.append({"ph": "C", "pid": self.number, "name": name, "ts": at_ns / NS_PER_US, "args": {unit: value}})


class Trace:
    """A trace in the making."""

    def __init__(self, about: Values | None = None) -> None:
        """`about` says in the file what the trace is of."""
        self.about: Values = dict(about or {})
        self._numbers = _Numbers()
        self._events: list[dict[str, Any]] = []
        self._metadata: list[dict[str, Any]] = []

    def add_process(self, name: str) -> Process:
        """Adds a group of tracks, which is shown below those that were added before."""
        number = self._numbers.next_thread()
        for kind, value in (("process_name", {"name": name}), ("process_sort_index", {"sort_index": number})):
            self._metadata.append({"ph": "M", "pid": number, "name": kind, "args": value})
        return Process(number, self._numbers, self._events, self._metadata)

    def next_arrow(self) -> int:
        """Returns the number of an arrow that is none yet."""
        return self._numbers.next_arrow()

    @property
    def events(self) -> int:
        """The number of events, without the names of tracks."""
        return len(self._events)

    def text(self) -> str:
        """Returns the file's text, an event a line: metadata first, then events in the order of time.

        Raises:
            ValueError: a value is not finite.
        """
        # A stable sort: at one moment, events keep the order in which they were added, outer slices first.
        events = [*self._metadata, *sorted(self._events, key=lambda event: event["ts"])]
        about = json.dumps({"format": _FORMAT, **self.about}, allow_nan=False)[1:]
        lines = ",\n".join(json.dumps(event, allow_nan=False, separators=(",", ":")) for event in events)
        return f'{_HEAD}{about},"traceEvents":[\n{lines}\n]}}\n'


def write_trace(path: Path, trace: Trace) -> None:
    """Writes a trace to a file, as a whole.

    Raises:
        StorageError: the file cannot be written, or is there already and is none of this toolkit's traces.
    """
    require_free(path)
    write_whole(path, trace.text())


def require_free(path: Path, *, taken: Sequence[Path] = ()) -> None:
    """Checks that a trace may be written to a file, so that a command can refuse before it measures.

    Args:
        taken: files that the command writes itself, and which need not be there yet.

    Raises:
        ConfigError: it is one of those.
        StorageError: it is there already and is no trace of this toolkit, or lies in a folder that is not there.
    """
    if path.resolve() in [other.resolve() for other in taken]:
        raise ConfigError(f"--trace {path}: what is measured goes there; name another file")
    with writing(path):
        if not path.parent.is_dir():
            raise StorageError(f"{path.parent} is no folder; make it, or have the trace written elsewhere")
        if not path.exists():
            return
        is_own = False
        if path.is_file():
            with path.open("rb") as file:
                is_own = file.read(len(_HEAD)) == _HEAD.encode()
    if not is_own:
        raise StorageError(f"{path} is there and is no trace of this toolkit; remove it, or name another file")
