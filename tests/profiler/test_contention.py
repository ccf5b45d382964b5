from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_harness.protocol.journal import FORMAT, CollabDone, Event, Outputs, PhaseStarted, StepLabel
from collab import config as configs
from collab.units import UnitSpec, parse_unit
from lut.entries import Contention
from lut.statistics import Z95
from profiler.contention import FEWEST_PAIRS, contention_factors, in_words
from profiler.job_ids import JobId, LoadedId, NetworkId, SentinelId
from profiler.plan import Network, Plan, base_chain, pieces_of
from profiler.samples import SampleStore
from tests.profiler.made_events import LARGE, SMALL, UNITS, derived, time_done

NETWORK = pieces_of(base_chain(configs.load("mini_v2")))
ALONE, LOADED = NetworkId.of("cpu0", NETWORK), LoadedId.of("cpu0", "cpu1", NETWORK, NETWORK)
ON_ONE_CORE = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=0")}

Times = npt.NDArray[np.float64]
"""What the pieces of a network took in each inference of each visit, in nanoseconds: (visits, pieces, inferences)."""


def visits(job: JobId, took_ns: Times) -> list[CollabDone]:
    """Visits of a network's job, one in each round."""
    pieces = took_ns.shape[1]
    steps = tuple(StepLabel("cpu0", f"cpu0.{piece}", "run") for piece in range(pieces))
    found = []
    for number, visit in enumerate(np.rint(took_ns).astype(int)):
        begin_ns = tuple((0,) * visit.shape[1] for _ in range(pieces))
        end_ns = tuple(tuple(piece) for piece in visit.tolist())
        found.append(CollabDone(job.text, number, 1, steps, begin_ns, end_ns, tuple(visit.sum(axis=0).tolist()), Outputs(1, "00"), {}))
    return found


def steady(piece_ns: Sequence[float], *, rounds: int = FEWEST_PAIRS) -> Times:
    """Visits of three inferences in which each piece always takes the same."""
    return np.tile(np.array(piece_ns, dtype=np.float64)[None, :, None], (rounds, 1, 3))


def factors(events: Iterable[Event], units: dict[str, UnitSpec] = UNITS, networks: Sequence[Network] = (NETWORK,)) -> dict[str, Contention]:
    """The factors of cpu0 beside cpu1, by class."""
    store = SampleStore()
    store.add_all(events)
    return {
        entry.block_class: entry for entry in contention_factors(store, networks, units) if (entry.unit, entry.other) == ("cpu0", "cpu1")
    }


def two_modes(generator: np.random.Generator, factor: float, *, rounds: int, switching: float) -> tuple[Times, Times]:
    """Visits alone and loaded on a machine that takes 1.6 times as long in half of all rounds.

    The mode changes between the two visits of a round in a share `switching` of the rounds. Visits vary by 2 % besides, pieces and
    inferences by 1 %, and every tenth inference is disturbed.
    """
    base = np.linspace(50_000, 400_000, len(NETWORK))[None, :, None]
    slow = generator.random(rounds) < 0.5
    switched = slow ^ (generator.random(rounds) < switching)

    def took(is_slow: npt.NDArray[np.bool_]) -> Times:
        level = np.where(is_slow, 1.6, 1.0) * np.exp(0.02 * generator.standard_normal(rounds))
        inferences = np.exp(0.01 * generator.standard_normal((rounds, len(NETWORK), 4)))
        disturbed = 1 + 0.5 * (generator.random((rounds, 1, 4)) < 0.1)
        found: Times = base * level[:, None, None] * inferences * disturbed
        return found

    return took(slow), factor * took(switched)


def test_contention_is_loaded_against_alone_by_class() -> None:
    alone = [100_000] * len(NETWORK)
    loaded = [125_000] + [150_000] * (len(NETWORK) - 2) + [300_000]
    events = [*visits(ALONE, steady(alone)), *visits(LOADED, steady(loaded))]
    found = {(e.unit, e.other, e.block_class): e for e in derived(*events, plan=Plan((), (), (NETWORK,))).contention}
    assert {(unit, other) for unit, other, _ in found} == {("cpu0", "cpu1")}
    expected = {
        "mbconv": (1.25 + 1.5 * (len(NETWORK) - 2)) / (len(NETWORK) - 1),
        "stem": 1.25,
        "head": 3.0,
        "sync": sum(loaded) / sum(alone),
    }
    for name, factor in expected.items():
        entry = found["cpu0", "cpu1", name]
        assert (entry.factor, entry.measured) == (pytest.approx(factor), pytest.approx(factor))
        assert (entry.n, entry.pooled) == (FEWEST_PAIRS, name == "sync")


