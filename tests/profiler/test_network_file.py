"""Networks of others in a profile: planned, sliced and kept; another file in its place is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collab.blocks import parse_any_key
from collab.errors import ConfigError, TableError
from collab.tensors.opaque import Opaque
from graph.cuts import Cutter
from graph.format.writing import model_bytes
from graph.identity import identity_of
from graph.reading import read_network
from lut.prediction.interpolate import bracket
from lut.tables import NETWORK_FILE
from profiler.job_ids import BlockId, parse_job_id
from profiler.models import Models
from profiler.network_file import NetworkFile, handed_over, is_network_file, open_network
from profiler.request import PLAN_FILE, load_request
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE
from tests.graph.samples import records, residual
from tests.profiler.made_events import BLOCK_PLAN, request
from tests.profiler.test_request import change_plan


@pytest.fixture(name="path")
def residual_file(tmp_path: Path) -> Path:
    path = tmp_path / "residual.tflite"
    path.write_bytes(model_bytes(residual(), NO_SOURCE))
    return path


def opened(path: Path) -> NetworkFile:
    return open_network(path, grain_us=0.0)


def test_a_plan_has_every_block_once_and_whatever_passes_between_two(path: Path) -> None:
    plan = opened(path).plan()
    network = read_network(path)
    blocks = Cutter(network, grain_us=0.0).blocks()
    assert {block.identity for block in plan.blocks if isinstance(block, Opaque)} == {identity_of(network, block) for block in blocks}
    assert len(set(plan.blocks)) == len(plan.blocks) == len(plan.described) > 2
    taken = {tensor for block in blocks for tensor in block.inputs}
    passed = {network.tensors[tensor].size_bytes for block in blocks for tensor in block.outputs if tensor in taken}
    assert {4 * shape[3] for shape in plan.transfers} == passed
    assert [len(piece) for piece in plan.networks[1]] == [len(blocks)]
    last = plan.described[-1]
    assert (last.out_shape, last.dtype) == ("1x5", "float32")
    assert all(entry.label and entry.in_shape for entry in plan.described)


def test_types_that_differ_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "packed.tflite"
    path.write_bytes(model_bytes(records()["uint8"], NO_SOURCE))
    [first, *_] = open_network(path, grain_us=0.0).plan().described
    assert first.dtype == "float32;uint8"


@pytest.mark.parametrize("sizes", [{1}, {3, 5}, {4}, {7, 1000, 64}, set(range(1, 4000, 7)), {10**9}])
def test_every_size_lies_between_two_that_are_handed_over(sizes: set[int]) -> None:
    found = sorted(4 * shape[3] for shape in handed_over(sizes))
    assert len(found) <= 32
    assert all(bracket(found, max(size, 4)) is not None for size in sizes)


def test_nothing_is_handed_over_of_a_network_in_one_block() -> None:
    assert handed_over([]) == ()


def test_a_block_is_written_as_its_slice(path: Path, tmp_path: Path) -> None:
    file = opened(path)
    models = Models(tmp_path, file=file)
    for block in file.plan().blocks:
        job = parse_job_id(f"block/cpu0/{block.key}")
        assert job == BlockId("cpu0", block)
        sliced = read_network(models.of(job))
        [whole] = Cutter(sliced, grain_us=1e9).blocks()
        assert identity_of(sliced, whole) == block.key.split("_")[1]


def test_a_block_that_no_network_at_hand_has_is_told(path: Path, tmp_path: Path) -> None:
    other = parse_any_key(f"opaque_{'0' * 32}_1-2-3_1x4_1x4")
    with pytest.raises(ConfigError, match=r"no block of residual\.tflite.*models=.*grain_us="):
        Models(tmp_path, file=opened(path)).of(BlockId("cpu0", other))
    with pytest.raises(ConfigError, match=r"not at hand.*models="):
        Models(tmp_path).of(BlockId("cpu0", other))


def test_a_network_is_kept_as_it_was_read(path: Path, tmp_path: Path) -> None:
    content, file = path.read_bytes(), opened(path)
    path.write_bytes(model_bytes(random_network(1), NO_SOURCE))
    folder = tmp_path / "profile"
    folder.mkdir()
    file.keep(folder)
    assert (folder / NETWORK_FILE).read_bytes() == content
    kept = replace(file, path=folder / NETWORK_FILE)
    kept.keep(folder)
    assert kept.plan() == file.plan()


def test_another_network_in_its_place_is_refused(path: Path) -> None:
    file = replace(opened(path), path=path)
    path.write_bytes(model_bytes(random_network(1), NO_SOURCE))
    with pytest.raises(TableError, match=r"is not the network that was profiled.*models="):
        file.plan()


def test_requests_with_a_network_are_read_as_they_were_saved(path: Path, tmp_path: Path) -> None:
    file = opened(path)
    asked = replace(request(BLOCK_PLAN.merged(file.plan())), network=file)
    asked.save(tmp_path)
    found = load_request(tmp_path)
    assert found == asked
    assert found.network is not None
    assert found.network.path == tmp_path / NETWORK_FILE
    document = json.loads((tmp_path / PLAN_FILE).read_text())["network"]
    for network, reason in (
        (None, "a piece of a network that is not described"),
        ({**document, "blocks": document["blocks"][1:]}, "a piece of a network that is not described"),
        ({**document, "sha256": "x"}, "sha256"),
        ({**document, "grain_us": -1}, "grain_us"),
        ({**document, "blocks": [{**document["blocks"][0], "block": "add_8_4x2"}]}, "a key that is none"),
    ):
        change_plan(tmp_path, network=network)
        with pytest.raises(TableError, match=rf"{reason}.*profile into another folder"):
            load_request(tmp_path)


def test_networks_are_told_from_configs_by_their_files_names() -> None:
    assert is_network_file("a/b.TFLITE")
    assert not is_network_file("mobilenet_v2")
    assert not is_network_file("a.json")
