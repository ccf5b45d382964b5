"""Phases of a profile: which jobs are visited side by side, and which make all rounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from android_harness.protocol.phases import CollabJob, TimeJob
from collab import config as configs
from collab.tensors.opaque import Opaque
from collab.units import UnitSpec, parse_unit
from profiler.effort import FULL, QUICK
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import LoadedId, NetworkId, RehearsalId
from profiler.models import Models
from profiler.phases import block_ids, groups_of, is_common, make_phase, rehearsal_ids
from profiler.plan import Plan, network_name
from profiler.rehearsal import draw_rehearsals
from tests.profiler.made_events import BLOCK, LARGE, UNITS

NETWORKS = (((BLOCK,), (BLOCK,)), ((LARGE,),), ((BLOCK,),))
PLAN = Plan((BLOCK,), (), NETWORKS)


def test_a_network_alone_and_under_every_load_are_visited_side_by_side() -> None:
    groups = groups_of(block_ids(PLAN, UNITS))
    for unit, other in (("cpu0", "cpu1"), ("cpu1", "cpu0")):
        for network in NETWORKS[:2]:
            loaded = [LoadedId.of(unit, other, network, load) for load in NETWORKS[:2]]
            group = f"beside/{unit}/{network_name(network)}"
            assert {job for job, its in groups.items() if its == group} == {NetworkId.of(unit, network), *loaded}
    assert len(set(groups.values())) == 4


def test_of_a_network_of_others_the_first_alone_is_a_load() -> None:
    block = Opaque("0" * 32, 1, 2, 3, 1, 4, 1, 4)
    networks = (((block,), (block,)), ((block, block),))
    jobs = block_ids(Plan((block,), (), networks), UNITS)
    assert [job for job in jobs if isinstance(job, NetworkId)] == [NetworkId.of(unit, network) for unit in UNITS for network in networks]
    loaded = [LoadedId.of(unit, other, networks[0], networks[0]) for unit, other in (("cpu0", "cpu1"), ("cpu1", "cpu0"))]
    assert [job for job in jobs if isinstance(job, LoadedId)] == loaded
    assert is_common(NetworkId.of("cpu0", networks[0]), Plan((), (), networks))
    assert not is_common(NetworkId.of("cpu0", networks[1]), Plan((), (), networks))


def test_what_is_not_there_is_in_no_group() -> None:
    units: dict[str, UnitSpec] = {"cpu0": UNITS["cpu0"], "gpu0": parse_unit("gpu")}
    assert {group.split("/")[1] for group in groups_of(block_ids(PLAN, units)).values()} == {"cpu0"}, "a GPU is loaded all the time"
    assert groups_of(block_ids(PLAN, {"cpu0": UNITS["cpu0"]})) == {}
    loaded = [job for job in block_ids(PLAN, UNITS) if isinstance(job, LoadedId) and job.unit == "cpu1"]
    assert set(groups_of(loaded)) == set(loaded), "the network alone may have been measured before"


def test_jobs_carry_their_group_and_how_they_warm_up(tmp_path: Path) -> None:
    phase = make_phase("p", block_ids(PLAN, UNITS), UNITS, FULL, Models(tmp_path, NETWORKS), rounds=3, seed=1)
    groups = {job.id: job.group for job in phase.jobs}
    assert {name for name, group in groups.items() if group} == {job.text for job in groups_of(block_ids(PLAN, UNITS))}
    assert phase.sentinel is not None
    assert not any(groups[name] for name in phase.sentinel.jobs)
    for job in phase.jobs:
        if isinstance(job, TimeJob):
            assert (job.warmup, job.warmup_us, job.warmup_limit_us, job.runs) == (2, 300, 1_000, 3)
        else:
            assert isinstance(job, CollabJob)
            assert (job.warmup, job.warmup_us, job.warmup_limit_us, job.runs) == (3, 0, 30_000, 2)


def test_no_effort_s_limit_is_below_its_floor() -> None:
    for effort in (FULL, QUICK):
        assert effort.warmup_us < effort.warmup_limit_us < effort.network_warmup_limit_us
        assert effort.network_warmup >= 3, "the first run tells nothing, and two are compared"


def test_what_is_in_every_prediction_makes_all_rounds(tmp_path: Path) -> None:
    plan = replace(PLAN, rehearsals=tuple(draw_rehearsals(configs.load("mini_v2"), 2)))
    ids = [*block_ids(plan, UNITS), *rehearsal_ids(plan, UNITS, HandoverSetting())]
    models = Models(tmp_path, plan.networks, plan.rehearsals)
    common = [job for job in ids if is_common(job, plan)]
    phase = make_phase("p", ids, UNITS, FULL, models, rounds=3, seed=1, common=common)
    through = {job.id for job in phase.jobs if not job.settles}
    assert through == {job.text for job in common}
    assert {type(job) for job in common} == {NetworkId, LoadedId, RehearsalId}
    assert {job.network for job in common if isinstance(job, NetworkId)} == {network_name(network) for network in NETWORKS[:2]}
    documents = [job.to_document() for job in phase.jobs]
    assert {document["id"] for document in documents if document.get("settles") is False} == through
