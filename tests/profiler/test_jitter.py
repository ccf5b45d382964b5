from __future__ import annotations

import numpy as np
import pytest

from profiler.jitter import segment_jitter
from profiler.job_ids import NetworkId
from profiler.plan import Network
from profiler.samples import SampleStore
from tests.profiler.made_events import LARGE, SMALL, network_done

NETWORK: Network = ((LARGE,), (SMALL,))


def store_of(visits: int, spread: float) -> SampleStore:
    store, drawn = SampleStore(), np.random.default_rng(0)
    for _ in range(visits):
        large, small = (round(ns * float(drawn.normal(1.0, spread))) for ns in (200_000, 50_000))
        store.add(network_done(NetworkId.of("cpu0", NETWORK).text, [large, small]))
    return store


@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_jitter_is_the_relative_standard_deviation_of_what_segments_take(spread: float) -> None:
    assert segment_jitter(store_of(400, spread), "cpu0", [NETWORK]) == pytest.approx(spread, rel=0.15)


def test_a_network_that_was_visited_a_few_times_tells_none() -> None:
    assert segment_jitter(store_of(5, 0.1), "cpu0", [NETWORK]) is None
    assert segment_jitter(store_of(6, 0.1), "cpu1", [NETWORK]) is None
