"""Critical paths in words: the chain of blocks, calls, hand-overs and copies that decides when an inference ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collab.schedule import NETWORK_INPUT, Schedule
from lut.prediction.costs import BYTES_PER_KB, Costs
from lut.prediction.critical import Turn, critical_turns
from lut.prediction.program import NETWORK_OUTPUT, Operation, pack, unit_operations
from lut.prediction.replay import NO_CLASS, replay

BLOCK, CALL, HANDOVER, COPY, BUFFERS = "block", "call", "hand-over", "copy", "buffers"
KINDS: Final = (BLOCK, CALL, HANDOVER, COPY, BUFFERS)
"""Kinds of links: `COPY` is of the network's own inputs and outputs, `BUFFERS` the fetching of what a segment's buffers hold."""
_NETWORK_ENDS: Final = (NETWORK_INPUT, NETWORK_OUTPUT)
_OF_RUNS: Final = {
    "call": (CALL, "call"),
    "buffers": (BUFFERS, "fetch the buffers"),
    "claim": (HANDOVER, "take back memory that others have read"),
}
"""Parts of runs that are no blocks; what others are is the fetching of what a peer has written."""
_STEPS: Final = {"wait": "wake up for {peer}", "write": "copy in {peer}", "read": "copy out for {peer}"}


@dataclass(frozen=True)
class Link:
    """A piece of the critical path: what a unit does from one moment to another, in microseconds since all units were released.

    `peer` is the other end of a hand-over or a copy, `size_bytes` what passes, where it is known; `block` the place of a block among
    those of its segment.
    """

    unit: str
    segment: str
    kind: str
    what: str
    peer: str
    begin_us: float
    end_us: float
    size_bytes: int | None = None
    block: int | None = None

    @property
    def duration_us(self) -> float:
        return self.end_us - self.begin_us


def critical_path(schedule: Schedule, costs: Costs) -> tuple[Link, ...]:
    """Returns the critical path of a schedule in the order of time; links follow each other without gaps.

    Raises:
        MissingEntryError: the tables lack a block or a hand-over.
    """
    units = schedule.units
    operations = unit_operations(schedule, costs)
    timeline = replay(pack([list(operations.values())]), costs.contention(units), costs.jitter(units))
    places = {unit: _block_places(operations[unit]) for unit in units}
    turns = critical_turns(operations, timeline)
    return tuple(_link(turn, operations[turn.unit][turn.operation], places[turn.unit]) for turn in turns if turn.end_us > turn.begin_us)


def _block_places(operations: Sequence[Operation]) -> Mapping[int, int]:
    """Returns the places of blocks within their segments, by the numbers of their operations."""
    counts: dict[str, int] = {}
    found = {}
    for number, operation in enumerate(operations):
        if operation.contention_class != NO_CLASS:
            found[number] = counts.get(operation.segment, 0)
            counts[operation.segment] = found[number] + 1
    return found


def _link(turn: Turn, operation: Operation, places: Mapping[int, int]) -> Link:
    kind, what = _said(operation, is_block=turn.operation in places)
    size = round(operation.kilobytes * BYTES_PER_KB) or None
    return Link(turn.unit, operation.segment, kind, what, operation.peer, turn.begin_us, turn.end_us, size, places.get(turn.operation))


def _said(operation: Operation, *, is_block: bool) -> tuple[str, str]:
    """Returns the kind of an operation, and what it is in words."""
    if is_block:
        return BLOCK, operation.what
    if operation.step == "run":
        return _OF_RUNS.get(operation.what, (HANDOVER, operation.what))
    kind = COPY if operation.peer.partition(":")[0] in _NETWORK_ENDS else HANDOVER
    return kind, _STEPS[operation.step].format(peer=operation.peer)
