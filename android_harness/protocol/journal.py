"""Journals: what the runner wrote, decoded line by line within bounds (the format is in docs/formats.md).

A journal is untrusted: it comes from a device. A last line that is cut off is ignored; any other line that is not what the runner writes
is an error. Fields that this version does not know are left out, events that it does not know are errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from collab.console import one_line
from collab.documents import ClockNs, Count, DurationNs, LatencyNs, Natural, Text, expectation
from collab.errors import JournalError

FORMAT: Final = 1
_MAX_LINE_BYTES: Final = 64 << 20
_MOST_CHARACTERS: Final = 200

Round: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""As many as the runner makes."""
Core: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1023)]
Kilohertz: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
MilliCelsius: TypeAlias = Annotated[int, msgspec.Meta(ge=-273_150, le=1_000_000)]
Words: TypeAlias = Annotated[str, msgspec.Meta(max_length=1 << 16)]
"""A reason: it may hold what a library said."""


class _Value(msgspec.Struct, frozen=True, gc=False):
    """Nothing in an event refers back to it, so the garbage collector need not look at the hundred thousands that a journal has."""


class _Samples(_Value, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Arrays of nanoseconds, one value per sample; equally long and not empty."""

    def __post_init__(self) -> None:
        arrays = [getattr(self, name) for name in self.__struct_fields__]
        if not arrays[0] or len({len(array) for array in arrays}) != 1:
            raise ValueError("the arrays of samples are empty or not equally long")

    def __getitem__(self, name: str) -> tuple[int, ...]:
        """The array of one kind: write, run, read ..."""
        if name not in self.__struct_fields__:
            raise KeyError(name)
        array: tuple[int, ...] = getattr(self, name)
        return array


class TimeSamples(_Samples, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Samples of a time job's visit."""

    write: tuple[DurationNs, ...]
    run: tuple[LatencyNs, ...]
    read: tuple[DurationNs, ...]
    total: tuple[LatencyNs, ...]
    cpu: tuple[DurationNs, ...]


class TransferSamples(_Samples, frozen=True, gc=False, rename=lambda name: f"{name}_ns"):
    """Samples of a transfer job's visit."""

    read: tuple[DurationNs, ...]
    wakeup: tuple[DurationNs, ...]
    write: tuple[DurationNs, ...]
    rewrite: tuple[DurationNs, ...]
    total: tuple[DurationNs, ...]


class PhaseStarted(_Value, frozen=True, gc=False):
    """The runner has taken up a phase. `engines` maps an engine to its version."""

    phase: Text
    runner: Text
    abi: Text
    engines: Mapping[Text, Text]
    t_ns: ClockNs
    unix_ns: ClockNs
    format: int

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format}, this version reads {FORMAT}")


class UnitOpened(_Value, frozen=True, gc=False):
    """A unit was opened; `cores` are those that it really runs on."""

    unit: Text
    cores: tuple[Core, ...]


class UnitFailed(_Value, frozen=True, gc=False):
    """A unit cannot be opened; its jobs fail."""

    unit: Text
    reason: Words


class JobStarted(_Value, frozen=True, gc=False):
    """A visit has begun."""

    job: Text
    round: Round
    t_ns: ClockNs


class TimeDone(_Value, frozen=True, gc=False):
    """Samples of a time job's visit; all arrays (write, run, read, total, cpu; nanoseconds) are equally long.

    `create_ns` and `first_ns` are None where the model was there already. `core_clocks_khz` and `core_caps_khz` have None for cores that
    do not say it. `buffers`: the kinds of memory that the unit takes inputs from. `disturbed`: totals (nanoseconds) of samples that were
    taken again, because their thread had been off its core meanwhile.
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
    buffers: tuple[Text, ...] = ()
    disturbed: tuple[DurationNs, ...] = msgspec.field(name="disturbed_ns", default=())

    @property
    def clock_khz(self) -> tuple[int, ...]:
        """Gives the clocks of the cores that say theirs."""
        return tuple(clock for clock in self.core_clocks_khz if clock is not None)


class TransferDone(_Value, frozen=True, gc=False):
    """Samples of a transfer job's visit (read, wakeup, write, rewrite, total; nanoseconds); `path` is what was taken.

    `sender_buffers`, `receiver_buffers`: the kinds of memory that the one gives its output in, and the other takes its input from.
    """

    job: Text
    round: Round
    t_ns: ClockNs
    path: Text
    bytes: Count
    samples: TransferSamples
    sender_buffers: tuple[Text, ...] = ()
    receiver_buffers: tuple[Text, ...] = ()


class StepLabel(_Value, frozen=True, gc=False):
    """The step of a collab job that times are of; `peer` is empty for a run."""

    unit: Text
    segment: Text
    step: Text
    peer: Text = ""


class Outputs(_Value, frozen=True, gc=False):
    """Counts the different outputs that the runs of a visit gave; `hash` is the last one's."""

    distinct: Count
    hash: Text


