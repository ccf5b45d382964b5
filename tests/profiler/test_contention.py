from __future__ import annotations

import msgspec
import pytest

from collab import config as configs
from collab.units import parse_unit
from profiler.job_ids import LoadedId, NetworkId
from profiler.plan import Network, Plan, base_chain, pieces_of
from profiler.samples import SampleStore
from profiler.tabulate import derive
from tests.profiler.made_events import LARGE, SMALL, UNITS, derived, network_done


def test_contention_is_loaded_against_alone_by_class() -> None:
    chain = base_chain(configs.load("mini_v2"))
    network = pieces_of(chain)
    alone = [100_000] * len(network)
    loaded = [125_000] + [150_000] * (len(network) - 2) + [300_000]
    events = [
        network_done(NetworkId.of("cpu0", network).text, alone),
        network_done(LoadedId.of("cpu0", "cpu1", network, network).text, loaded),
    ]
    found = {(e.unit, e.other, e.block_class): (e.factor, e.n) for e in derived(*events, plan=Plan((), (), (network,))).contention}
    assert found["cpu0", "cpu1", "mbconv"] == (pytest.approx((1.25 + 1.5 * (len(network) - 2)) / (len(network) - 1)), 3)
    assert found["cpu0", "cpu1", "stem"] == (pytest.approx(1.25), 3)
    assert found["cpu0", "cpu1", "head"] == (pytest.approx(3.0), 3)
    assert found["cpu0", "cpu1", "sync"] == (pytest.approx(sum(loaded) / sum(alone)), 3)
    assert not any(unit == "cpu1" for unit, _, _ in found)


def test_the_load_is_the_network_that_keeps_the_other_unit_at_work_about_as_long() -> None:
    base, narrow = ((LARGE,), (SMALL,)), ((SMALL,), (SMALL,))
    events = [network_done(NetworkId.of("cpu0", base).text, [100_000, 100_000])]
    events += [
        network_done(NetworkId.of("gpu0", network).text, runs) for network, runs in ((base, [4_000_000] * 2), (narrow, [150_000] * 2))
    ]
    for load, factor in ((base, 3), (narrow, 2)):
        events.append(network_done(LoadedId.of("cpu0", "gpu0", base, load).text, [100_000 * factor] * 2))
    store = SampleStore()
    store.add_all(events)
    units = {"cpu0": UNITS["cpu0"], "gpu0": parse_unit("gpu")}
    found = derive(store, units, Plan((), (), (base, narrow)), runtime="r", settings={}).contention
    assert {(entry.unit, entry.other, entry.factor) for entry in found} == {("cpu0", "gpu0", 2.0)}


def test_turns_on_a_core_count_by_their_mean() -> None:
    """Nine of ten runs of a short piece meet nobody; the tenth waits for a turn of ten times its length. The median would see nothing."""
    network: Network = ((SMALL,),)
    events = [network_done(NetworkId.of("cpu0", network).text, [100_000]) for _ in range(10)]
    turns = network_done(LoadedId.of("cpu0", "cpu1", network, network).text, [100_000])
    end_ns = list(turns.end_ns)
    end_ns[1] = (turns.end_ns[1][0], turns.end_ns[1][1], turns.end_ns[1][2] + 300_000)
    events += [msgspec.structs.replace(turns, end_ns=tuple(end_ns)) for _ in range(10)]
    [mbconv, _] = derived(*events, plan=Plan((), (), (network,))).contention
    assert mbconv.factor == pytest.approx(2.0)
