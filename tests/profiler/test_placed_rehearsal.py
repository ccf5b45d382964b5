"""Rehearsals of a network's own blocks: the same in every plan, read as they were written, and run as placed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collab.errors import TableError
from exporters.interpret import run_model
from exporters.manifests.reading import load_manifest
from exporters.references import difference, read_tensor
from graph.format.writing import model_bytes
from graph.random_placements import random_placements
from profiler.job_ids import RehearsalId
from profiler.limits import why_impossible
from profiler.models import Models
from profiler.network_file import NetworkFile, open_network
from profiler.placed_rehearsal import SEED, PlacedRehearsal
from profiler.plan import COARSE_NETWORK, FULL_NETWORK
from profiler.request import PLAN_FILE, load_request
from tests.graph.sample import NO_SOURCE
from tests.graph.samples import records, residual
from tests.profiler.made_events import BLOCK_PLAN, request
from tests.profiler.test_request import change_plan


@pytest.fixture(name="file")
def residual_network(tmp_path: Path) -> NetworkFile:
    path = tmp_path / "residual.tflite"
    path.write_bytes(model_bytes(residual(), NO_SOURCE))
    return open_network(path, grain_us=0.0)


def job(name: str) -> RehearsalId:
    return RehearsalId("cpu0", "gpu0", name, "shared", "spin")


def test_every_plan_has_the_same_ones_from_few_switches_to_many(file: NetworkFile) -> None:
    found = file.plan(COARSE_NETWORK).rehearsals
    assert len(found) == COARSE_NETWORK.rehearsals < len(file.plan(FULL_NETWORK).rehearsals)
    assert found == file.plan(COARSE_NETWORK).rehearsals
    assert len({rehearsal.name for rehearsal in found}) == len(found)
    placed = random_placements(file.cut, ("cpu0", "gpu0"), len(found), seed=SEED)
    assert [rehearsal.on("cpu0", "gpu0") for rehearsal in found if isinstance(rehearsal, PlacedRehearsal)] == placed


@pytest.mark.parametrize("roles", ["", "0", "00", "11", "01x", "012"])
def test_what_places_nothing_on_two_units_is_refused(roles: str) -> None:
    with pytest.raises(ValueError, match="digit for each of its blocks"):
        PlacedRehearsal(roles)


@pytest.mark.parametrize("name", ["residual", "int8"])
def test_one_is_written_as_it_is_placed_and_computes_what_the_network_does(name: str, tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(residual() if name == "residual" else records()[name], NO_SOURCE))
    file = open_network(path, grain_us=0.0)
    rehearsals = file.plan(COARSE_NETWORK).rehearsals[:4]
    assert rehearsals
    models = Models(tmp_path, rehearsals=rehearsals, file=file)
    for rehearsal in rehearsals:
        folder = models.of(job(rehearsal.name)).parent
        manifest = load_manifest(folder)
        assert set(manifest.units) == {"cpu0", "gpu0"}
        given = [read_tensor(folder / entry.file, entry.type) for entry in manifest.inputs]
        for found, entry in zip(run_model(path.read_bytes(), given), manifest.outputs, strict=True):
            assert difference(found, read_tensor(folder / entry.file, entry.type)) < 1e-5


def test_they_are_read_as_they_were_saved(file: NetworkFile, tmp_path: Path) -> None:
    asked = replace(request(BLOCK_PLAN.merged(file.plan(COARSE_NETWORK))), network=file)
    asked.save(tmp_path)
    assert load_request(tmp_path) == asked
    document = json.loads((tmp_path / PLAN_FILE).read_text())["network"]
    assert document["rehearsals"]
    change_plan(tmp_path, network={**document, "rehearsals": ["0000"]})
    with pytest.raises(TableError, match=r"digit for each of its blocks.*profile into another folder"):
        load_request(tmp_path)


def test_a_plan_of_the_format_before_has_none_of_its_network(file: NetworkFile, tmp_path: Path) -> None:
    replace(request(BLOCK_PLAN.merged(file.plan(COARSE_NETWORK))), network=file).save(tmp_path)
    network = json.loads((tmp_path / PLAN_FILE).read_text())["network"]
    change_plan(tmp_path, format=5, network={key: value for key, value in network.items() if key != "rehearsals"})
    found = load_request(tmp_path)
    assert found.plan.rehearsals == ()
    assert found.plan.networks == file.plan(COARSE_NETWORK).networks


def test_one_of_other_blocks_is_told(file: NetworkFile) -> None:
    with pytest.raises(TableError, match=r"places 2 blocks, and residual\.tflite is cut into"):
        file.schedule(PlacedRehearsal("01"), "cpu0", "gpu0")


def test_one_that_does_not_fit_is_told(file: NetworkFile) -> None:
    plan = file.plan(COARSE_NETWORK)
    found = job(plan.rehearsals[0].name)
    assert why_impossible(found, 1 << 30, plan) is None
    assert "there is room for" in (why_impossible(found, 64, plan) or "")
