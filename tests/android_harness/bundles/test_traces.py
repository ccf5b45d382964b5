"""Measured runs as traces: which one is shown, where on the line of time, and beside which values of the device."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.bundles.recording import Recording
from android_harness.bundles.traces import measured_steps_of, measured_trace
from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import CollabDone, Event, JobStarted, Outputs, PhaseStarted, StepLabel, TimeDone, TimeSamples
from android_harness.protocol.phases import MOST_RUNS
from collab.errors import ConfigError, JournalError
from tests.lut.traces.trace_checks import arrows, checked, ns, slices

LABELS = (
    StepLabel("cpu0", "cpu0.0", "write", "input"),
    StepLabel("cpu0", "cpu0.0", "run"),
    StepLabel("gpu0", "gpu0.0", "wait", "cpu0.0"),
    StepLabel("gpu0", "gpu0.0", "run"),
    StepLabel("gpu0", "gpu0.0", "read", "output"),
)
SECOND_NS = 1_000_000_000


def phase(name: str = "compare", *, unix_s: int = 1000, t_s: int = 0, **conditions: str) -> PhaseStarted:
    return PhaseStarted(name, "0.4.0", "x86_64", {}, t_s * SECOND_NS, unix_s * SECOND_NS, 1, 2, conditions)


def visit(runs: Sequence[Sequence[int]], *, end_ns: int, job: str = "collab/0/a") -> CollabDone:
    """A visit in which each run takes these times for its five steps; the GPU waits from the release on."""
    begins: list[list[int]] = [[] for _ in LABELS]
    ends: list[list[int]] = [[] for _ in LABELS]
    for write, run, wake, work, read in runs:
        ran = write + run
        spans = [(0, write), (write, ran), (0, ran + wake), (ran + wake, ran + wake + work), (ran + wake + work, ran + wake + work + read)]
        for index, (begin, end) in enumerate(spans):
            begins[index].append(begin)
            ends[index].append(end)
    return CollabDone(
        job, 0, end_ns, LABELS, tuple(map(tuple, begins)), tuple(map(tuple, ends)), tuple(map(sum, runs)), Outputs(1, "aa"), {}
    )


def recording(*events: Event) -> Recording:
    made = Recording(lambda job: job.startswith("collab/0"), lambda job: "cpu0" if job == "sentinel/cpu0" else None)
    for event in events:
        made.add(event)
    return made


def look(t_ns: int, mhz: int) -> TimeDone:
    samples = TimeSamples(*[(9,)] * 5)
    return TimeDone("sentinel/cpu0", 0, t_ns, None, None, True, samples, (2_000_000, mhz * 1000, None), 41_500)


RUN = st.tuples(st.integers(0, 10**6), st.integers(1, 10**9), st.integers(0, 10**6), st.integers(1, 10**9), st.integers(0, 10**6))


@given(st.lists(st.tuples(st.lists(RUN, min_size=1, max_size=4), st.integers(0, 10**10)), min_size=1, max_size=4), st.data())
def test_all_runs_nest_and_hand_over_forwards(visits: list[tuple[list[tuple[int, ...]], int]], data: st.DataObject) -> None:
    """Also where visits end at moments that do not fit what their runs took, as a clock that was set can have it."""
    made = recording(phase(), *(visit(runs, end_ns=end_ns) for runs, end_ns in visits))
    count = sum(len(runs) for runs, _ in visits)
    which = data.draw(st.sampled_from(["all", "median", str(count)]))
    events = checked(measured_trace(made, which=which).text())["traceEvents"]
    shown = count if which == "all" else 1
    assert len(arrows(events)) == shown
    assert len([event for event in slices(events) if event["name"].startswith("run ")]) == shown
    assert len([event for event in slices(events) if event["cat"] == "run"]) == 2 * shown
    assert len([event for event in slices(events) if event["cat"] in ("wait", "copy")]) <= 3 * shown


def test_the_median_is_a_real_run() -> None:
    made = recording(
        phase(), visit([(1, 10, 1, 10, 1), (1, 90, 1, 90, 1)], end_ns=10**6), visit([(1, 51, 1, 51, 1)], end_ns=2 * 10**6, job="collab/0/b")
    )
    # Medians of the visits are 103 and 105 ns, of both 104 ns.
    assert made.median_us == pytest.approx(0.104)
    document = checked(measured_trace(made).text())
    [run] = [event for event in slices(document["traceEvents"]) if event["cat"] == "whole"]
    assert (run["name"], run["ts"], run["dur"], run["args"]["job"]) == ("run 3", 0, 0.105, "collab/0/b")
    assert document["otherData"] == {"made_by": "syncnas", "format": 1, "run": "median", "runs": 3, "measured_median_us": 0.104}


def test_a_run_is_shown_by_its_number() -> None:
    made = recording(phase(), visit([(1, 2, 3, 4, 5), (10, 20, 30, 40, 50)], end_ns=10**6))
    events = checked(measured_trace(made, which="2").text())["traceEvents"]
    found = {(event["args"]["segment"], event["args"]["step"]): (ns(event["ts"]), ns(event["dur"])) for event in slices(events)[1:]}
    assert found == {
        ("cpu0.0", "write"): (0, 10),
        ("cpu0.0", "run"): (10, 20),
        ("gpu0.0", "wait"): (0, 60),
        ("gpu0.0", "run"): (60, 40),
        ("gpu0.0", "read"): (100, 50),
    }
    for which, sentence in (("3", "there are 2 runs"), ("0", "a number from 1 on"), ("first", "a number from 1 on"), ("１", "a number")):
        with pytest.raises(ConfigError, match=sentence):
            measured_trace(made, which=which)


def test_all_runs_lie_where_the_clock_had_them_beside_what_the_device_said() -> None:
    s = SECOND_NS
    state = StateChecked(3 * s, 0, 45_000, 1, {"cpu0": (2_400_000, None, 1_800_000), "gpu0": ()}, None, None)
    made = recording(
        phase(t_s=0, clocks="fixed"),
        look(1 * s, 1500),
        JobStarted("collab/0/a", 0, 2 * s),
        visit([(0, s // 10, 0, s // 10, 0)] * 2, end_ns=3 * s),
        state,
        JobStarted("collab/0/a", 0, 4 * s),
        visit([(0, s // 10, 0, s // 10, 0)], end_ns=5 * s),
        look(9 * s, 1400),
    )
    document = checked(measured_trace(made, which="all").text())
    whole = {event["name"]: (event["ts"] / 1e6, event["dur"] / 1e6) for event in slices(document["traceEvents"]) if event["cat"] == "whole"}
    assert whole == {
        "visit 1": pytest.approx((0, 1)),
        "run 1": pytest.approx((0.6, 0.2)),
        "run 2": pytest.approx((0.8, 0.2)),
        "visit 2": pytest.approx((2, 1)),
        "run 3": pytest.approx((2.8, 0.2)),
    }
    counters = [(event["name"], event["args"], event["ts"] / 1e6) for event in document["traceEvents"] if event["ph"] == "C"]
    assert counters == [
        ("temperature", {"celsius": 45.0}, 1.0),
        ("thermal status", {"status": 1}, 1.0),
        ("clock cap of cpu0", {"MHz": 1800.0}, 1.0),
    ]
    assert document["otherData"]["condition clocks"] == "fixed"
    one = checked(measured_trace(made, which="3").text())
    assert {event["name"]: event["args"] for event in one["traceEvents"] if event["ph"] == "C"} == {
        "temperature": {"celsius": 45.0},
        "clock of cpu0": {"MHz": 1500.0},
        "thermal status": {"status": 1},
        "clock cap of cpu0": {"MHz": 1800.0},
    }


def test_only_the_newest_measurement_is_shown() -> None:
    runs = [(1, 1, 1, 1, 1)]
    made = recording(
        phase(), visit(runs, end_ns=100), phase(), visit(runs * 2, end_ns=100), phase("compare-after1"), visit(runs, end_ns=200)
    )
    assert len(made.runs) == 3
    # A device that restarted: its clock begins anew, Unix time goes on.
    made = recording(phase(t_s=500, unix_s=1000), visit(runs, end_ns=501 * SECOND_NS), phase("compare-after1", t_s=1, unix_s=1100))
    made.add(visit(runs, end_ns=2 * SECOND_NS))
    assert [visit.end_ns for visit in made.visits] == [1001 * SECOND_NS, 1101 * SECOND_NS]


def test_a_command_that_was_stopped_before_its_first_visit_leaves_the_one_before_it_to_be_shown() -> None:
    runs = [(1, 1, 1, 1, 1)]
    made = recording(phase(clocks="fixed"), look(1, 1500), visit(runs, end_ns=100), phase(), look(2, 1400), phase(), look(3, 1300))
    assert [visit.end_ns for visit in made.visits] == [1000 * SECOND_NS + 100]
    document = checked(measured_trace(made).text())
    assert document["otherData"]["condition clocks"] == "fixed"
    clocks = [event["args"]["MHz"] for event in document["traceEvents"] if event["name"] == "clock of cpu0"]
    assert clocks == [1500.0, 1500.0]
    made.add(visit(runs * 2, end_ns=200))
    assert len(made.runs) == 2
    assert made.conditions == {}


def test_the_median_of_as_many_runs_as_a_deployment_may_have() -> None:
    """Which took an hour when each run was held against a median computed anew."""
    runs = [(0, 1 + number, 0, 1, 0) for number in range(MOST_RUNS)]
    assert recording(phase(), visit(runs, end_ns=10**12)).median_run().number == MOST_RUNS // 2


@pytest.mark.parametrize(
    ("begins", "ends", "step"),
    [([0, 5], [10, 20], "run"), ([0, 10], [10, 21], "run"), ([0, 10], [10, 20], "rest")],
    ids=["overlap", "longer than the run", "unknown step"],
)
def test_damaged_runs_are_refused(begins: list[int], ends: list[int], step: str) -> None:
    labels = (StepLabel("cpu0", "cpu0.0", "write", "input"), StepLabel("cpu0", "cpu0.0", step))
    done = CollabDone("collab/0/a", 0, 9, labels, tuple((b,) for b in begins), tuple((e,) for e in ends), (20,), Outputs(1, "aa"), {})
    made = recording(phase(), done)
    with pytest.raises(JournalError):
        measured_steps_of(made.runs[0])