class CollabDone(_Value, frozen=True, gc=False):
    """A collab job's visit: `begin_ns[step][run]`, `end_ns[step][run]` relative to the release of the run."""

    job: Text
    round: Round
    t_ns: ClockNs
    steps: tuple[StepLabel, ...]
    begin_ns: tuple[tuple[DurationNs, ...], ...]
    end_ns: tuple[tuple[DurationNs, ...], ...]
    total_ns: tuple[LatencyNs, ...]
    outputs: Outputs
    paths: Mapping[Text, Text]
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


class JobFailed(_Value, frozen=True, gc=False):
    """A visit that could not be made."""

    job: Text
    round: Round
    reason: Words


class StateChecked(_Value, frozen=True, gc=False):
    """A check of the device, after the visits since the check before; `hot` is why they do not count, or None.

    `slowdown` is a fraction, of the sentinel that slowed down most.
    """

    t_ns: ClockNs
    since_ns: ClockNs
    temperature_mc: MilliCelsius | None
    thermal_status: Natural | None
    caps_khz: Mapping[Text, tuple[Kilohertz | None, ...]]
    slowdown: float | None
    hot: Words | None

    def __post_init__(self) -> None:
        if self.slowdown is not None and not math.isfinite(self.slowdown):
            raise ValueError(f"{self.slowdown} is no slowdown")


class Cooled(_Value, frozen=True, gc=False):
    """A hot device has cooled down; the undone visits are made again."""

    t_ns: ClockNs
    waited_ns: ClockNs
    temperature_mc: MilliCelsius | None


class PhaseEnded(_Value, frozen=True, gc=False):
    """`stopped` is None after a whole phase, else why it stopped early."""

    phase: Text
    visits: Natural
    failed: Natural
    sampled_ns: ClockNs
    created_ns: ClockNs
    stopped: Text | None


class VisitsUndone(_Value, frozen=True, gc=False):
    """Visits that do not count because the device was hot. No line of a journal: `VisitGroups` concludes it from a hot state line."""

    visits: Natural


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
    | VisitsUndone
)


class _Kind(msgspec.Struct, frozen=True, gc=False):
    """Tells which event a line is; `kind` stands in done lines only."""

    event: str
    kind: str = ""


_KIND_DECODER: Final = msgspec.json.Decoder(_Kind)
_DECODERS: Final[Mapping[tuple[str, str], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(event)
    for kind, event in {
        ("phase", ""): PhaseStarted,
        ("unit", ""): UnitOpened,
        ("unit_failed", ""): UnitFailed,
        ("start", ""): JobStarted,
        ("done", "time"): TimeDone,
        ("done", "transfer"): TransferDone,
        ("done", "collab"): CollabDone,
        ("failed", ""): JobFailed,
        ("state", ""): StateChecked,
        ("cooled", ""): Cooled,
        ("end", ""): PhaseEnded,
    }.items()
}


def read_journal(path: Path) -> Iterator[Event]:
    """All events of a journal file.

    Raises:
        JournalError: the file cannot be read, or a line other than a cut-off last one is wrong.
    """
    try:
        with path.open("rb") as file:
            yield from parse_lines(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), origin=str(path))
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})") from error


def parse_lines(lines: Iterable[bytes], *, origin: str) -> Iterator[Event]:
    """Events of whole lines; one without its line feed was cut off and is ignored."""
    for number, line in enumerate(lines, start=1):
        if line.endswith(b"\n") or len(line) > _MAX_LINE_BYTES:
            yield parse_line(line, where=f"{origin}, line {number}")


def parse_line(line: bytes, *, where: str) -> Event:
    """The event of one line.

    Raises:
        JournalError: not what the runner writes.
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
