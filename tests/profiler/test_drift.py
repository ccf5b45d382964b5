from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.journal import FORMAT, PhaseStarted, TimeDone, TimeSamples
from collab.blocks import parse_key
from lut.entries import Timed
from profiler.drift import Pace, agreed, pace, speed_line, speed_lines, steadied
from profiler.job_ids import BlockId, JobId, SentinelId
from profiler.samples import SampleStore

BLOCK = parse_key("mbconv_14_k3s1_16-64-16_relu6")
JOB, SENTINEL = BlockId("cpu0", BLOCK), SentinelId("cpu0")


def visit(job: JobId, t_ns: int, run_ns: int) -> TimeDone:
    samples = TimeSamples(*[(run_ns,) * 3] * 5)
    return TimeDone(job.text, 0, t_ns, None, None, True, samples, (), None)


def test_samples_are_brought_to_the_speed_of_the_whole_campaign() -> None:
    store = SampleStore()
    for second in range(100):
        slowness = 1.5 if second >= 60 else 1.0
        store.add(visit(SENTINEL, second * 10**9, round(1e5 * slowness)))
    store.add(visit(JOB, 20 * 10**9, 40_000))
    store.add(visit(JOB, 90 * 10**9, 60_000))
    lines = speed_lines(store, ["cpu0", "cpu1"])
    assert set(lines) == {"cpu0"}
    assert lines["cpu0"].spread == pytest.approx(0.5)
    steady = steadied(store, lines)
    assert steady.jobs[JOB].pooled("run") == [40_000] * 6
    assert steady.jobs[SENTINEL] == store.jobs[SENTINEL], "what tells the drift keeps it"
    assert store.jobs[JOB].pooled("run") == [40_000] * 3 + [60_000] * 3, "raw samples stay as they are"


def test_one_slow_visit_of_a_sentinel_is_no_drift() -> None:
    took = [100.0] * 40
    took[17] = 900.0
    line = speed_line(list(range(40)), took)
    assert line.spread == 0
    assert line.at([17]) == 1


def test_sentinels_that_know_equally_well_meet_halfway_and_one_that_knows_badly_hardly_counts() -> None:
    assert agreed([]) == 1
    assert agreed([Pace(1.3, 0.0)]) == pytest.approx(1.3)
    assert agreed([Pace(1.21, 0.02), Pace(1.0, 0.02)]) == pytest.approx(1.1)
    assert agreed([Pace(1.1, 0.01), Pace(1.1, 0.1)]) == pytest.approx(1.1)
    assert agreed([Pace(1.1, 0.01), Pace(2.2, 0.1)]) == pytest.approx(1.1 * 2 ** (1 / 101))


def test_drift_that_is_not_proven_is_none() -> None:
    assert agreed([Pace(1.018, 0.01)]) == 1
    assert agreed([Pace(1.021, 0.01)]) == pytest.approx(1.021)
    assert agreed([Pace(0.99, 0.02), Pace(1.02, 0.02)]) == 1
    assert agreed([Pace(0.9, 1.0)]) == 1


def test_a_pace_has_the_errors_of_both_times_and_one_visit_may_have_met_anything() -> None:
    usual = Timed(100.0, 3.0, 1.0, 40, 10)
    often = pace([0, 1, 2], [110.0, 120.0, 130.0], usual, [1])
    assert (often.slowness, often.error) == pytest.approx((1.2, math.hypot(0.03, 20 / (2 * 1.1503493803760083) / 120)))
    assert pace([0, 1, 2], [110.0, 120.0, 130.0], usual, [1], misses=0.5).error == pytest.approx(math.hypot(often.error, 0.5))
    assert pace([0], [120.0], usual, [0]).error == pytest.approx(math.hypot(0.03, 1.0))
    assert pace([0, 1], [120.0] * 2, Timed(100.0, None, 0.0, 4, 1), [0]).error == 1.0


def test_too_few_visits_tell_nothing() -> None:
    store = SampleStore()
    for t_ns in range(5):
        store.add(visit(SENTINEL, t_ns, 100_000 * (1 + t_ns)))
    assert speed_lines(store, ["cpu0"]) == {}
    assert steadied(store, {}).jobs == store.jobs


def test_phases_after_a_restart_are_on_one_line_of_time() -> None:
    store = SampleStore()
    for unix_ns, t_ns in ((1_000_000, 900_000), (2_000_000, 5)):
        store.add(PhaseStarted("p", "r", "x", {}, t_ns, unix_ns, FORMAT))
        store.add(visit(JOB, t_ns + 7, 1))
    assert [t.t_ns for t in store.jobs[JOB].times] == [1_000_007, 2_000_007]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=60))
def test_a_line_stays_within_what_was_seen(took: list[float]) -> None:
    line = speed_line(list(range(len(took))), took, usual_us=1.0)
    assert min(took) - 1e-9 <= line.slowness.min()
    assert line.slowness.max() <= max(took) + 1e-9
    assert line.at([-5]) == line.slowness[0]
    assert np.isclose(line.around([0, 0]), line.slowness[0])