def test_classes_that_do_not_differ_share_the_factor_of_all_pieces() -> None:
    generator = np.random.default_rng(3)
    alone, loaded = two_modes(generator, 1.3, rounds=40, switching=0.05)
    found = factors([*visits(ALONE, alone), *visits(LOADED, loaded)])
    assert all(entry.pooled for entry in found.values())
    assert len({(entry.factor, entry.measured, entry.se, entry.n) for entry in found.values()}) == 1
    loaded[:, -1] *= 1.5  # the head
    found = factors([*visits(ALONE, alone), *visits(LOADED, loaded)])
    assert not found["head"].pooled
    assert found["head"].factor == pytest.approx(1.3 * 1.5, rel=0.05)
    assert found["stem"].factor < 1.5


def test_the_load_is_the_network_that_keeps_the_other_unit_at_work_about_as_long() -> None:
    base, narrow = ((LARGE,), (SMALL,)), ((SMALL,), (SMALL,))
    units = {"cpu0": UNITS["cpu0"], "gpu0": parse_unit("gpu")}
    store = SampleStore()
    store.add_all(visits(NetworkId.of("cpu0", base), steady([100_000, 100_000])))
    for load, runs, factor in ((base, 4_000_000, 3), (narrow, 150_000, 2)):
        store.add_all(visits(NetworkId.of("gpu0", load), steady([runs] * 2)))
        store.add_all(visits(LoadedId.of("cpu0", "gpu0", base, load), steady([100_000 * factor] * 2)))
    found = contention_factors(store, (base, narrow), units)
    assert {(entry.unit, entry.other) for entry in found} == {("cpu0", "gpu0")}
    assert [entry.factor for entry in found] == pytest.approx([2.0] * len(found))


def test_turns_on_a_core_count_by_their_mean() -> None:
    """Every piece of work is done in turns of 3 ms; inferences of 1 ms meet none or one. The median would see a factor of 1."""
    generator = np.random.default_rng(5)
    turn_ns, piece_ns = 3e6, 1e6 / len(NETWORK)
    alone = steady([piece_ns] * len(NETWORK), rounds=60)
    loaded = np.empty((60, len(NETWORK), 3))
    for visit in loaded:
        left_ns = generator.uniform(0, turn_ns)  # of the turn that the visit begins in
        for inference in range(3):
            for piece in range(len(NETWORK)):
                waits = left_ns < piece_ns
                visit[piece, inference] = piece_ns + (turn_ns if waits else 0)
                left_ns += (turn_ns if waits else 0) - piece_ns
    assert np.median(np.median(loaded.sum(axis=1), axis=1)) == pytest.approx(1e6)
    events = [*visits(ALONE, alone), *visits(LOADED, loaded)]
    for entry in factors(events, ON_ONE_CORE).values():
        assert entry.factor == pytest.approx(2.0, rel=2 * (entry.se or 0))
        assert entry.se is not None
        assert entry.se < 0.15
    assert {entry.factor for entry in factors(events).values()} == {1.0}, "two cores know no turns"


@pytest.mark.parametrize(("true", "switching"), [(1.0, 0.05), (1.0, 0.4), (1.05, 0.05), (1.3, 0.2)])
def test_intervals_hold_the_true_factor_and_chance_is_seldom_taken_for_it(true: float, switching: float) -> None:
    generator = np.random.default_rng(11)
    draws, covered, proven = 120, 0, 0
    for _ in range(draws):
        alone, loaded = two_modes(generator, true, rounds=40, switching=switching)
        entry = factors([*visits(ALONE, alone), *visits(LOADED, loaded)])["sync"]
        assert entry.se is not None
        covered += abs(math.log(entry.measured / true)) <= Z95 * entry.se
        proven += entry.factor > 1
    assert covered / draws >= 0.9
    if true == 1.0:
        assert proven / draws <= 0.06  # 2.5 % are meant; 120 draws have a standard error of 1.4 %
    else:
        assert proven / draws >= 0.95


