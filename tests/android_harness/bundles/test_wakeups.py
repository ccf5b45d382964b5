"""Wake-ups, by hand."""

from __future__ import annotations

from android_harness.bundles.wakeups import measured_wakeups
from android_harness.protocol.journal import StepLabel
from tests.android_harness.bundles.made_visits import visit

RUN = StepLabel("cpu0", "cpu0.0", "run", "")
READ = StepLabel("cpu0", "cpu0.0", "read", "cpu1.1")
WAIT = StepLabel("cpu1", "cpu1.1", "wait", "cpu0.0")


def test_a_wake_up_begins_when_the_data_is_there() -> None:
    found = measured_wakeups([visit([9000, 9000], {RUN: [(0, 5000), (0, 6000)], WAIT: [(1000, 5400), (1000, 6800)]})])
    assert found == {("cpu1", "cpu1.1", "cpu0.0"): 0.6}


def test_where_the_sender_copies_it_is_there_after_the_copy() -> None:
    found = measured_wakeups([visit([9000], {RUN: [(0, 5000)], READ: [(5000, 5500)], WAIT: [(1000, 5700)]})])
    assert found == {("cpu1", "cpu1.1", "cpu0.0"): 0.2}


def test_a_receiver_that_comes_late_wakes_up_from_nothing() -> None:
    late = visit([9000], {RUN: [(0, 5000)], WAIT: [(5000, 5100)]})
    assert measured_wakeups([late]) == {}
    waited = visit([9000], {RUN: [(0, 5000)], WAIT: [(4000, 5300)]})
    assert measured_wakeups([late, waited, late]) == {("cpu1", "cpu1.1", "cpu0.0"): 0.3}


def test_visits_are_the_unit_and_clocks_that_disagree_give_nothing_negative() -> None:
    one = visit([9000] * 3, {RUN: [(0, 5000)] * 3, WAIT: [(0, 5100), (0, 5100), (0, 5900)]})
    other = visit([9000], {RUN: [(0, 5000)], WAIT: [(0, 4900)]})
    assert measured_wakeups([one, other]) == {("cpu1", "cpu1.1", "cpu0.0"): 0.05}


def test_a_wait_for_a_segment_that_is_not_there_is_left_out() -> None:
    assert measured_wakeups([visit([9000], {WAIT: [(0, 5000)]})]) == {}
