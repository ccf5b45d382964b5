from __future__ import annotations

import pytest

from profiler.alone import LEAST_ALONE_US, measured_alone_us
from profiler.job_ids import BlockId
from profiler.samples import SampleStore
from tests.profiler.made_events import BLOCK, JOB, LARGE, time_done


def test_a_block_alone_takes_its_median_less_a_call() -> None:
    store = SampleStore()
    store.add_all(time_done(JOB, runs) for runs in ([50_000] * 9, [53_000], [52_000]))
    assert measured_alone_us(store, "cpu0", BLOCK, 2.5) == 49.5
    assert measured_alone_us(store, "cpu0", LARGE, 2.5) is None
    assert measured_alone_us(store, "cpu1", BLOCK, 2.5) is None


@pytest.mark.parametrize("run_ns", [1, 1000, 1500])
def test_a_block_that_takes_no_longer_than_a_call_is_left_with_a_nanosecond(run_ns: int) -> None:
    store = SampleStore()
    store.add(time_done(BlockId("cpu0", LARGE).text, [run_ns, run_ns]))
    assert measured_alone_us(store, "cpu0", LARGE, 1.5) == LEAST_ALONE_US == 0.001
