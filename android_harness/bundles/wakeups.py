"""Wake-ups of a collaborative run: how long after a peer's data was there its receiver went on, where it really waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from android_harness.protocol.journal import CollabDone
from lut.statistics import median_us

Waiting: TypeAlias = tuple[str, str, str]
"""A unit, the segment that it waits with, and the segment that it waits for."""
_SENT: Final = ("run", "read")
"""Steps after the last of which a segment's output is there for its receivers."""


def measured_wakeups(visits: Sequence[CollabDone]) -> Mapping[Waiting, float]:
    """Returns how long each wake-up took over at least one visit of one bundle, in microseconds (`lut.statistics.median_us`).

    Runs in which the data was there before the receiver came for it tell nothing of a wake-up and do not count; where that is all of
    them, the wait is left out.
    """
    steps = visits[0].steps
    sent = {label.segment: index for index, label in enumerate(steps) if label.step in _SENT}
    waits = [(index, label) for index, label in enumerate(steps) if label.step == "wait" and label.peer in sent]
    found = {
        (label.unit, label.segment, label.peer): median_us(_wakeups_ns(visit, index, sent[label.peer]) for visit in visits)
        for index, label in waits
    }
    return {waiting: us for waiting, us in found.items() if us is not None}


def _wakeups_ns(visit: CollabDone, wait: int, sent: int) -> list[int]:
    times = zip(visit.begin_ns[wait], visit.end_ns[wait], visit.end_ns[sent], strict=True)
    return [max(end - there, 0) for begin, end, there in times if there > begin]