@settings(deadline=None)
@given(st.data())
def test_a_factor_is_what_was_measured_if_that_is_proven_and_else_1(data: st.DataObject) -> None:
    rounds = data.draw(st.integers(1, 10))
    shape = (rounds, len(NETWORK), 2)
    times = st.lists(st.floats(1e3, 1e6), min_size=math.prod(shape), max_size=math.prod(shape)).map(lambda flat: np.reshape(flat, shape))
    events = [*visits(ALONE, data.draw(times)), *visits(LOADED, data.draw(times))]
    for units in (UNITS, ON_ONE_CORE):
        found = factors(events, units)
        assert set(found) == {"stem", "mbconv", "head", "sync"}
        for entry in found.values():
            is_proven = entry.n >= FEWEST_PAIRS and entry.se is not None and math.log(entry.measured) > Z95 * entry.se
            assert entry.factor == pytest.approx(entry.measured if is_proven else 1.0)
            assert entry.factor >= 1.0
            assert entry.n == rounds
            assert (entry.se is None) == (rounds == 1)


def test_a_unit_that_is_faster_beside_another_one_is_not_predicted_so() -> None:
    found = factors([*visits(ALONE, steady([100_000] * len(NETWORK))), *visits(LOADED, steady([85_000] * len(NETWORK)))])
    assert {entry.factor for entry in found.values()} == {1.0}
    assert found["mbconv"].measured == pytest.approx(0.85), "but it can be looked up"


def test_few_pairs_prove_nothing() -> None:
    pieces = len(NETWORK)
    for rounds in (1, FEWEST_PAIRS - 1, FEWEST_PAIRS):
        events = [*visits(ALONE, steady([100_000] * pieces, rounds=rounds)), *visits(LOADED, steady([150_000] * pieces, rounds=rounds))]
        entry = factors(events)["mbconv"]
        assert entry.factor == (pytest.approx(1.5) if rounds == FEWEST_PAIRS else 1.0)
        assert entry.measured == pytest.approx(1.5)
        assert ("too few visits" in in_words(entry)) == (rounds < FEWEST_PAIRS)


def test_visits_are_paired_within_a_round_of_a_phase() -> None:
    """In the second phase everything takes three times as long; rounds are counted anew there."""
    pieces = len(NETWORK)

    def begun(at: int) -> PhaseStarted:
        return PhaseStarted("p", "r", "x", {}, 0, at, FORMAT)

    alone, loaded = (steady([ns] * pieces, rounds=8) for ns in (100_000, 120_000))
    both = [
        *(begun(1), *visits(ALONE, alone)[:6], *visits(LOADED, loaded)),
        *(begun(2), *visits(ALONE, 3 * alone), *visits(LOADED, 3 * loaded)[2:]),
    ]
    entry = factors(both)["mbconv"]
    assert (entry.factor, entry.n) == (pytest.approx(1.2), 12)
    apart = [begun(1), *visits(ALONE, alone), begun(2), *visits(LOADED, 3 * loaded)]
    assert factors(apart) == {}


def test_samples_are_compared_as_they_were_taken() -> None:
    """The sentinel says that the unit was twice as slow half of the time; the networks did not feel it."""
    sentinel = time_done(SentinelId("cpu0").text, [100_000])
    slower = time_done(SentinelId("cpu0").text, [200_000])
    told = [msgspec.structs.replace(slower if second >= 40 else sentinel, t_ns=second * 10**9) for second in range(80)]
    networks = [
        msgspec.structs.replace(visit, t_ns=at_s * 10**9)
        for job, ns, at_s in ((ALONE, 100_000, 10), (LOADED, 110_000, 70))
        for visit in visits(job, steady([ns] * len(NETWORK)))
    ]
    found = derived(*told, *networks, plan=Plan((), (), (NETWORK,)))
    assert found.drift["cpu0"] > 0.5
    assert [entry.factor for entry in found.contention] == pytest.approx([1.1] * 4)


@pytest.mark.parametrize(
    ("measured", "factor", "se", "n", "words"),
    [
        (1.02, 1.02, 0.005, 50, "cpu0 1.020x [1.010, 1.030] while cpu1 works"),
        (1.01, 1.0, 0.01, 50, "cpu0 none proven while cpu1 works (within +-3.0 %)"),
        (0.9, 1.0, 0.001, 50, "cpu0 none proven while cpu1 works (within +-10.2 %)"),
        (1.5, 1.0, None, 1, "cpu0 not known while cpu1 works (too few visits: 1)"),
    ],
)
def test_contention_is_told_with_its_interval(measured: float, factor: float, se: float | None, n: int, words: str) -> None:
    assert in_words(Contention("cpu0", "mbconv", "cpu1", factor, measured, se, n, pooled=True)) == words
