"""Runs of several units as slices of a trace: a track for each unit, a slice for each step, an arrow for each hand-over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lut.traces.events import Process, Thread, Trace

_WAITING_COLOUR: Final = "grey"
_CATEGORIES: Final = {"wait": "wait", "run": "run", "write": "copy", "read": "copy"}
_SLICES: Final = {"wait": "wait for {peer}", "write": "copy in {peer}", "read": "copy out for {peer}", "run": "{segment}"}
"""The name of a step's slice, by the kind of step."""


@dataclass(frozen=True)
class TimedPart:
    """A piece of a step, such as a block; moments in nanoseconds since the release of the run."""

    what: str
    begin_ns: int
    end_ns: int


@dataclass(frozen=True)
class TimedStep:
    """A step of a unit with a segment: wait, write, run or read; moments in nanoseconds since the release of the run.

    `peer` is the other end, empty for a run. Steps of one unit follow each other, and parts lie within their step.
    """

    unit: str
    segment: str
    step: str
    peer: str
    begin_ns: int
    end_ns: int
    parts: tuple[TimedPart, ...] = ()


class UnitTracks:
    """The tracks of a process on which runs are drawn: one for each unit, in the order in which they are first named."""

    def __init__(self, trace: Trace, process: Process, units: Sequence[str]) -> None:
        self._trace = trace
        self._threads = {unit: process.add_thread(unit) for unit in units}

    def add_run(self, steps: Sequence[TimedStep], *, released_ns: int = 0) -> None:
        """Draws one run, released at that moment of the trace. Steps of one unit come in the order of time.

        Steps and parts that take no time are left out: Perfetto takes them for parts of what ends at that moment.
        """
        arrows = _Arrows.between(steps, self._trace)
        for step in steps:
            if step.begin_ns == step.end_ns:
                continue
            thread = self._threads[step.unit]
            values = {"segment": step.segment, "step": step.step, **({"peer": step.peer} if step.peer else {})}
            thread.add_slice(
                _SLICES[step.step].format(peer=step.peer, segment=step.segment),
                released_ns + step.begin_ns,
                released_ns + step.end_ns,
                category=_CATEGORIES[step.step],
                values=values,
                colour=_WAITING_COLOUR if step.step == "wait" else "",
            )
            for part in step.parts:
                if part.end_ns > part.begin_ns:
                    thread.add_slice(part.what, released_ns + part.begin_ns, released_ns + part.end_ns, category="block")
            if step.step == "run":
                arrows.end_at(step, thread, released_ns)
                arrows.begin_at(step, thread, released_ns)


@dataclass(frozen=True)
class _Arrows:
    """The arrows of one run: the numbers of those that begin, and those that end, at the run of a segment."""

    beginning: Mapping[str, tuple[int, ...]]
    ending: Mapping[tuple[str, str], tuple[int, ...]]

    @classmethod
    def between(cls, steps: Sequence[TimedStep], trace: Trace) -> _Arrows:
        """Numbers an arrow for each wait, from the run that it waits for to the run that it comes before."""
        runs = {step.segment: step for step in steps if step.step == "run"}
        beginning: dict[str, tuple[int, ...]] = {}
        ending: dict[tuple[str, str], tuple[int, ...]] = {}
        for step in steps:
            sender, receiver = runs.get(step.peer), runs.get(step.segment)
            if step.step != "wait" or sender is None or receiver is None:
                continue
            # An arrow begins inside its sender and never goes back in time.
            if sender.begin_ns < sender.end_ns <= receiver.begin_ns < receiver.end_ns:
                number = trace.next_arrow()
                beginning[sender.segment] = (*beginning.get(sender.segment, ()), number)
                key = (receiver.unit, receiver.segment)
                ending[key] = (*ending.get(key, ()), number)
        return cls(beginning, ending)

    def begin_at(self, step: TimedStep, thread: Thread, released_ns: int) -> None:
        for number in self.beginning.get(step.segment, ()):
            thread.begin_arrow(number, released_ns + step.end_ns - 1)

    def end_at(self, step: TimedStep, thread: Thread, released_ns: int) -> None:
        for number in self.ending.get((step.unit, step.segment), ()):
            thread.end_arrow(number, released_ns + step.begin_ns)
