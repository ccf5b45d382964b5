"""The critical path of a replayed schedule: the chain of operations that decides when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lut.prediction.program import Operation
from lut.prediction.replay import NONE, Timeline


@dataclass(frozen=True)
class Turn:
    """A spell of the critical path: a unit with one of its operations, by its number, in microseconds since the release."""

    unit: str
    operation: int
    begin_us: float
    end_us: float


def critical_shares(operations: Mapping[str, Sequence[Operation]], timeline: Timeline) -> dict[str, float]:
    """Returns for each unit the fraction of the critical path that it carries; they add up to 1.

    Args:
        timeline: of these operations, as the only architecture, units in the same order.
    """
    carried = dict.fromkeys(operations, 0.0)
    for turn in critical_turns(operations, timeline):
        carried[turn.unit] += turn.end_us - turn.begin_us
    whole_us = max(sum(carried.values()), 1e-12)
    return {name: us / whole_us for name, us in carried.items()}


def critical_turns(operations: Mapping[str, Sequence[Operation]], timeline: Timeline) -> list[Turn]:
    """Returns the critical path in the order of time; its spells follow each other without gaps.

    Args:
        timeline: of these operations, as the only architecture, units in the same order.

    Followed backwards from the operation that ends last: to what its unit did before or, where it had to wait for an event, to the
    operation that fired it. Waking up counts for the unit that wakes.
    """
    units = list(operations)
    fired_by = {
        operation.fires: (unit, number)
        for unit, name in enumerate(units)
        for number, operation in enumerate(operations[name])
        if operation.fires != NONE
    }
    begin_us, end_us = timeline.begin_us[0], timeline.end_us[0]
    turns: list[Turn] = []
    unit = int(np.argmax([max(end_us[index, : len(operations[name])], default=0.0) for index, name in enumerate(units)]))
    number = len(operations[units[unit]]) - 1
    now_us = float(timeline.total_us[0])
    while number >= 0:
        operation = operations[units[unit]][number]
        previous_us = float(end_us[unit, number - 1]) if number > 0 else 0.0
        begun_us = float(begin_us[unit, number])
        sender, sent = fired_by.get(operation.needs, (unit, number))
        fired_us = float(end_us[sender, sent])
        # Where the two meet, an operation may begin later than both are there: it waits for the one that is there last.
        if operation.needs != NONE and begun_us > previous_us and fired_us + operation.wakeup_us > previous_us:
            turns.append(Turn(units[unit], number, fired_us, now_us))
            unit, number, now_us = sender, sent, fired_us
        else:
            turns.append(Turn(units[unit], number, previous_us, now_us))
            number, now_us = number - 1, previous_us
    return turns[::-1]
