"""Rehearsals: the same in every plan of a model, read as they were written, and on whatever units a profile has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from collab import config as configs
from collab.errors import ConfigError
from collab.placement import Placement
from collab.units import parse_unit
from collab.variants import collaborative
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import RehearsalId, parse_job_id
from profiler.phases import rehearsal_ids
from profiler.plan import COARSE, FULL, plan_model
from profiler.rehearsal import ROLES, Rehearsal, base_of, draw_rehearsals, rehearsal_of

BASE = configs.load("mini_v2")
REHEARSALS = draw_rehearsals(BASE, 8)


def test_every_plan_of_a_model_has_the_same_ones() -> None:
    names = [rehearsal.name for rehearsal in REHEARSALS]
    assert len(set(names)) == 8
    assert [rehearsal.name for rehearsal in draw_rehearsals(BASE, 8)] == names
    assert [rehearsal.name for rehearsal in draw_rehearsals(BASE, 20)][:8] == names, "a finer grid goes on with those of a coarser one"
    assert len(plan_model(BASE, COARSE).rehearsals) == COARSE.rehearsals
    assert len(plan_model(BASE, FULL).rehearsals) == FULL.rehearsals


def test_one_is_read_as_it_was_written() -> None:
    for rehearsal in REHEARSALS:
        document = json.loads(json.dumps(rehearsal.to_document()))
        assert rehearsal_of(document["config"], document["placement"]) == rehearsal


@pytest.mark.parametrize(
    ("config", "placement", "reason"),
    [
        ({}, "0=cpu0,1=cpu1", "is missing"),
        (dict(BASE.document), "0=cpu0,1=cpu1", "2 branches"),
        (dict(REHEARSALS[0].config.document), "0=cpu0,1=gpu0", "placed on cpu0 and cpu1"),
        (dict(REHEARSALS[0].config.document), "0=cpu0,0=cpu1", "given twice"),
    ],
)
def test_what_is_none_is_refused(config: dict[str, Any], placement: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        rehearsal_of(config, placement)


def test_one_is_placed_on_any_two_units() -> None:
    placed = Rehearsal(REHEARSALS[0].config, Placement((ROLES[1], ROLES[0]), stem=None, head=1)).on("cpu0", "gpu0")
    assert placed == Placement(("gpu0", "cpu0"), stem=None, head=1)


def test_a_collaborative_model_has_those_of_its_base() -> None:
    found = base_of(collaborative(BASE, "anacnnc"))
    assert not found.is_collaborative
    assert [stage.branches for stage in found.stages] == [stage.branches for stage in BASE.stages]
    assert base_of(BASE) is BASE


def test_a_model_too_narrow_for_any_concat_has_those_without() -> None:
    narrow = {**BASE.document, "6": [[*row[:5], 4] for row in BASE.document["6"]]}
    narrow["head"] = [4, *BASE.document["head"][1:]]
    drawn = draw_rehearsals(configs.from_document(narrow), 4)
    assert drawn
    assert all(rehearsal.config.strategy.endswith("a") for rehearsal in drawn)


def test_every_two_units_rehearse() -> None:
    plan = replace(plan_model(BASE, COARSE), rehearsals=tuple(REHEARSALS[:2]))
    units = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=0-1"), "gpu0": parse_unit("gpu")}
    ids = rehearsal_ids(plan, units, HandoverSetting("condvar", "memcpy"))
    assert [job for job in ids if not isinstance(job, RehearsalId)] == []
    assert {(job.one, job.other) for job in ids if isinstance(job, RehearsalId)} == {("cpu0", "cpu1"), ("cpu0", "gpu0"), ("cpu1", "gpu0")}
    assert {(job.path, job.wait) for job in ids if isinstance(job, RehearsalId)} == {("memcpy", "condvar")}
    assert [parse_job_id(job.text) for job in ids] == ids


@pytest.mark.parametrize(
    "text",
    [
        "rehearsal/cpu0/cpu0/0123456789ab/shared/spin",
        "rehearsal/cpu0/cpu1/0123456789/shared/spin",
        "rehearsal/cpu0/cpu1/0123456789ab/readback/spin",
        "rehearsal/cpu0/cpu1/0123456789ab/shared/sleep",
        "rehearsal/0/cpu1/0123456789ab/shared/spin",
    ],
)
def test_what_names_none_is_no_id(text: str) -> None:
    assert parse_job_id(text) is None
