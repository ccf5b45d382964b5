from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.journal import CollabDone, TimeDone
from collab.blocks import parse_key
from lut.meta import NetworkFactor
from profiler.alone import LEAST_ALONE_US
from profiler.job_ids import BlockId, NetworkId
from profiler.marginal import in_network_factor
from profiler.plan import Network, Plan
from tests.profiler.made_events import CALL, JOB, LARGE, SMALL, derived, network_done, time_done


def test_marginal_costs_hold_what_blocks_take_longer_in_a_network() -> None:
    whole: Network = ((LARGE, SMALL),)
    cut: Network = ((LARGE,), (SMALL,))
    twice: Network = ((LARGE,), (SMALL, SMALL))
    events = [
        time_done(CALL, [2000] * 5),
        time_done(BlockId("cpu0", SMALL).text, [52_000] * 5),
        time_done(BlockId("cpu0", LARGE).text, [102_000] * 5),
        time_done(BlockId("cpu0", parse_key("mbconv_14_k3s1_16-32-16_relu6")).text, [22_000] * 5),
        # A call costs 10 us there; SMALL takes 1.1 and LARGE 1.3 times what it takes alone.
        network_done(NetworkId.of("cpu0", whole).text, [195_000]),
        network_done(NetworkId.of("cpu0", cut).text, [140_000, 65_000]),
        network_done(NetworkId.of("cpu0", twice).text, [140_000, 120_000]),
    ]
    result = derived(*events, plan=Plan((SMALL, LARGE), (), (whole, cut, twice)))
    assert [(entry.block_class, entry.size, entry.factor, entry.n) for entry in result.costs.in_network] == [
        ("mbconv", 14, pytest.approx(1.1, rel=0.01), 3),
        ("mbconv", 28, pytest.approx(1.3, rel=0.01), 3),
    ]
    assert (result.costs.call_alone["cpu0"].median_us, result.costs.call_in_network["cpu0"].median_us) == (
        2.0,
        pytest.approx(10.0, rel=0.05),
    )
    [fit] = result.costs.fits
    assert (fit.unit, fit.n) == ("cpu0", 5)
    assert fit.median_residual < 0.01
    marginals = {row.block: row.marginal_us for row in result.blocks}
    assert marginals[SMALL.key] == pytest.approx(55.0, rel=0.01)
    assert marginals[LARGE.key] == pytest.approx(130.0, rel=0.01)
    assert marginals["mbconv_14_k3s1_16-32-16_relu6"] == pytest.approx(22.0, rel=0.01), "what is in no network takes the factor of its like"
    copies = {row.block: (row.write_us, row.read_us) for row in result.blocks}
    assert copies[LARGE.key] == (5.0, 0.1), "the network's input is copied in where other data has been in between"
    assert copies[SMALL.key] == (0.1, 0.7)


def test_a_piece_that_met_a_slow_spell_does_not_drag_the_others_along() -> None:
    networks: list[Network] = [((SMALL,) * count, (LARGE,)) for count in (1, 2, 3, 4, 5, 6)]
    events: list[TimeDone | CollabDone] = [time_done(CALL, [2000] * 5)]
    events += [time_done(BlockId("cpu0", block).text, [ns] * 5) for block, ns in ((SMALL, 52_000), (LARGE, 102_000))]
    for count, network in enumerate(networks, start=1):
        slow = 2 if count == 4 else 1
        events.append(network_done(NetworkId.of("cpu0", network).text, [(10_000 + count * 60_000) * slow, 140_000]))
    result = derived(*events, plan=Plan((SMALL, LARGE), (), tuple(networks)))
    assert [entry.factor for entry in result.costs.in_network] == [pytest.approx(1.2, rel=0.02), pytest.approx(1.3, rel=0.02)]
    assert result.costs.fits[0].p95_residual > 0.1, "but the residuals tell"


def test_without_networks_a_block_adds_what_it_takes_alone() -> None:
    result = derived(time_done(CALL, [2000]), time_done(JOB, [52_000]))
    assert (result.costs.in_network, result.costs.fits) == ((), ())
    assert {unit: call.median_us for unit, call in result.costs.call_in_network.items()} == {"cpu0": 2.0}
    assert {unit: call.median_us for unit, call in result.costs.call_alone.items()} == {"cpu0": 2.0}


@given(st.integers(1000, 200_000), st.integers(1000, 200_000), st.integers(1000, 20_000))
def test_what_a_block_adds_is_what_the_fit_was_made_with(small_ns: int, large_ns: int, call_ns: int) -> None:
    """Also of blocks that take no longer than a call: they add next to nothing, and no sample's spread."""
    whole: Network = ((LARGE, SMALL),)
    events: list[TimeDone | CollabDone] = [time_done(CALL, [call_ns, call_ns + 300, call_ns + 2000])]
    events += [time_done(BlockId("cpu0", block).text, [ns] * 3) for block, ns in ((SMALL, small_ns), (LARGE, large_ns))]
    events.append(network_done(NetworkId.of("cpu0", whole).text, [small_ns + large_ns]))
    result = derived(*events, plan=Plan((SMALL, LARGE), (), (whole,)))
    factors = {entry.size: entry.factor for entry in result.costs.in_network}
    marginals = {row.block: row.marginal_us for row in result.blocks}
    for block, ns in ((SMALL, small_ns), (LARGE, large_ns)):
        alone_us = max((ns - call_ns - 300) / 1000, LEAST_ALONE_US)
        assert marginals[block.key] == pytest.approx(alone_us * factors[block.in_shapes[0][1]], rel=1e-9)
    added = sum(us for us in marginals.values() if us is not None)
    off = abs(result.costs.call_in_network["cpu0"].median_us + added - (small_ns + large_ns) / 1000) / ((small_ns + large_ns) / 1000)
    assert result.costs.fits[0].median_residual == pytest.approx(off, abs=1e-9), "the fit's own residual, from rows alone"


def test_factors_are_those_of_the_most_similar_piece() -> None:
    contexts = [
        NetworkFactor("cpu0", name, size, factor, 9) for name, size, factor in (("mbconv", 7, 1.1), ("mbconv", 56, 1.4), ("head", 7, 1.5))
    ]
    assert in_network_factor(contexts, "cpu0", parse_key("mbconv_14_k3s1_16-32-16_relu6")) == 1.1
    assert in_network_factor(contexts, "cpu0", parse_key("mbconv_112_k3s1_16-32-16_relu6")) == 1.4
    assert in_network_factor(contexts, "cpu0", parse_key("add_56_16x2")) == 1.4
    assert in_network_factor(contexts, "cpu0", parse_key("head_14_k1s1_16-32-10_relu6")) == 1.5
    assert in_network_factor(contexts, "cpu1", parse_key("add_56_16x2")) == 1.0
