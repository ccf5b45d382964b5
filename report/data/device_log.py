"""The device over time, out of a profile's journal: its units' pace, clocks, temperature, thermal status, and when it was too hot.

A journal may have hundreds of thousands of lines; only the visits of sentinels and the looks at the device are decoded.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import PhaseStarted, TimeDone, parse_lines
from collab.errors import JournalError
from lut.statistics import NS_PER_US
from profiler.job_ids import SentinelId, parse_job_id

_SKIPPED: Final = (b'{"event":"start"', b'{"event":"setting"')
_DONE: Final = b'{"event":"done","job":"'
_SENTINEL: Final = b'{"event":"done","job":"sentinel/'
_MOST_LINE_BYTES: Final = 64 << 20
_NS_PER_S: Final = 1e9
_MOST_POINTS: Final = 1500
"""Points of one line that a picture can tell apart; of more, every second, third ... one is kept."""


@dataclass
class Series:
    """Values over time: seconds since the first look, and a value each."""

    at_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at_s: float, value: float) -> None:
        self.at_s.append(at_s)
        self.values.append(value)

    @property
    def thinned(self) -> Series:
        """Fewer points of the same line, as many as a picture can show."""
        step = -(-len(self.values) // _MOST_POINTS) or 1
        return Series(self.at_s[::step], self.values[::step])


@dataclass(frozen=True)
class HotSpell:
    """A time in which visits do not count, in seconds since the first look, and why."""

    begin_s: float
    end_s: float
    why: str


@dataclass
class DeviceLog:
    """Everything that a journal tells of the device itself. Series are by unit, or by unit and core (``cpu0, core 4``)."""

    begin_unix_s: float | None = None
    pace_us: dict[str, Series] = field(default_factory=dict)
    """Median time of the sentinel at each of its visits, in microseconds."""
    clock_mhz: dict[str, Series] = field(default_factory=dict)
    temperature_c: Series = field(default_factory=Series)
    thermal_status: Series = field(default_factory=Series)
    hot: list[HotSpell] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.pace_us and not self.temperature_c.values and not self.thermal_status.values


def read_device_log(path: Path) -> DeviceLog:
    """Reads what a journal tells of its device.

    Raises:
        JournalError: it cannot be read, or a line is wrong.
    """
    log, offset_s = DeviceLog(), 0.0
    for event in parse_lines(_telling(path), origin=str(path)):
        if isinstance(event, PhaseStarted):
            begin_s = event.unix_ns / _NS_PER_S
            if log.begin_unix_s is None:
                log.begin_unix_s = begin_s
            # Another phase may have begun after a restart, with which the device's own clock begins anew.
            offset_s = begin_s - log.begin_unix_s - event.t_ns / _NS_PER_S
        elif isinstance(event, TimeDone):
            _add_sentinel(log, event, event.t_ns / _NS_PER_S + offset_s)
        elif isinstance(event, StateChecked):
            _add_look(log, event, offset_s)
    return log


def _add_sentinel(log: DeviceLog, event: TimeDone, at_s: float) -> None:
    job = parse_job_id(event.job)
    if not isinstance(job, SentinelId):
        return
    log.pace_us.setdefault(job.unit, Series()).add(at_s, statistics.median(event.samples["run"]) / NS_PER_US)
    for number, clock_khz in enumerate(event.core_clocks_khz):
        if clock_khz is not None:
            name = job.unit if len(event.core_clocks_khz) == 1 else f"{job.unit}, core {number}"
            log.clock_mhz.setdefault(name, Series()).add(at_s, clock_khz / 1e3)
    if event.temperature_mc is not None:
        log.temperature_c.add(at_s, event.temperature_mc / 1e3)


def _add_look(log: DeviceLog, event: StateChecked, offset_s: float) -> None:
    at_s = event.t_ns / _NS_PER_S + offset_s
    if event.temperature_mc is not None:
        log.temperature_c.add(at_s, event.temperature_mc / 1e3)
    if event.thermal_status is not None:
        log.thermal_status.add(at_s, float(event.thermal_status))
    if event.hot is not None:
        log.hot.append(HotSpell(event.since_ns / _NS_PER_S + offset_s, at_s, event.hot))


def _telling(path: Path) -> Iterator[bytes]:
    """Yields the lines of a journal without those of visits that tell of blocks, hand-overs and networks."""
    try:
        with path.open("rb") as file:
            yield from _without_visits(iter(lambda: file.readline(_MOST_LINE_BYTES + 1), b""))
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})") from error


def _without_visits(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line.startswith(_SKIPPED) or (line.startswith(_DONE) and not line.startswith(_SENTINEL)):
            continue
        yield line
