"""The critical path as read off a run's moments."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from profiler.heldout import draw_candidates
from report.data.critical_path import critical_shares
from report.data.runs import RUN, WAIT, Activity, Run, predicted_run
from tests.search.made import BASE, costs

PEERLESS = ""
COSTS = costs(contention=1.2)


def run_of(*activities: tuple[str, str, str, str, float, float]) -> Run:
    made = tuple(Activity(unit, segment, kind, peer, kind, begin, end) for unit, segment, kind, peer, begin, end in activities)
    return Run(max(activity.end_us for activity in made), made)


def test_it_passes_to_the_unit_that_was_waited_for() -> None:
    run = run_of(
        ("cpu0", "cpu0.0", RUN, PEERLESS, 0, 40),
        ("cpu0", "cpu0.1", WAIT, "cpu1.0", 40, 65),
        ("cpu0", "cpu0.1", RUN, PEERLESS, 65, 100),
        ("cpu1", "cpu1.0", RUN, PEERLESS, 0, 60),
    )
    assert critical_shares(run) == pytest.approx({"cpu0": 0.4, "cpu1": 0.6})


def test_a_wait_for_what_was_there_before_it_began_is_no_reason() -> None:
    run = run_of(
        ("cpu0", "cpu0.0", RUN, PEERLESS, 0, 40),
        ("cpu0", "cpu0.1", WAIT, "cpu1.0", 40, 41),
        ("cpu0", "cpu0.1", RUN, PEERLESS, 41, 100),
        ("cpu1", "cpu1.0", RUN, PEERLESS, 0, 30),
    )
    assert critical_shares(run) == {"cpu0": 1.0, "cpu1": 0.0}


@given(seed=some.integers(0, 1 << 30))
@settings(max_examples=8, deadline=None)
def test_of_a_prediction_it_is_the_replays_own(seed: int) -> None:
    """Moments do not tell that a unit which waits for a hand-over under way waits for its sender: such runs are left out."""
    for candidate in draw_candidates(BASE, COSTS, ["cpu0", "cpu1"], 2, seed=seed):
        run, prediction = predicted_run(candidate.config, candidate.placement, COSTS)
        ended = {activity.segment: activity.end_us for activity in run.activities if activity.kind == RUN}
        if any(each.kind == WAIT and ended[each.peer] <= each.begin_us < each.end_us for each in run.activities):
            continue
        assert critical_shares(run) == pytest.approx(prediction.critical, abs=1e-6)


@given(
    some.lists(
        some.tuples(
            some.sampled_from(["cpu0", "cpu1"]),
            some.sampled_from(["a", "b", "c"]),
            some.sampled_from([RUN, WAIT]),
            some.sampled_from(["a", "b", "c"]),
            some.floats(0, 10),
            some.floats(0, 10),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_moments_in_any_order_come_to_an_end(activities: list[tuple[str, str, str, str, float, float]]) -> None:
    shares = critical_shares(run_of(*activities))
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    assert set(shares) == {unit for unit, *_ in activities}
    same = run_of(*activities)
    assert critical_shares(replace(same, total_us=1e9)) == shares
