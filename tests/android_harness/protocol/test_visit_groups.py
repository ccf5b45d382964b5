"""Groups of visits: a visit counts once a check has found the device fit, and never otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import (
    FORMAT,
    CollabDone,
    Event,
    HandoverDone,
    HandoverSamples,
    JobFailed,
    Outputs,
    PhaseStarted,
    TimeDone,
    TimeSamples,
    VisitsUndone,
)
from android_harness.protocol.visit_groups import VisitGroups, counting_events


def started() -> PhaseStarted:
    return PhaseStarted("p", "0", "x", {}, 0, 0, FORMAT)


def done(job: str) -> TimeDone:
    return TimeDone(job, 0, 0, 1, 1, True, TimeSamples(*[(1,)] * 5), (), None)


def checked(hot: str | None) -> StateChecked:
    return StateChecked(0, 0, None, None, {}, None, hot)


EVENTS = st.one_of(
    st.builds(started),
    st.integers(0, 99).map(lambda number: done(str(number))),
    st.sampled_from([None, "hot"]).map(checked),
    st.integers(0, 9).map(lambda number: JobFailed(str(number), 0, "reason")),
)


@given(st.lists(EVENTS, max_size=60))
def test_a_visit_counts_if_and_only_if_its_group_was_found_fit(events: list[Event]) -> None:
    given_on = list(counting_events(events))
    expected: list[Event] = []
    undone, gated = 0, False
    for index, event in enumerate(events):
        gated = isinstance(event, StateChecked) or (gated and not isinstance(event, PhaseStarted))
        if isinstance(event, TimeDone) and gated:
            verdict = next((later for later in events[index:] if isinstance(later, (StateChecked, PhaseStarted))), None)
            if not isinstance(verdict, StateChecked) or verdict.hot is not None:
                undone += isinstance(verdict, StateChecked)
                continue
        expected.append(event)
    visits = [event for event in given_on if isinstance(event, TimeDone)]
    assert visits == [event for event in expected if isinstance(event, TimeDone)]
    others = [event for event in events if not isinstance(event, TimeDone)]
    written = [event for event in given_on if not isinstance(event, (TimeDone, VisitsUndone))]
    assert written == others, "all others at once, failures among them"
    assert sum(event.visits for event in given_on if isinstance(event, VisitsUndone)) == undone


def fed(*events: Event) -> list[Event]:
    return list(counting_events(events))


def test_without_a_gate_every_visit_counts_at_once() -> None:
    groups = VisitGroups()
    for event in (started(), done("a"), done("b"), JobFailed("c", 0, "reason")):
        assert groups.feed(event) == [event]


def test_a_fit_group_counts_before_its_check_and_a_hot_one_is_counted_only() -> None:
    fit, hot = checked(None), checked("thermal status 2")
    assert fed(started(), fit, done("a"), done("b"), fit) == [started(), fit, done("a"), done("b"), fit]
    assert fed(started(), fit, done("a"), done("b"), hot) == [started(), fit, hot, VisitsUndone(2)]
    assert fed(started(), hot, fit) == [started(), hot, fit], "nothing to undo"


def test_what_was_not_checked_before_the_end_or_the_next_phase_does_not_count() -> None:
    fit = checked(None)
    assert fed(started(), fit, done("a")) == [started(), fit]
    assert fed(started(), fit, done("a"), started(), done("b")) == [started(), fit, started(), done("b")], "the next one has no gate"
    assert fed(started(), fit, done("a"), started(), fit, done("b"), fit).count(done("a")) == 0


@pytest.mark.parametrize(
    "visit",
    [
        done("a"),
        HandoverDone("t", 0, 0, "shared", 64, HandoverSamples(*[(1,)] * 5)),
        CollabDone("c", 0, 0, (), (), (), (9,), Outputs(1, "aa"), {}),
    ],
    ids=["time", "hand-over", "collab"],
)
def test_visits_of_every_kind_wait_for_their_check_and_failures_do_not(visit: Event) -> None:
    groups = VisitGroups()
    assert groups.feed(checked(None)) == [checked(None)]
    assert groups.feed(visit) == []
    assert groups.feed(JobFailed("x", 0, "reason")) == [JobFailed("x", 0, "reason")]
    assert groups.feed(checked(None)) == [visit, checked(None)]
    assert groups.feed(checked(None)) == [checked(None)], "once"


@given(st.lists(EVENTS, max_size=40))
def test_feeding_one_by_one_is_the_same_as_reading_the_whole(events: list[Event]) -> None:
    groups = VisitGroups()
    assert [given_on for event in events for given_on in groups.feed(event)] == fed(*events)
