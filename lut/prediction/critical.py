"""The critical path of a replayed schedule: the chain of operations that decides when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lut.prediction.program import Operation
from lut.prediction.replay import NONE, Timeline


def critical_shares(operations: Mapping[str, Sequence[Operation]], timeline: Timeline) -> dict[str, float]:
    """Returns for each unit the fraction of the critical path that it carries; they add up to 1.

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
    carried = np.zeros(len(units))
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
            carried[unit] += now_us - fired_us
            unit, number, now_us = sender, sent, fired_us
        else:
            carried[unit] += now_us - previous_us
            number, now_us = number - 1, previous_us
    return {name: float(share) for name, share in zip(units, carried / max(carried.sum(), 1e-12), strict=True)}
