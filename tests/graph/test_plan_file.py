"""Plan files: read as they were written, and refused where they are damaged or of another network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collab.errors import NetworkError
from graph.format.writing import model_bytes
from graph.plan_file import PlacementPlan, PlannedBlock, network_sum, read_plan
from graph.reading import read_network
from graph.scheduling import CutNetwork
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE
from tests.graph.samples import written


@dataclass(frozen=True)
class Made:
    cut: CutNetwork
    plan: PlacementPlan


def made(folder: Path, seed: int = 3) -> Made:
    path = written(folder, model_bytes(random_network(seed), NO_SOURCE), f"{seed}.tflite")
    cut = CutNetwork(read_network(path), name="made", grain_us=0.0)
    plan = PlacementPlan(
        format=1,
        model="made",
        sha256=network_sum(cut),
        grain_us=0.0,
        units={"cpu0": "cpu:cores=0", "gpu0": "gpu"},
        objective="latency",
        predicted_us=5.0,
        alone_us={"cpu0": 6.0},
        is_proven=True,
        blocks=tuple(PlannedBlock(block.identity, "made", "cpu0") for block in cut.opaque),
    )
    return Made(cut, plan)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = made(tmp_path)
    path = tmp_path / "made.plan.json"
    path.write_text(found.plan.to_json())
    assert read_plan(path) == found.plan
    read_plan(path).require_fit(found.cut)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format"),
        ({"grain_us": -1}, "grain_us"),
        ({"predicted_us": 1e99}, "predicted_us"),
        ({"units": {}}, "units"),
        ({"units": {"cpu0": "warp:drive", "gpu0": "gpu"}}, "unknown kind"),
        ({"units": {"cpu0": "cpu", "../x": "cpu"}}, "is no unit of it"),
        ({"alone_us": {"npu0": 1.0}}, "is no unit of it"),
        ({"blocks": []}, "blocks"),
        ({"blocks": [{"identity": "0" * 32, "label": "x", "unit": "npu0"}]}, r"blocks\[0\]: its unit is none of cpu0, gpu0"),
        ({"blocks": [{"identity": "0" * 31, "label": "x", "unit": "cpu0"}]}, "identity"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_plan_is_one_sentence(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "made.plan.json"
    path.write_text(json.dumps(json.loads(made(tmp_path).plan.to_json()) | change))
    with pytest.raises(NetworkError, match=said) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)


def test_a_plan_of_another_network_or_other_blocks_is_refused(tmp_path: Path) -> None:
    one, other = made(tmp_path, 3), made(tmp_path, 4)
    with pytest.raises(NetworkError, match="is another file"):
        one.plan.require_fit(other.cut)
    coarser = CutNetwork(one.cut.network, name="made", grain_us=1e6)
    assert len(coarser.blocks) < len(one.cut.blocks)
    with pytest.raises(NetworkError, match="has other blocks than"):
        one.plan.require_fit(coarser)
