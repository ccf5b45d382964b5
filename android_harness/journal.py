"""Journals: what the runner wrote, read line by line and checked (the format is in docs/formats.md).

A journal is untrusted: it comes from a device. A last line that is cut off is ignored; any other line that is not what the runner writes
is an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from collab.errors import JournalError

FORMAT: Final = 1
_MAX_LINE_BYTES: Final = 64 << 20
_COLDEST_MC: Final = -273_150


@dataclass(frozen=True)
class PhaseStarted:
    """The runner has taken up a phase. `engines` maps an engine to its version."""

    phase: str
    runner: str
    abi: str
    engines: Mapping[str, str]
    t_ns: int
    unix_ns: int


@dataclass(frozen=True)
class UnitOpened:
    """A unit is had; `cores` as read back."""

    unit: str
    cores: tuple[int, ...]


@dataclass(frozen=True)
class UnitFailed:
    """A unit cannot be had; its jobs fail."""

    unit: str
    reason: str


@dataclass(frozen=True)
class JobStarted:
    """A visit has begun."""

    job: str
    round: int
    t_ns: int


@dataclass(frozen=True)
class TimeDone:
    """Samples of a time job's visit; all arrays (write, run, read, total, cpu; nanoseconds) are equally long.

    `create_ns` and `first_ns` are None where the model was there already. `clock_khz` and `cap_khz`: of the cores that say it.
    `buffers`: the kinds of memory that the unit takes inputs from. `disturbed`: totals (nanoseconds) of samples that were taken again,
    because their thread had been off its core meanwhile.
    """

    job: str
    round: int
    t_ns: int
    create_ns: int | None
    first_ns: int | None
    accelerated: bool
    samples: Mapping[str, tuple[int, ...]]
    clock_khz: tuple[int, ...]
    temperature_mc: int | None
    cap_khz: tuple[int, ...] = ()
    buffers: tuple[str, ...] = ()
    disturbed: tuple[int, ...] = ()


@dataclass(frozen=True)
class TransferDone:
    """Samples of a transfer job's visit (read, wakeup, write, rewrite, total; nanoseconds); `path` is what was taken.

    `sender_buffers`, `receiver_buffers`: the kinds of memory that the one gives its output in, and the other takes its input from.
    """

    job: str
    round: int
    t_ns: int
    path: str
    bytes: int
    samples: Mapping[str, tuple[int, ...]]
    sender_buffers: tuple[str, ...] = ()
    receiver_buffers: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepLabel:
    """Which step of a collab job some times are of; `peer` is empty for a run."""

    unit: str
    segment: str
    step: str
    peer: str


@dataclass(frozen=True)
class CollabDone:
    """A collab job's visit: `begin_ns[step][run]`, `end_ns[step][run]` relative to the release of the run."""

    job: str
    round: int
    t_ns: int
    steps: tuple[StepLabel, ...]
    begin_ns: tuple[tuple[int, ...], ...]
    end_ns: tuple[tuple[int, ...], ...]
    total_ns: tuple[int, ...]
    distinct_outputs: int
    output_hash: str
    paths: Mapping[str, str]
    accelerated: bool = True
    """Whether every unit took the whole of its models."""


@dataclass(frozen=True)
class JobFailed:
    """A visit that could not be made."""

    job: str
    round: int
    reason: str


@dataclass(frozen=True)
class StateChecked:
    """What a check found out about the device, after the visits since the check before; `hot` is why they do not count, or None.

    `slowdown` is a fraction, of the sentinel that slowed down most.
    """

    t_ns: int
    since_ns: int
    temperature_mc: int | None
    thermal_status: int | None
    caps_khz: Mapping[str, tuple[int | None, ...]]
    slowdown: float | None
    hot: str | None


@dataclass(frozen=True)
class Cooled:
    """A hot device has cooled down; the undone visits are made again."""

    t_ns: int
    waited_ns: int
    temperature_mc: int | None


@dataclass(frozen=True)
class PhaseEnded:
    """`stopped` is None after a whole phase, else why it stopped early."""

    phase: str
    visits: int
    failed: int
    sampled_ns: int
    created_ns: int
    stopped: str | None


Event: TypeAlias = (
    PhaseStarted
    | UnitOpened
    | UnitFailed
    | JobStarted
    | TimeDone
    | TransferDone
    | CollabDone
    | JobFailed
    | StateChecked
    | Cooled
    | PhaseEnded
)


def read_journal(path: Path) -> Iterator[Event]:
    """All events of a journal file.

    Raises:
        JournalError: the file cannot be read, or a line other than a cut-off last one is wrong.
    """
    try:
        with path.open("rb") as file:
            yield from parse_lines(file, origin=str(path))
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})") from error


def parse_lines(lines: Iterable[bytes], *, origin: str) -> Iterator[Event]:
    """Events of whole lines; one without its line feed was cut off and is ignored."""
    for number, line in enumerate(lines, start=1):
        if line.endswith(b"\n"):
            yield parse_line(line, where=f"{origin}, line {number}")


def parse_line(line: bytes, *, where: str) -> Event:
    """The event of one line.

    Raises:
        JournalError: not what the runner writes.
    """
    if len(line) > _MAX_LINE_BYTES:
        raise JournalError(f"{where}: longer than any line of a journal")
    try:
        document = json.loads(line)
        return _PARSERS[document["event"]](document)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise JournalError(f"{where}: not a line of a journal ({type(error).__name__}: {error})") from error


