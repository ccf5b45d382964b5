from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from android_harness.protocol.journal import HandoverDone, HandoverSamples, JobFailed
from collab.units import parse_unit
from profiler.job_ids import HandoverId
from profiler.provenance import UNKNOWN, Provenance
from profiler.rows import Origin
from tests.profiler.made_events import CALL, JOB, UNITS, derived, time_done


def test_a_row_has_the_median_of_its_visits_and_takes_the_cost_of_a_call_out() -> None:
    visits = [time_done(JOB, runs) for runs in ([50_000, 51_000, 90_000], [52_000], [54_000])]
    row = derived(time_done(CALL, [2000] * 5), *visits).blocks[0]
    assert (row.status, row.n, row.visits, row.median_us, row.marginal_us) == ("ok", 5, 3, 52.0, 50.0)
    # The first and the last visit are 3 us apart: twice 1.1503 standard errors. Spread and p95 are of all samples.
    assert (row.median_se_us, row.mad_us, row.p95_us) == pytest.approx((3 / (2 * 1.1503493803760083), 2.0, 82.8))
    assert (row.first_us, row.create_us, row.write_us, row.temperature_after_c, row.clock_after_mhz) == (9.0, 5.0, 0.1, 41.0, 1800.0)


def test_the_first_creation_and_later_ones_have_a_column_each() -> None:
    creations = ((False, 90_000), (True, 4_000), (True, 6_000))
    visits = [time_done(JOB, [50_000], cached=cached, create_ns=create_ns) for cached, create_ns in creations]
    row = derived(time_done(CALL, [2000]), *visits).blocks[0]
    assert (row.create_us, row.cached_create_us) == (90.0, 5.0)
    row = derived(time_done(CALL, [2000]), time_done(JOB, [50_000])).blocks[0]
    assert (row.create_us, row.cached_create_us) == (5.0, None), "a runtime that keeps no programs creates anew each time"


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
    def status(call_ns: int, *visits: list[int]) -> tuple[str, str]:
        row = derived(time_done(CALL, [call_ns]), *(time_done(JOB, runs) for runs in visits)).blocks[0]
        return row.status, row.reason

    assert status(2000, *([int(100_000 * 1.2**n)] for n in range(12)))[0] == "unstable"
    assert status(500, *([1000 + 60 * n] for n in range(12))) == ("ok", ""), "a fraction of a microsecond matters to nobody"
    # Two visits that are 12 % apart: 1.96 x 12 / (2 x 0.6745) = 17 % of it.
    assert status(2000, [100_000], [112_000]) == ("unstable", "the median of 2 visits is known to 16 % only")
    assert status(2000, [100_000, 112_000] * 30, [100_000, 112_000] * 30) == ("ok", ""), "what counts is how far visits are apart"
    assert status(2000, [100_000] * 60) == ("unstable", "it was visited once, which does not tell how well its median is known")


def test_fetching_and_claiming_shared_memory_are_the_first_touch_less_the_second() -> None:
    job = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "shared", "spin", 0)
    samples = HandoverSamples(
        run=(5000, 5200), rerun=(4000, 4000), read=(0, 0), wakeup=(80, 90), write=(900, 1100), rewrite=(300, 500), total=(1000, 1200)
    )
    row = derived(HandoverDone(job.text, 0, 1, "shared", 12544, samples)).transfers[0]
    assert (row.claim_us, row.read_us, row.wakeup_us, row.write_us) == pytest.approx((1.1, 0.0, 0.085, 0.6))
    assert (row.pacing, row.bytes, row.n, row.visits) == ("hot", 12544, 2, 1)
    assert (row.read_se_us, row.wakeup_se_us, row.write_se_us) == (None, None, None)


