"""Costs in a network, recovered from times that were made by known ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from android_harness.protocol.journal import CollabDone, TimeDone
from collab import config as configs
from collab.blocks import Block, parse_key
from lut.entries import ReuseCost
from lut.prediction.reuse import FEATURES, WEIGHTS, BlockCost, ReuseCurve, arena_us, distance_mb, features_mb, weights_mb
from profiler.job_ids import BlockId, NetworkId
from profiler.network_costs import fit_network_costs
from profiler.plan import FULL, Network, Plan, base_chain, networks_of
from profiler.samples import SampleStore
from tests.profiler.made_events import CALL, JOB, LARGE, SMALL, derived, network_done, time_done

CALL_US, CODE_US, SHARE = 7.0, 1.5, 0.5
WEIGHTS_CURVE = ReuseCost("cpu0", WEIGHTS, (0.5, 4.0, 16.0), (0.0, 60.0, 100.0), n=1)
FEATURES_CURVE = ReuseCost("cpu0", FEATURES, (1.0, 8.0), (0.0, 40.0), n=1)
CHAIN = base_chain(configs.load("mobilenet_v2"))
NETWORKS = networks_of(CHAIN, FULL)


def near_us(block: Block) -> float:
    """What a block takes alone, a call apart."""
    return 3.0 + 1e-5 * block.macs


def true_us(network: Network, call_us: float = CALL_US) -> list[float]:
    """What each piece of a network takes on a unit whose caches hold about a megabyte."""
    weights, features = ReuseCurve.of(WEIGHTS_CURVE), ReuseCurve.of(FEATURES_CURVE)
    costs = [[_cost(block, weights, features) for block in piece] for piece in network]
    distance = distance_mb(costs, SHARE)
    return [
        call_us + sum(cost.run_us(weights.at_one(distance)) for cost in piece) + arena_us(piece, features.at_one(distance))
        for piece in costs
    ]


def _cost(block: Block, weights: ReuseCurve, features: ReuseCurve, *, code_us: float = CODE_US, share: float = SHARE) -> BlockCost:
    of_weights, of_features = weights_mb(block), features_mb(block)
    near = of_weights + share * of_features
    near_weights_us, near_features_us = of_weights * weights.at_one(near), of_features * features.at_one(near)
    return BlockCost(near_us(block) + code_us, of_weights, near_weights_us, of_features, near_features_us)


def events(networks: Sequence[Network], slowness: Callable[[int, int], float] = lambda *_: 1.0) -> list[TimeDone | CollabDone]:
    blocks = {block for network in networks for piece in network for block in piece}
    alone = [time_done(BlockId("cpu0", block).text, [round(1000 * (2.0 + near_us(block)))] * 5) for block in blocks]
    found: list[TimeDone | CollabDone] = [time_done(CALL, [2000] * 5), *alone]
    took_ns = [
        [round(1000 * us * slowness(number, piece)) for piece, us in enumerate(true_us(network))] for number, network in enumerate(networks)
    ]
    return [*found, *(network_done(NetworkId.of("cpu0", network).text, took) for network, took in zip(networks, took_ns, strict=True))]


def store_of(made: Sequence[TimeDone | CollabDone]) -> SampleStore:
    store = SampleStore()
    store.add_all(made)
    return store


def test_costs_are_recovered_from_the_networks_of_a_plan() -> None:
    result = derived(*events(NETWORKS), plan=Plan((), (), tuple(NETWORKS)))
    assert result.costs.call_in_network["cpu0"].median_us == pytest.approx(CALL_US, abs=0.3)
    assert result.costs.block_in_network["cpu0"] == pytest.approx(CODE_US, abs=0.3)
    [fit] = result.costs.fits
    assert (fit.unit, fit.n) == ("cpu0", sum(map(len, NETWORKS)))
    assert fit.p95_residual < 0.01
    curves = {entry.what: ReuseCurve.of(entry) for entry in result.costs.reuse}
    for what, true in ((WEIGHTS, WEIGHTS_CURVE), (FEATURES, FEATURES_CURVE)):
        for distance in (8.0, 16.0, 32.0):
            # From what alone is like on, rises are told; where all blocks are beyond a bend already, none is seen.
            rise = ReuseCurve.of(true).at_one(distance) - ReuseCurve.of(true).at_one(4.0)
            assert curves[what].at_one(distance) - curves[what].at_one(4.0) == pytest.approx(rise, abs=4.0), (what, distance)


def test_a_network_of_another_width_and_cut_follows_from_them() -> None:
    held_out: Network = tuple((block,) for block in CHAIN)
    networks = [network for network in NETWORKS if network != held_out]
    fit = fit_network_costs(store_of(events([*networks, held_out])), "cpu0", networks, derived(*events(networks)).costs.call_alone["cpu0"])
    assert fit is not None
    weights, features = (ReuseCurve.of(entry) for entry in fit.reuse)
    costs = [[_cost(block, weights, features, code_us=fit.block_us, share=fit.features_share) for block in piece] for piece in held_out]
    distance = distance_mb(costs, fit.features_share)
    for piece, true in zip(costs, true_us(held_out), strict=True):
        found = fit.call.median_us + piece[0].run_us(weights.at_one(distance)) + arena_us(piece, features.at_one(distance))
        assert found == pytest.approx(true, rel=0.02)


def test_a_piece_that_met_a_slow_spell_does_not_drag_the_others_along() -> None:
    made = events(NETWORKS, lambda number, piece: 2.0 if (number + piece) % 20 == 0 else 1.0)
    [fit] = derived(*made, plan=Plan((), (), tuple(NETWORKS))).costs.fits
    assert fit.median_residual < 0.01
    slow = fit_network_costs(store_of(made), "cpu0", NETWORKS, derived(*made).costs.call_alone["cpu0"])
    assert slow is not None
    shares = [fitted / piece.measured_us for fitted, piece in zip(slow.fitted_us, slow.pieces, strict=True)]
    assert min(shares) == pytest.approx(0.5, abs=0.03), "but the residuals tell"


def test_marginal_costs_are_times_alone_less_a_call() -> None:
    whole: Network = ((LARGE, SMALL),)
    made = [
        time_done(CALL, [2000] * 5),
        time_done(BlockId("cpu0", SMALL).text, [52_000] * 5),
        time_done(BlockId("cpu0", LARGE).text, [102_000] * 5),
        time_done(BlockId("cpu0", parse_key("mbconv_14_k3s1_16-32-16_relu6")).text, [1_500] * 5),
        network_done(NetworkId.of("cpu0", whole).text, [195_000]),
    ]
    result = derived(*made, plan=Plan((SMALL, LARGE), (), (whole,)))
    marginals = {row.block: row.marginal_us for row in result.blocks}
    assert marginals == {SMALL.key: 50.0, LARGE.key: 100.0, "mbconv_14_k3s1_16-32-16_relu6": 0.001}
    copies = {row.block: (row.write_us, row.read_us) for row in result.blocks}
    assert copies[LARGE.key] == (5.0, 0.1), "the network's input is copied in where other data has been in between"
    assert copies[SMALL.key] == (0.1, 0.7)


def test_without_networks_a_block_adds_what_it_takes_alone() -> None:
    result = derived(time_done(CALL, [2000]), time_done(JOB, [52_000]))
    assert (result.costs.reuse, result.costs.block_in_network, result.costs.fits) == ((), {}, ())
    assert result.costs.call_in_network["cpu0"].median_us == result.costs.call_alone["cpu0"].median_us