def _integer(value: Any, *, low: int = 0) -> int:
    if type(value) is not int or value < low:
        raise ValueError(f"{value!r} is not a whole number of at least {low}")
    return value


def _optional(value: Any, *, low: int = 0) -> int | None:
    return None if value is None else _integer(value, low=low)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _integers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:40]} is not a list")
    return tuple(_integer(item) for item in value)


def _texts(value: Any) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


def _samples(value: Any, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    samples = {name: _integers(value[f"{name}_ns"]) for name in names}
    if len({len(array) for array in samples.values()}) != 1 or not samples["total"]:
        raise ValueError("the arrays of samples are empty or not equally long")
    return samples


def _phase(d: Any) -> PhaseStarted:
    if d["format"] != FORMAT:
        raise ValueError(f"format {d['format']!r}, this version reads {FORMAT}")
    return PhaseStarted(
        _text(d["phase"]), _text(d["runner"]), _text(d["abi"]), _texts(d["engines"]), _integer(d["t_ns"]), _integer(d["unix_ns"])
    )


def _time_done(d: Any) -> TimeDone:
    samples = _samples(d["samples"], ("write", "run", "read", "total", "cpu"))
    clock_khz, cap_khz = (_integers([clock for clock in d.get(name) or [] if clock is not None]) for name in ("clock_khz", "cap_khz"))
    return TimeDone(
        _text(d["job"]),
        _integer(d["round"]),
        _integer(d["t_ns"]),
        _optional(d["create_ns"]),
        _optional(d["first_ns"]),
        bool(d["accelerated"]),
        samples,
        clock_khz,
        _temperature(d["temperature_mc"]),
        cap_khz,
        _kinds(d, "buffers"),
        _integers(d.get("disturbed_ns", [])),
    )


def _transfer_done(d: Any) -> TransferDone:
    samples = _samples(d["samples"], ("read", "wakeup", "write", "rewrite", "total"))
    return TransferDone(
        _text(d["job"]),
        _integer(d["round"]),
        _integer(d["t_ns"]),
        _text(d["path"]),
        _integer(d["bytes"], low=1),
        samples,
        _kinds(d, "sender_buffers"),
        _kinds(d, "receiver_buffers"),
    )


def _kinds(d: Any, name: str) -> tuple[str, ...]:
    return tuple(_text(kind) for kind in d.get(name) or ())


def _collab_done(d: Any) -> CollabDone:
    steps = tuple(StepLabel(_text(s["unit"]), _text(s["segment"]), _text(s["step"]), _text(s.get("peer", ""))) for s in d["steps"])
    begin, end = (tuple(_integers(row) for row in d[name]) for name in ("begin_ns", "end_ns"))
    total = _integers(d["total_ns"])
    if not total or len(begin) != len(steps) or len(end) != len(steps) or any(len(row) != len(total) for row in (*begin, *end)):
        raise ValueError("steps and their times do not match")
    if any(b > e for rows in zip(begin, end, strict=True) for b, e in zip(*rows, strict=True)):
        raise ValueError("a step ends before it begins")
    return CollabDone(
        _text(d["job"]),
        _integer(d["round"]),
        _integer(d["t_ns"]),
        steps,
        begin,
        end,
        total,
        _integer(d["outputs"]["distinct"], low=1),
        _text(d["outputs"]["hash"]),
        _texts(d["paths"]),
        d.get("accelerated", True) is True,
    )


def _done(d: Any) -> Event:
    return _DONE[d["kind"]](d)


def _state(d: Any) -> StateChecked:
    slowdown, hot = d["slowdown"], d["hot"]
    if slowdown is not None and (isinstance(slowdown, bool) or not isinstance(slowdown, (int, float)) or not math.isfinite(slowdown)):
        raise ValueError(f"{slowdown!r} is no slowdown")
    return StateChecked(
        _integer(d["t_ns"]),
        _integer(d["since_ns"]),
        _temperature(d["temperature_mc"]),
        _optional(d["thermal_status"]),
        {_text(unit): tuple(_optional(khz) for khz in caps) for unit, caps in d["caps_khz"].items()},
        None if slowdown is None else float(slowdown),
        None if hot is None else _text(hot),
    )


def _temperature(value: Any) -> int | None:
    return _optional(value, low=_COLDEST_MC)


def _phase_ended(d: Any) -> PhaseEnded:
    stopped = d["stopped"]
    return PhaseEnded(
        _text(d["phase"]),
        _integer(d["visits"]),
        _integer(d["failed"]),
        _integer(d["sampled_ns"]),
        _integer(d["created_ns"]),
        None if stopped is None else _text(stopped),
    )


_DONE: Final[Mapping[str, Callable[[Any], Event]]] = {"time": _time_done, "transfer": _transfer_done, "collab": _collab_done}
_PARSERS: Final[Mapping[str, Callable[[Any], Event]]] = {
    "phase": _phase,
    "unit": lambda d: UnitOpened(_text(d["unit"]), _integers(d["cores"])),
    "unit_failed": lambda d: UnitFailed(_text(d["unit"]), _text(d["reason"])),
    "start": lambda d: JobStarted(_text(d["job"]), _integer(d["round"]), _integer(d["t_ns"])),
    "done": _done,
    "failed": lambda d: JobFailed(_text(d["job"]), _integer(d["round"]), _text(d["reason"])),
    "state": _state,
    "cooled": lambda d: Cooled(_integer(d["t_ns"]), _integer(d["waited_ns"]), _temperature(d["temperature_mc"])),
    "end": _phase_ended,
}
