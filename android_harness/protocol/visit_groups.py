"""Groups of visits: on a device that may get hot, a visit counts once a check after it has found the device fit.

A phase with a thermal gate writes a state line before its first visit, and after each group of visits. A hot one undoes the group, and so
does the end of a journal, or another phase's beginning, without a check: nobody can tell what the device was like. Failures always count.

This is the only account of it: `execute` passes on events that count, and a journal's are read through `counting_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from android_harness.protocol.journal import CollabDone, Event, PhaseStarted, StateChecked, TimeDone, TransferDone, VisitsUndone

VisitDone: TypeAlias = TimeDone | TransferDone | CollabDone


class VisitGroups:
    """Takes a journal's events one by one, and gives them on: visits when they count, all others at once."""

    def __init__(self) -> None:
        self._is_gated = False
        self._pending: list[VisitDone] = []

    def feed(self, event: Event) -> list[Event]:
        """Returns what counts from now on, in the order of the journal; of visits that were undone by heat, how many."""
        if isinstance(event, PhaseStarted):
            self._is_gated = False
            self._pending.clear()
        elif isinstance(event, StateChecked):
            self._is_gated = True
            visits, self._pending = self._pending, []
            if event.hot is None:
                return [*visits, event]
            if visits:
                return [event, VisitsUndone(len(visits))]
        elif self._is_gated and isinstance(event, (TimeDone, TransferDone, CollabDone)):
            self._pending.append(event)
            return []
        return [event]


def counting_events(events: Iterable[Event]) -> Iterator[Event]:
    """Gives on what counts of a whole journal."""
    groups = VisitGroups()
    for event in events:
        yield from groups.feed(event)
