"""Exact splits as a user has them, on the real device: profiled, placed, exported and run, with the whole network's outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graph.plan_file import read_plan
from graph.reading import read_network
from graph.splitting.cutting import Splittable
from graph.splitting.split import Split
from lut.tables import load_tables
from profiler.request import load_request
from tests.graph.sample import Sample
from tests.profiler.test_run import run

UNITS = ("--unit", "cpu:cores=0", "--unit", "cpu:cores=1")
WITHIN = 1e-5
"""Sums of shares are rounded otherwise than the whole's, by less than this part of the output's range."""


@pytest.fixture(scope="module", name="network")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inverted bottlenecks with residuals, one of them with a strided padding before its channel-wise layer."""
    sample = Sample()
    x = sample.input((1, 16, 16, 16))
    for _ in range(2):
        y = sample.conv(x, 96, kernel=1)
        y = sample.op(
            "DEPTHWISE_CONV_2D",
            [y, sample.weights(1, 3, 3, 96), sample.weights(96)],
            (1, 16, 16, 96),
            table="DepthwiseConv2DOptions",
            options={"strideW": 1, "strideH": 1, "depthMultiplier": 1, "fusedActivationFunction": 3},
        )
        x = sample.add(x, sample.conv(y, 16, kernel=1))
    path = tmp_path_factory.mktemp("network") / "bottlenecks.tflite"
    path.write_bytes(sample.bytes(x))
    return path


@pytest.fixture(scope="module", name="profiled")
def split_profile(runner: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("luts") / "bottlenecks"
    said = json.loads(run("profiler.run", "--model", network, "--out", out, *UNITS, "--grain", 1, "--quick", "--splits", "--json"))
    assert said["complete"] is True
    assert said["failed"] == 0
    return out


def splittable(network: Path) -> Splittable:
    return Splittable(read_network(network), name="bottlenecks", grain_us=1.0)


def test_arms_have_rows_on_every_unit(profiled: Path, network: Path) -> None:
    of = splittable(network)
    request = load_request(profiled)
    assert request.network is not None
    assert {split.opens for split in request.network.splits} == set(of.stretches)
    assert any(split.groups[0] == split.groups[1] for split in request.network.splits), "halves are always among them"
    rows = {(row.unit, row.block) for row in load_tables(profiled).blocks}
    for split in request.network.splits:
        for block in of.cut([split]).cut.opaque:
            assert {("cpu0", block.key), ("cpu1", block.key)} <= rows
    said = load_tables(profiled).meta.settings["network"]["splits"]
    assert [Split(entry["opens"], tuple(entry["groups"])) for entry in said] == list(request.network.splits)


def test_a_profile_goes_on_with_its_splits(profiled: Path) -> None:
    before = load_request(profiled)
    said = json.loads(run("profiler.run", "--out", profiled, "--resume", "--json"))
    assert said["complete"] is True
    assert load_request(profiled) == before
    assert load_request(profiled).network.splits == before.network.splits  # type: ignore[union-attr]


def with_splits(of: Splittable, document: dict[str, Any]) -> dict[str, Any]:
    """Every stretch of a network in halves on two units, whatever pays: as a plan."""
    made = of.cut(Split(opens, (stretch.groups // 2, stretch.groups - stretch.groups // 2)) for opens, stretch in of.stretches.items())
    return document | {
        "splits": [{"opens": opens, "groups": [s.groups // 2, s.groups - s.groups // 2]} for opens, s in of.stretches.items()],
        "blocks": [
            {"identity": block.identity, "label": "made", "unit": "cpu1" if arm == 1 else "cpu0"}
            for block, arm in zip(made.cut.opaque, made.arms, strict=True)
        ],
    }


def test_splits_are_exported_and_compute_what_the_network_does(profiled: Path, network: Path, tmp_path: Path) -> None:
    plan, bundle = tmp_path / "found.plan.json", tmp_path / "bundle"
    said = json.loads(run("search.place", "--lut", profiled, "--model", network, "--grain", 1, "--out", plan, "--json"))
    assert said["splits_measured"] == len(load_request(profiled).network.splits)  # type: ignore[union-attr]
    assert [split["opens"] for split in said["splits"]] == [split.opens for split in read_plan(plan).splits]
    plan.write_text(json.dumps(with_splits(splittable(network), json.loads(plan.read_text()))))
    exported = json.loads(run("exporters.run", "--model", network, "--plan", plan, "--out", bundle, "--json"))
    assert {segment["unit"] for segment in exported["segments"]} == {"cpu0", "cpu1"}
    assert (bundle / "network.tflite").read_bytes() == network.read_bytes()
    deployed = json.loads(run("android_harness.deploy", bundle, *UNITS, "--json"))
    assert 0 <= deployed["output_error"] <= WITHIN


def test_splits_are_refused_where_they_cannot_be_measured(network: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    assert "is for a .tflite" in run("profiler.run", "--out", out, "--model", "micro_v2", "--splits", status=2)
    assert "measured when all else is" in run("profiler.run", "--out", out, "--model", network, "--splits", "--budget", "10s", status=2)
    assert not out.exists()
