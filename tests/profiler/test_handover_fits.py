from __future__ import annotations

import pytest

from android_harness.protocol.journal import HandoverDone, HandoverSamples
from collab.units import parse_unit
from profiler.job_ids import HandoverId
from profiler.plan import Plan
from profiler.samples import SampleStore
from profiler.tabulate import derive

UNITS = {"cpu0": parse_unit("cpu:cores=0"), "gpu0": parse_unit("gpu")}


def handed(kilobytes: int, *, read_ns: int, write_ns: int, wakeup_ns: tuple[int, ...], gap_us: int = 0) -> HandoverDone:
    job = HandoverId("gpu0", "cpu0", (1, 1, kilobytes, 256), "memcpy", "condvar", gap_us)
    many = len(wakeup_ns)
    ones = (1,) * many
    samples = HandoverSamples((read_ns,) * many, wakeup_ns, (write_ns,) * many, (0,) * many, ones, run=ones, rerun=ones)
    return HandoverDone(job.text, 0, 1, "memcpy", 1024 * kilobytes, samples)


def test_copies_are_lines_over_the_bytes_and_wake_ups_distributions() -> None:
    store = SampleStore()
    for kilobytes in (1, 4, 16, 64):
        store.add(
            handed(kilobytes, read_ns=100_000 + 2000 * kilobytes, write_ns=500 * kilobytes, wakeup_ns=tuple(range(1000, 21_000, 1000)))
        )
    store.add(handed(4, read_ns=1, write_ns=1, wakeup_ns=(40_000,), gap_us=2000))
    hot, paced = derive(store, UNITS, Plan((), ()), runtime="r", settings={}).transfer_fits
    assert (hot.from_unit, hot.to_unit, hot.path, hot.wait, hot.pacing, hot.n) == ("gpu0", "cpu0", "memcpy", "condvar", "hot", 80)
    assert (hot.read.base_us, hot.read.us_per_kb, hot.read.sizes) == (pytest.approx(100), pytest.approx(2), 4)
    assert (hot.write.base_us, hot.write.us_per_kb) == (pytest.approx(0, abs=1e-9), pytest.approx(0.5))
    assert hot.read.median_residual == pytest.approx(0, abs=1e-9)
    assert hot.wakeup_us["p50"] == pytest.approx(10.5)
    assert hot.wakeup_us["p5"] < hot.wakeup_us["p25"] < hot.wakeup_us["p75"] < hot.wakeup_us["p95"] <= 20
    assert (paced.pacing, paced.wakeup_us["p50"], paced.n) == ("paced", 40.0, 1)


def test_what_is_no_line_says_so() -> None:
    store = SampleStore()
    for kilobytes, read_us in ((1, 1), (4, 2), (16, 90), (64, 95)):
        store.add(handed(kilobytes, read_ns=1000 * read_us, write_ns=0, wakeup_ns=(1000,)))
    [fit] = derive(store, UNITS, Plan((), ()), runtime="r", settings={}).transfer_fits
    assert fit.read.median_residual > 0.3


def test_small_copies_that_caches_hide_leave_the_line_where_the_others_are() -> None:
    store = SampleStore()
    store.add(handed(1, read_ns=30, write_ns=100, wakeup_ns=(1000,)))
    store.add(handed(3, read_ns=400, write_ns=200, wakeup_ns=(1000,)))
    for kilobytes in (12, 24, 48, 96, 192, 1024):
        store.add(handed(kilobytes, read_ns=425 * kilobytes, write_ns=55 * kilobytes, wakeup_ns=(1000,)))
    [fit] = derive(store, UNITS, Plan((), ()), runtime="r", settings={}).transfer_fits
    assert (fit.read.base_us, fit.read.us_per_kb) == (pytest.approx(0, abs=1e-9), pytest.approx(0.425))
    assert fit.read.median_residual == pytest.approx(0, abs=1e-6)


def test_ways_are_called_after_the_path_that_was_taken() -> None:
    """A GPU's output, for which shared memory was asked, is read back."""
    store = SampleStore()
    samples = HandoverSamples((40_000,), (1000,), (0,), (0,), (1,), run=(1,), rerun=(1,))
    for kilobytes in (1, 4):
        job = HandoverId("gpu0", "cpu0", (1, 1, kilobytes, 256), "shared", "spin", 0)
        store.add(HandoverDone(job.text, 0, 1, "readback", 1024 * kilobytes, samples))
    [fit] = derive(store, UNITS, Plan((), ()), runtime="r", settings={}).transfer_fits
    assert (fit.path, fit.n, fit.read.sizes) == ("readback", 2, 2)
