from __future__ import annotations

import pytest

from android_harness.protocol.journal import HandoverDone, HandoverSamples, JobFailed
from profiler.job_ids import HandoverId
from tests.profiler.made_events import CALL, JOB, derived, time_done


def test_a_row_pools_all_visits_and_takes_the_fixed_cost_out() -> None:
    row = derived(time_done(CALL, [2000] * 5), time_done(JOB, [50_000, 52_000]), time_done(JOB, [54_000])).blocks[0]
    assert (row.status, row.n, row.median_us, row.marginal_us) == ("ok", 3, 52.0, 50.0)
    assert (row.first_us, row.create_us, row.write_us, row.temperature_after_c, row.clock_after_mhz) == (9.0, 5.0, 0.1, 41.0, 1800.0)


def test_what_could_not_be_measured_says_why_and_has_no_number() -> None:
    failed = derived(time_done(CALL, [2000]), time_done(JOB, [9000]), JobFailed(JOB, 1, "unsupported op")).blocks[0]
    assert (failed.status, failed.reason) == ("failed", "unsupported op")
    never = derived(JobFailed(JOB, 0, "no such file")).blocks[0]
    assert (never.status, never.n, never.median_us, never.marginal_us) == ("failed", 0, None, None)
    unfixed = derived(time_done(JOB, [9000])).blocks[0]
    assert unfixed.status == "failed"
    assert "fixed cost" in unfixed.reason


def test_a_model_that_the_unit_did_not_take_whole_is_partial() -> None:
    row = derived(time_done(CALL, [2000]), time_done(JOB, [9000], accelerated=False)).blocks[0]
    assert (row.status, row.coverage) == ("partial", "partial")


def test_a_median_that_is_hardly_known_is_unstable() -> None:
    spread = [int(100_000 * 1.2**n) for n in range(12)]
    assert derived(time_done(CALL, [2000]), time_done(JOB, spread)).blocks[0].status == "unstable"
    short = [1000 + 60 * n for n in range(12)]
    assert derived(time_done(CALL, [500]), time_done(JOB, short)).blocks[0].status == "ok", "a fraction of a microsecond matters to nobody"


def test_fetching_over_shared_memory_is_the_first_touch_less_the_second() -> None:
    job = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "shared", "spin", 0)
    samples = HandoverSamples(read=(0, 0), wakeup=(80, 90), write=(900, 1100), rewrite=(300, 500), total=(1000, 1200))
    row = derived(HandoverDone(job.text, 0, 1, "shared", 12544, samples)).transfers[0]
    assert (row.read_us, row.wakeup_us, row.write_us) == pytest.approx((0.0, 0.085, 0.6))
    assert (row.pacing, row.bytes) == ("hot", 12544)
