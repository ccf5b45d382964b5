"""The critical path of a run as measured: the chain of activities that decides when it ends."""

from __future__ import annotations

from report.data.runs import RUN, WAIT, Run


def critical_shares(run: Run) -> dict[str, float]:
    """Returns for each unit the fraction of the critical path that it carries; they add up to 1.

    Followed backwards from the activity that ends last: to what its unit did before or, where it waited for a segment that had not ended
    yet, to the unit that ran that segment. Handing over counts for the unit that waits. A wait is not taken at its own length:
    with medians, a peer can have ended before a wait begins, and yet the wait is longer than nothing.

    Raises:
        ValueError: the run has no activities.
    """
    lanes = {unit: [activity for activity in run.activities if activity.unit == unit] for unit in run.units}
    ended = {
        activity.segment: (unit, number) for unit, lane in lanes.items() for number, activity in enumerate(lane) if activity.kind == RUN
    }
    carried = dict.fromkeys(lanes, 0.0)
    unit = max(lanes, key=lambda name: lanes[name][-1].end_us)
    number, now_us = len(lanes[unit]) - 1, lanes[unit][-1].end_us
    # Of a file that says when steps begin, the moments may be in any order: nothing is followed twice.
    for _ in run.activities:
        if number < 0:
            break
        activity = lanes[unit][number]
        begin_us = activity.begin_us if number > 0 else 0.0
        sender, sent = ended.get(activity.peer, (unit, number))
        sent_us = lanes[sender][sent].end_us
        if activity.kind == WAIT and activity.begin_us < sent_us <= now_us:
            carried[unit] += now_us - sent_us
            unit, number, now_us = sender, sent, sent_us
        else:
            carried[unit] += max(0.0, now_us - begin_us)
            number, now_us = number - 1, begin_us
    whole_us = sum(carried.values())
    return {name: us / whole_us if whole_us > 0 else 1 / len(carried) for name, us in carried.items()}
