"""Shares of a common cache, recovered from times that were made by known ones."""

from __future__ import annotations

import numpy as np
import pytest

from collab.units import parse_unit
from lut.entries import SharedCache
from profiler.contention import contention_factors
from profiler.job_ids import JobId, LoadedId, NetworkId
from profiler.network_costs import NetworkCosts, fit_network_costs
from profiler.samples import SampleStore
from profiler.shared_caches import SharedCaches, shared_caches
from tests.profiler.made_events import UNITS, derived
from tests.profiler.test_contention import visits
from tests.profiler.test_network_costs import NETWORKS, events, store_of

BOTH = NETWORKS[:2]


def fitted() -> dict[str, NetworkCosts]:
    """Costs of two units that are alike, whose caches hold about a megabyte."""
    made = events(NETWORKS)
    found = fit_network_costs(store_of(made), "cpu0", NETWORKS, derived(*made).costs.call_alone["cpu0"])
    assert found is not None
    return {"cpu0": found, "cpu1": found}


COSTS = fitted()


def beside(share: float, *, noise: float = 0.01, factor: float = 1.0, rounds: int = 30, seed: int = 0) -> SampleStore:
    """Visits of the base and of the narrowest network on cpu0, alone and beside either on cpu1."""
    generator, store, costs = np.random.default_rng(seed), SampleStore(), COSTS["cpu0"]
    truth = SharedCaches((SharedCache("cpu0", "cpu1", share, share, 0.0, 1),), COSTS)
    for network in BOTH:
        pieces = [piece for piece in costs.pieces if piece.network == network]
        alone_ns = 1000 * costs.costs.predict_us(pieces, costs.call_alone_us)
        jobs: list[tuple[JobId, np.ndarray]] = [(NetworkId.of("cpu0", network), alone_ns)]
        for load in BOTH:
            longer = np.exp([truth.explained("cpu0", "cpu1", network, load, [piece.position]) for piece in pieces])
            jobs.append((LoadedId.of("cpu0", "cpu1", network, load), factor * alone_ns * longer))
        for job, took_ns in jobs:
            store.add_all(visits(job, took_ns[None, :, None] * generator.normal(1.0, noise, size=(rounds, 1, 2))))
    return store


def found_share(store: SampleStore) -> SharedCache:
    [entry] = [entry for entry in shared_caches(store, NETWORKS, UNITS, COSTS).entries if entry.unit == "cpu0"]
    return entry


@pytest.mark.parametrize("share", [0.125, 0.5, 1.0])
def test_a_share_is_recovered_with_its_error(share: float) -> None:
    found = [found_share(beside(share, seed=seed)) for seed in range(5)]
    assert all(entry.share == entry.measured > 0 for entry in found)
    assert np.median([entry.measured for entry in found]) == pytest.approx(share, abs=0.08)
    assert all(abs(entry.measured - share) < 4 * entry.se for entry in found)


def test_what_chance_explains_is_no_share() -> None:
    found = [found_share(beside(0.0, noise=0.03, seed=seed)) for seed in range(12)]
    assert sum(entry.share > 0 for entry in found) <= 2
    assert all(entry.share in (0.0, entry.measured) for entry in found)


@pytest.mark.parametrize("factor", [1.0, 1.3])
def test_contention_is_what_a_shared_cache_does_not_explain(factor: float) -> None:
    store = beside(0.5, factor=factor)
    known = SharedCaches((SharedCache("cpu0", "cpu1", 0.5, 0.5, 0.05, 60),), COSTS)
    factors = [entry.factor for entry in contention_factors(store, NETWORKS, UNITS, known.explained) if entry.unit == "cpu0"]
    assert factors == pytest.approx([factor] * len(factors), abs=0.02)


def test_units_on_one_core_tell_nothing_of_caches() -> None:
    on_one_core = {unit: parse_unit("cpu:cores=0") for unit in UNITS}
    assert shared_caches(beside(0.5), NETWORKS, on_one_core, COSTS).entries == ()
    assert shared_caches(SampleStore(), NETWORKS, UNITS, COSTS).entries == ()
