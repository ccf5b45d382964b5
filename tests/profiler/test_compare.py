"""How drift and repeatability are derived, on events whose times are given."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from android_harness.protocol.journal import CollabDone, TimeDone, TimeSamples
from android_harness.protocol.phases import Phase, TimeJob
from collab import config as configs
from collab.placement import parse_placement
from collab.variants import collaborative
from lut.entries import Timed
from lut.meta import Meta
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from profiler.candidates import ConfigCandidate
from profiler.compare import Comparison, Trial, trial_phase
from profiler.compare import compared as compare_candidate
from profiler.plan import COARSE, plan_model
from profiler.samples import SampleStore
from tests.android_harness.bundles.made_visits import collab_done
from tests.lut.made_tables import THREE_UNITS, made_meta, made_tables

UNITS = ("cpu0", "cpu1")


def sentinel_done(unit: str, t_ns: int, run_ns: int) -> TimeDone:
    samples = TimeSamples(*[(run_ns,) * 3] * 5)
    return TimeDone(f"sentinel/{unit}", 0, t_ns, None, None, True, samples, (), None)


BASE = configs.load("mini_v2")
CANDIDATE = ConfigCandidate("x", collaborative(BASE, "nnnnnna"), parse_placement("", branches=2))
META = made_meta(
    sentinels={unit: Timed(100.0, 1.0, 1.0, 9, 9) for unit in UNITS},
    network_runs={unit: Timed(2000.0, 40.0, 9.0, 9, 9) for unit in UNITS},
)


@pytest.fixture(name="costs")
def made_costs() -> Costs:
    plan = plan_model(BASE, COARSE)
    made = made_tables(plan.blocks, plan.transfers, lambda unit, block: 10.0)
    return Costs(replace(made, meta=META), source="x")


def compared(costs: Costs, *events: CollabDone | TimeDone) -> Comparison:
    prediction = predict(CANDIDATE.config, CANDIDATE.placement, costs)
    return compare_candidate(CANDIDATE, prediction, 0, store_of(*events), costs, 0.0)


def store_of(*events: CollabDone | TimeDone) -> SampleStore:
    store = SampleStore()
    store.add_all(events)
    return store


BUNDLE = [collab_done("collab/0/a", 100, [1_200_000]), collab_done("collab/0/b", 300, [1_300_000])]


def test_both_sentinels_tell_drift_around_the_visits_by_how_well_they_know(costs: Costs) -> None:
    # The network took 2000 us with the tables; cpu0 now from 2400 at the time 0 to 3000 at 400: 2550 and 2850 at the bundle's visits.
    networks = [collab_done("sentinel/network/cpu0", t, [ns, ns]) for t, ns in ((0, 1_200_000), (200, 1_350_000), (400, 1_500_000))]
    networks += [collab_done("sentinel/network/cpu1", t, [1_000_000, 1_000_000]) for t in (0, 200, 400)]
    sentinels = [sentinel_done(unit, t, 110_000) for unit in UNITS for t in (0, 200, 400)]
    result = compared(costs, *BUNDLE, *networks, *sentinels)
    assert result.network_drift == pytest.approx({"cpu0": 2700 / 2000, "cpu1": 1.0})
    assert result.sentinel_drift == pytest.approx(dict.fromkeys(UNITS, 1.1))
    # Of three visits, the first and the last are 600 us apart: 2 x 1.1503 standard errors. The tables know the network to 2 %.
    error = math.hypot(600 / (2 * 1.1503493803760083) / 2700, 0.02)
    block_weight = 1 / (0.01**2 + 0.05**2)
    drift = {
        "cpu0": math.exp((math.log(1.35) / error**2 + math.log(1.1) * block_weight) / (1 / error**2 + block_weight)),
        "cpu1": 1.0,  # 1.3 % slower, known to 1.9 %
    }
    assert result.drift == pytest.approx(drift)
    assert result.result.measured.median_us == pytest.approx(1250)
    assert result.error == pytest.approx(result.prediction.total_us / 1250 - 1)
    assert result.repeatability == pytest.approx(100 / 1250)
    slowed = predict(CANDIDATE.config, CANDIDATE.placement, costs.slowed(drift)).total_us
    assert result.corrected_us == pytest.approx(slowed)
    assert result.prediction.total_us < slowed < result.prediction.total_us * 1.35
    assert result.error_drift_corrected == pytest.approx(slowed / 1250 - 1)


def test_without_a_network_the_block_tells_drift(costs: Costs) -> None:
    sentinels = [sentinel_done(unit, t, ns) for t in (0, 200, 400) for unit, ns in (("cpu0", 108_000), ("cpu1", 130_000))]
    # A block is up to 5 % from what a model feels, so that 8 % may be nothing.
    assert compared(costs, *BUNDLE, *sentinels).drift == pytest.approx({"cpu0": 1.0, "cpu1": 1.3})


def test_without_any_sentinel_there_is_no_drift(costs: Costs) -> None:
    result = compared(costs, *BUNDLE)
    assert result.corrected_us == pytest.approx(result.prediction.total_us)


def test_outputs_that_differ_are_counted(costs: Costs) -> None:
    def distinct(*visits: CollabDone) -> int:
        return compared(costs, *visits).result.distinct_outputs

    assert distinct(*BUNDLE) == 1
    assert distinct(BUNDLE[0], collab_done("collab/0/b", 1, [5000], output_hash="bb")) == 2
    assert distinct(BUNDLE[0], collab_done("collab/0/b", 1, [5000], distinct=3)) >= 3


def made_trial(meta: Meta, placement: str, folder: Path) -> Phase:
    """The phase that runs a bundle on the units of a placement."""
    costs = Costs(replace(made_tables([], [], lambda unit, block: 10.0), meta=meta), source="x")
    units = {name: costs.unit(name) for name in placement.split(",")}
    return trial_phase({folder / "bundle": 1}, units, costs, Trial(), folder)


def sentinels_of(phase: Phase) -> dict[str, TimeJob]:
    return {job.id: job for job in phase.jobs if isinstance(job, TimeJob)}


def test_tables_are_compared_by_the_sentinel_block_that_they_were_made_with(tmp_path: Path) -> None:
    meta = replace(META, sentinel_block="mbconv_8_k3s1_8-16-8_relu", network=())
    jobs = sentinels_of(made_trial(meta, "cpu0,cpu1", tmp_path))
    assert {job.model.name for job in jobs.values()} == {"mbconv_8_k3s1_8-16-8_relu.tflite"}
    assert jobs.keys() == {"sentinel/cpu0", "sentinel/cpu1"}
    assert all(job.model.is_file() for job in jobs.values())


def test_a_unit_is_compared_beside_the_one_that_it_was_timed_beside(tmp_path: Path) -> None:
    meta = replace(META, units=THREE_UNITS, timed_beside={"gpu0": "cpu1"}, network=())
    both = made_trial(meta, "cpu0,gpu0", tmp_path)
    assert [load.unit for load in sentinels_of(both)["sentinel/gpu0"].load] == ["cpu1"]
    assert both.units.keys() == {"cpu0", "gpu0", "cpu1"}, "the load needs its unit, too"
    assert sentinels_of(both).keys() == {"sentinel/cpu0", "sentinel/gpu0"}
    alone = made_trial(replace(meta, timed_beside={}), "cpu0,gpu0", tmp_path)
    assert sentinels_of(alone)["sentinel/gpu0"].load == ()
    assert alone.units.keys() == {"cpu0", "gpu0"}
