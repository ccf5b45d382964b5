"""Journals: the runner's record of its events, decoded line by line within bounds (the format is in docs/reference/formats.md).

A journal is untrusted: it comes from a device. A last line that is cut off is ignored; any other line that is not what the runner writes
is an error. Fields that this version does not know are left out, events that it does not know are errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from android_harness.protocol.device_events import (
    Cooled,
    Core,
    Kilohertz,
    MilliCelsius,
    Protocol,
    Round,
    SettingChecked,
    StateChecked,
    Value,
    Words,
)
from collab.console import one_line
from collab.documents import ClockNs, Count, DurationNs, LatencyNs, Natural, Text, expectation
from collab.errors import JournalError

FORMAT: Final = 1
TRACING: Final = "tracing"
"""The condition that the runner adds where the system recorded a trace when the phase began."""
_MOST_CONDITIONS: Final = 64 + 1
"""Those of a phase, and the runner's."""
_MAX_LINE_BYTES: Final = 64 << 20
_MOST_CHARACTERS: Final = 200


class _Samples(Value, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Arrays of nanoseconds, one value per sample; equally long and not empty, but for what earlier runners did not sample."""

    def __post_init__(self) -> None:
        arrays = [array for name in self.__struct_fields__ if (array := getattr(self, name)) or name not in self._later]
        if not arrays[0] or len({len(array) for array in arrays}) != 1:
            raise ValueError("the arrays of samples are empty or not equally long")

    @property
    def _later(self) -> tuple[str, ...]:
        return ()

    def __getitem__(self, name: str) -> tuple[int, ...]:
        """Returns the array of one kind (write, run, read ...), in nanoseconds."""
        if name not in self.__struct_fields__:
            raise KeyError(name)
        array: tuple[int, ...] = getattr(self, name)
        return array


class TimeSamples(_Samples, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Samples of a time job's visit: arrays `write`, `run`, `read`, `total`, `cpu`."""

    write: tuple[DurationNs, ...]
    run: tuple[LatencyNs, ...]
    read: tuple[DurationNs, ...]
    total: tuple[LatencyNs, ...]
    cpu: tuple[DurationNs, ...]


class HandoverSamples(_Samples, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Samples of a visit of a job that times hand-overs: arrays `read`, `wakeup`, `write`, `rewrite`, `total`.

    `run` and `rerun`, of the sender, are empty in journals of measurement protocol 1.
    """

    read: tuple[DurationNs, ...]
    wakeup: tuple[DurationNs, ...]
    write: tuple[DurationNs, ...]
    rewrite: tuple[DurationNs, ...]
    total: tuple[DurationNs, ...]
    run: tuple[DurationNs, ...] = ()
    rerun: tuple[DurationNs, ...] = ()

    @property
    def _later(self) -> tuple[str, ...]:
        return ("run", "rerun")


class PhaseStarted(Value, frozen=True, gc=False):
    """Event: the runner has begun a phase. `engines` maps an engine to what tells its library apart.

    `protocol` is the measurement protocol, `conditions` what the host made the device be like, and `TRACING` where that was on.
    """

    phase: Text
    runner: Text
    abi: Text
    engines: Mapping[Text, Text]
    t_ns: ClockNs
    unix_ns: ClockNs
    format: int
    protocol: Protocol = 1
    conditions: Annotated[Mapping[Text, Text], msgspec.Meta(max_length=_MOST_CONDITIONS)] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format}, this version reads {FORMAT}")


class UnitOpened(Value, frozen=True, gc=False):
    """Event: a unit was opened; `cores` are the cores that its threads are pinned to, as read back from the system."""

    unit: Text
    cores: tuple[Core, ...]


class UnitFailed(Value, frozen=True, gc=False):
    """Event: a unit could not be opened, so its jobs fail."""

    unit: Text
    reason: Words


class JobStarted(Value, frozen=True, gc=False):
    """Event: a visit of a job has begun."""

    job: Text
    round: Round
    t_ns: ClockNs


class TimeDone(Value, frozen=True, gc=False):
    """Event: a visit of a time job, with its samples.

    `create_ns` and `first_ns` are None where the model had been created by an earlier visit. `cached` says whether the unit had created
    this model before, so that its runtime had compiled programs at hand; None where it keeps none. `core_clocks_khz` and `core_caps_khz`
    have None for cores whose clock cannot be read. `buffers`, `output_buffers`: the kinds of memory that the unit takes inputs from, and
    gives outputs in. `disturbed`: totals (nanoseconds) of samples that were taken again, because the system had taken their thread off its
    core meanwhile. `warmups` runs were made before the samples, and `warm` says whether they had become steady; None where the job did not
    ask, or the runner did not say.
    """

    job: Text
    round: Round
    t_ns: ClockNs
    create_ns: DurationNs | None
    first_ns: DurationNs | None
    accelerated: bool
    samples: TimeSamples
    core_clocks_khz: tuple[Kilohertz | None, ...] = msgspec.field(name="clock_khz")
    temperature_mc: MilliCelsius | None
    core_caps_khz: tuple[Kilohertz | None, ...] = msgspec.field(name="cap_khz", default=())
    cached: bool | None = None
    buffers: tuple[Text, ...] = ()
    output_buffers: tuple[Text, ...] = ()
    disturbed: tuple[DurationNs, ...] = msgspec.field(name="disturbed_ns", default=())
    warmups: Natural | None = None
    warm: bool | None = None

    @property
    def clock_khz(self) -> tuple[int, ...]:
        """Clocks of the cores whose clock could be read."""
        return tuple(clock for clock in self.core_clocks_khz if clock is not None)


class HandoverDone(Value, frozen=True, gc=False):
    """Event: a visit of a job that times hand-overs, with its samples.

    `path` is the path that the features took, which may not be the one asked for. `sender_buffers`: the kinds of memory that the sender
    gives its output in; `receiver_buffers`: those that the receiver takes inputs from.
    """

    job: Text
    round: Round
    t_ns: ClockNs
    path: Text
    bytes: Count
    samples: HandoverSamples
    sender_buffers: tuple[Text, ...] = ()
    receiver_buffers: tuple[Text, ...] = ()


class StepLabel(Value, frozen=True, gc=False):
    """Name of a step of a collab job: unit, segment, kind of step and peer unit; `peer` is empty for a run."""

    unit: Text
    segment: Text
    step: Text
    peer: Text = ""


class Outputs(Value, frozen=True, gc=False):
    """Number of different outputs that the runs of a visit gave, and the hash of the last one."""

    distinct: Count
    hash: Text


class CollabDone(Value, frozen=True, gc=False):
    """Event: a visit of a collab job; `begin_ns[step][run]`, `end_ns[step][run]` are relative to the release of the run.

    `warmups` and `warm` as in `TimeDone`.
    """

    job: Text
    round: Round
    t_ns: ClockNs
    steps: tuple[StepLabel, ...]
    begin_ns: tuple[tuple[DurationNs, ...], ...]
    end_ns: tuple[tuple[DurationNs, ...], ...]
    total_ns: tuple[LatencyNs, ...]
    outputs: Outputs
    paths: Mapping[Text, Text]
    warmups: Natural | None = None
    warm: bool | None = None
    accelerated: bool = True
    """Whether every unit took the whole of its models."""

    def __post_init__(self) -> None:
        begin, end, runs = self.begin_ns, self.end_ns, len(self.total_ns)
        if not runs or not len(begin) == len(end) == len(self.steps) or any(len(row) != runs for row in (*begin, *end)):
            raise ValueError("steps and their times do not match")
        if any(b > e for rows in zip(begin, end, strict=True) for b, e in zip(*rows, strict=True)):
            raise ValueError("a step ends before it begins")

    @property
    def distinct_outputs(self) -> int:
        return self.outputs.distinct

    @property
    def output_hash(self) -> str:
        return self.outputs.hash


class JobFailed(Value, frozen=True, gc=False):
    """Event: a visit could not be made."""

    job: Text
    round: Round
    reason: Words


class PhaseEnded(Value, frozen=True, gc=False):
    """Event: the runner ended the phase; `stopped` says why it ended early, and is None after a whole phase."""

    phase: Text
    visits: Natural
    failed: Natural
    sampled_ns: ClockNs
    created_ns: ClockNs
    stopped: Text | None


class VisitsUndone(Value, frozen=True, gc=False):
    """Event: visits do not count because the device was hot. It is no line of a journal: `VisitGroups` adds it after a hot state line."""

    visits: Natural


Event: TypeAlias = (
    PhaseStarted
    | UnitOpened
    | UnitFailed
    | JobStarted
    | TimeDone
    | HandoverDone
    | CollabDone
    | JobFailed
    | SettingChecked
    | StateChecked
    | Cooled
    | PhaseEnded
    | VisitsUndone
)


class _Kind(msgspec.Struct, frozen=True, gc=False):
    """Head of a line, which selects its decoder; only done lines have a `kind`."""

    event: str
    kind: str = ""


_KIND_DECODER: Final = msgspec.json.Decoder(_Kind)
_DECODERS: Final[Mapping[tuple[str, str], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(event)
    for kind, event in {
        ("phase", ""): PhaseStarted,
        ("unit", ""): UnitOpened,
        ("unit_failed", ""): UnitFailed,
        ("setting", ""): SettingChecked,
        ("start", ""): JobStarted,
        ("done", "time"): TimeDone,
        ("done", "transfer"): HandoverDone,
        ("done", "collab"): CollabDone,
        ("failed", ""): JobFailed,
        ("state", ""): StateChecked,
        ("cooled", ""): Cooled,
        ("end", ""): PhaseEnded,
    }.items()
}


def read_journal(path: Path) -> Iterator[Event]:
    """Reads all events of a journal file.

    Raises:
        JournalError: the file cannot be read, or a line other than a cut-off last one is wrong.
    """
    try:
        with path.open("rb") as file:
            yield from parse_lines(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), origin=str(path))
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})") from error


def parse_lines(lines: Iterable[bytes], *, origin: str) -> Iterator[Event]:
    """Decodes the events of whole lines; a line without a line feed was cut off and is ignored.

    Raises:
        JournalError: a whole line is not one that the runner writes.
    """
    for number, line in enumerate(lines, start=1):
        if line.endswith(b"\n") or len(line) > _MAX_LINE_BYTES:
            yield parse_line(line, where=f"{origin}, line {number}")


def parse_line(line: bytes, *, where: str) -> Event:
    """Decodes the event of one line.

    Raises:
        JournalError: the line is not one that the runner writes.
    """
    if len(line) > _MAX_LINE_BYTES:
        raise JournalError(f"{where}: longer than any line of a journal")
    try:
        head = _KIND_DECODER.decode(line)
        decoder = _DECODERS.get((head.event, head.kind if head.event == "done" else ""))
        if decoder is None:
            raise ValueError(f"the runner writes no event '{head.event}' of the kind '{head.kind}'")
        event: Event = decoder.decode(line)
    except msgspec.ValidationError as error:
        raise JournalError(f"{where}: not a line of a journal ({expectation(error)})") from error
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{where}: not a line of a journal ({one_line(str(error))[:_MOST_CHARACTERS]})") from error
    return event