def test_each_cost_of_a_hand_over_has_its_error_over_visits() -> None:
    job = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "memcpy", "spin", 0)
    visits = [
        HandoverSamples(
            run=(5000, 5000 + at),
            rerun=(4000, 4000),
            read=(at, at),
            wakeup=(80, 10 * at),
            write=(900, 900 + 2 * at),
            rewrite=(1, 1),
            total=(1000, 1200),
        )
        for at in (10, 20, 30)
    ]
    row = derived(*(HandoverDone(job.text, 0, 1, "memcpy", 12544, samples) for samples in visits)).transfers[0]
    assert (row.n, row.visits, row.claim_us, row.read_us, row.wakeup_us, row.write_us) == pytest.approx((6, 3, 0.0, 0.02, 0.14, 0.92))
    errors = [row.read_se_us, row.wakeup_se_us, row.write_se_us]
    assert errors == pytest.approx([apart / (2 * 1.1503493803760083) for apart in (0.02, 0.1, 0.02)])


NOW = Provenance(2, "0.2.0", {"litert": "L1", "classic": "C1"}, {"clocks": "free"})
ORIGIN = Origin("r", {**UNITS, "gpu0": parse_unit("gpu:engine=classic")}, NOW, {"seed": 0}, "2026-01-01")


@pytest.mark.parametrize(
    "other",
    [
        replace(NOW, protocol=3),
        replace(NOW, runner="0.3.0"),
        replace(NOW, engines={"litert": "L2"}),
        replace(NOW, engines={}),
        replace(NOW, conditions={}),
        replace(NOW, conditions={"clocks": "CPU fixed at the highest, GPU at the highest"}),
    ],
)
def test_rows_that_were_measured_otherwise_share_no_hash(other: Provenance) -> None:
    changed = replace(ORIGIN, provenance=other)
    assert changed.config_hash("cpu0") != ORIGIN.config_hash("cpu0")
    assert changed.config_hash("cpu0", "cpu1") != ORIGIN.config_hash("cpu0", "cpu1")


def test_a_hash_is_of_the_units_of_its_row_and_their_libraries_alone() -> None:
    classic = replace(ORIGIN, provenance=replace(NOW, engines={"litert": "L1", "classic": "C2", "nnapi": "N"}))
    assert classic.config_hash("cpu0") == ORIGIN.config_hash("cpu0")
    assert classic.config_hash("gpu0") != ORIGIN.config_hash("gpu0")
    assert classic.config_hash("cpu0", "gpu0") != ORIGIN.config_hash("cpu0", "gpu0")
    assert ORIGIN.config_hash("cpu0", "gpu0") == ORIGIN.config_hash("gpu0", "cpu0"), "whichever sends"
    twins = replace(ORIGIN, units=dict.fromkeys(("cpu0", "cpu1"), UNITS["cpu0"]))
    assert twins.config_hash("cpu0") != twins.config_hash("cpu1")
    half = replace(ORIGIN, units={"cpu0": replace(UNITS["cpu0"], precision="fp16")})
    assert half.config_hash("cpu0") != ORIGIN.config_hash("cpu0")
    assert replace(ORIGIN, settings={"seed": 1}).config_hash("cpu0") != ORIGIN.config_hash("cpu0")
    assert replace(ORIGIN, runtime="s").config_hash("cpu0") != ORIGIN.config_hash("cpu0")
    assert ORIGIN.of("cpu0", "gpu0").libraries == {"litert": "L1", "classic": "C1"}
    assert replace(ORIGIN, provenance=UNKNOWN).of("cpu0").libraries == {"litert": ""}, "an engine that could not be opened"


@pytest.mark.parametrize(
    ("clocks_khz", "reason"),
    [
        ([[1_800_000], [1_850_000]], ""),
        ([[1_800_000, 600_000], [2_400_000, 2_400_000]], "its visits ran at 1800 to 2400 MHz"),
        ([[], []], ""),
        ([[1_800_000], []], ""),
    ],
)
def test_clocks_that_differ_mark_a_row(clocks_khz: list[list[int]], reason: str) -> None:
    visits = [msgspec.structs.replace(time_done(JOB, [9000]), core_clocks_khz=tuple(clock)) for clock in clocks_khz]
    row = derived(time_done(CALL, [2000]), *visits).blocks[0]
    assert (row.status, row.reason) == ("ok", reason)
