"""Groups of visits: on a device that may get hot, a visit counts once a check after it has found the device fit.

A phase with a thermal gate writes a state line before its first visit, and after each group of visits. A check that finds heat
undoes the group. So does the end of the journal, or the beginning of another phase, before the check: the heat meanwhile is unknown.
Failures always count.

No other module decides this: `execute` passes on events that count, and the events of a journal are read through `counting_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import CollabDone, Event, HandoverDone, PhaseStarted, TimeDone, VisitsUndone

VisitDone: TypeAlias = TimeDone | HandoverDone | CollabDone


class VisitGroups:
    """Filter of a journal's events that keeps visits back until the check of their group, and drops those of a hot group."""

    def __init__(self) -> None:
        self._is_gated = False
        self._pending: list[VisitDone] = []

    def feed(self, event: Event) -> list[Event]:
        """Takes the next event; returns those that count from now on, in the journal's order, and the number of visits that heat undid."""
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
        elif self._is_gated and isinstance(event, (TimeDone, HandoverDone, CollabDone)):
            self._pending.append(event)
            return []
        return [event]


def counting_events(events: Iterable[Event]) -> Iterator[Event]:
    """Yields the events of a whole journal that count."""
    groups = VisitGroups()
    for event in events:
        yield from groups.feed(event)
