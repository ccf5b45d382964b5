"""A .tflite of others profiled as a user does it, on the real device: rows for every block, resuming, refusing; predictions from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collab.blocks import parse_any_key
from collab.schedule import NETWORK_INPUT, Schedule, Segment, Source
from collab.tensors.opaque import Opaque
from collab.tensors.types import TensorType
from graph.format.writing import model_bytes
from graph.plan_file import read_plan
from lut.foreign.exported_sheets import sheets
from lut.foreign.exporting import nn_meter_document
from lut.frames import frames_of
from lut.prediction.costs import Costs
from lut.prediction.program import pack, unit_operations
from lut.prediction.replay import replay
from lut.tables import NETWORK_FILE, load_tables
from profiler.baselines import ISOLATED, baselines
from profiler.request import PLAN_FILE, load_request
from report.data.sources import Profile
from report.panels.blocks import section
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import FORKED_SHAPE, forked_network
from tests.profiler.test_run import run

UNITS = ("--unit", "cpu:cores=0", "--unit", "cpu:cores=1")


@pytest.fixture(scope="module", name="network")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "forked.tflite"
    path.write_bytes(forked_network())
    return path


@pytest.fixture(scope="module", name="profiled")
def network_profile(runner: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("luts") / "forked"
    return out, json.loads(run("profiler.run", "--model", network, "--out", out, *UNITS, "--grain", 1, "--quick", "--json"))


def opaque_blocks(out: Path) -> list[Opaque]:
    return [block for block in load_request(out).plan.blocks if isinstance(block, Opaque)]


def test_every_block_has_a_row_on_every_unit(profiled: tuple[Path, dict[str, Any]], network: Path) -> None:
    out, said = profiled
    assert said["complete"] is True
    assert said["failed"] == 0
    tables = load_tables(out)
    blocks = opaque_blocks(out)
    assert len(blocks) >= 4
    assert {(row.unit, row.block) for row in tables.blocks} == {(unit, block.key) for unit in ("cpu0", "cpu1") for block in blocks}
    labels = {row.label for row in tables.blocks}
    assert all(label for label in labels)
    assert {row.dtype for row in tables.blocks} >= {"float32"}
    [last] = [row for row in tables.blocks if row.unit == "cpu0" and "int8" in row.dtype]
    assert "1x16x16x8" in last.out_shape.split(";")
    assert all(row.coverage == "full" and (row.marginal_us or 0) > 0 for row in tables.blocks)
    assert {row.bytes for row in tables.transfers} == {4 * 16 * 16 * 8}
    assert tables.meta.models == ()
    assert tables.meta.settings["network"]["name"] == "forked.tflite"
    assert {key for piece in tables.meta.network for key in piece} <= {block.key for block in blocks}
    assert {fit.unit for fit in tables.meta.fits} == {"cpu0", "cpu1"}
    assert {(entry.unit, entry.other) for entry in tables.meta.contention if entry.block_class == "opaque"} == {
        ("cpu0", "cpu1"),
        ("cpu1", "cpu0"),
    }
    assert tables.meta.deviation == {unit: pytest.approx(0, abs=1e-5) for unit in tables.meta.units}
    assert (out / NETWORK_FILE).read_bytes() == network.read_bytes()


def test_a_hand_made_schedule_of_its_blocks_is_predicted(profiled: tuple[Path, dict[str, Any]]) -> None:
    """A block on one unit, on the other, and on the first again: its operations take what the tables say, and calls come on top."""
    out, _ = profiled
    tables = load_tables(out)
    block = next(b for b in opaque_blocks(out) if (b.inputs, b.outputs, b.in_bytes, b.out_bytes) == (1, 1, 8192, 8192))
    kind = TensorType(FORKED_SHAPE)
    names = [("cpu0.0", "cpu0", NETWORK_INPUT), ("cpu1.0", "cpu1", "cpu0.0"), ("cpu0.1", "cpu0", "cpu1.0")]
    segments = tuple(Segment(name, unit, (Source(source),), (kind,), (kind,), pieces=(block,)) for name, unit, source in names)
    schedule = Schedule("chain", ("cpu0", "cpu1"), segments, (kind,), (Source("cpu0.1"),))
    costs = Costs(tables, source=str(out))
    operations = unit_operations(schedule, costs)
    rows = {row.unit: row for row in tables.blocks if row.block == block.key}
    for unit, listed in operations.items():
        found = [op.work_us for op in listed if op.what == block.key]
        assert len(found) == (2 if unit == "cpu0" else 1)
        assert min(found) > 0
        assert [op.work_us for op in listed if op.what == "call"] == [pytest.approx(costs.call_us(unit))] * len(found)
        assert costs.marginal_us(unit, block) == rows[unit].marginal_us
    program = pack([[operations[unit] for unit in schedule.units]])
    total_us = float(replay(program, costs.contention(schedule.units), costs.jitter(schedule.units)).total_us[0])
    assert total_us > sum(op.work_us for listed in operations.values() for op in listed) / 2


def test_it_goes_on_from_its_own_copy_and_takes_no_other(profiled: tuple[Path, dict[str, Any]], network: Path, tmp_path: Path) -> None:
    out, _ = profiled
    before = json.loads((out / PLAN_FILE).read_text())
    block = opaque_blocks(out)[0].key
    said = json.loads(run("profiler.run", "--out", out, "--resume", "--block", block, "--transfer-bytes", 64, "--json"))
    assert said["complete"] is True
    after = json.loads((out / PLAN_FILE).read_text())
    assert after["network"] == before["network"]
    assert after["blocks"] == before["blocks"]
    other = tmp_path / "other.tflite"
    sample = Sample(1)
    other.write_bytes(model_bytes(sample.record(sample.conv(sample.input(FORKED_SHAPE), 8, kernel=3)), NO_SOURCE))
    assert "another network, forked.tflite" in run("profiler.run", "--out", out, "--resume", "--model", other, status=2)
    assert "blocks of 1 us, not 9" in run("profiler.run", "--out", out, "--resume", "--grain", 9, status=2)
    unknown = f"opaque_{'0' * 32}_1-2-3_1x4_1x4"
    assert "no block of forked.tflite" in run("profiler.run", "--out", out, "--resume", "--block", unknown, status=2)
    refused = run("profiler.run", "--out", tmp_path / "new", "--model", network, "--model", other, status=2)
    assert "a profile is of one .tflite" in refused
    assert "name one with" in run("profiler.run", "--out", tmp_path / "new", "--model", "micro_v2", "--grain", 9, status=2)
    assert not (tmp_path / "new").exists()


def test_a_budget_is_spent_on_more_rounds(network: Path, runner: Path, tmp_path: Path) -> None:
    out = tmp_path / "budget"
    said = json.loads(run("profiler.run", "--model", network, "--out", out, *UNITS, "--grain", 1, "--budget", "15s", "--json"))
    assert said["complete"] is True
    assert min(row.visits or 0 for row in load_tables(out).blocks) > 8


def test_readers_of_tables_take_opaque_rows_or_say_that_they_leave_them_out(profiled: tuple[Path, dict[str, Any]]) -> None:
    out, _ = profiled
    tables = load_tables(out)
    frame = frames_of(tables).blocks
    assert list(frame["label"]) == [row.label for row in tables.blocks]
    assert baselines(tables)[ISOLATED].blocks[0].marginal_us == tables.blocks[0].median_us
    exported = sheets(tables)
    assert {row["kind"] for row in exported.document["blocks"]} == {"opaque"}
    assert [row["macs"] for row in exported.document["blocks"]] == [parse_any_key(row.block).macs for row in tables.blocks]
    with pytest.raises(Exception, match="a piece of a network that is no config"):
        nn_meter_document(tables, unit="cpu0")
    panel = section([Profile(out, tables, Costs(tables, source=str(out)))], str(out)).drawing.html
    assert tables.blocks[0].label in str(panel)


def test_a_report_of_the_folder_is_made(profiled: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, _ = profiled
    run("report.run", out, "--out", tmp_path / "page.html")
    assert load_tables(out).blocks[0].label in (tmp_path / "page.html").read_text()


def test_a_placement_is_exported_and_computes_what_the_network_does(
    profiled: tuple[Path, dict[str, Any]], network: Path, tmp_path: Path
) -> None:
    plan, bundle = tmp_path / "forked.plan.json", tmp_path / "bundle"
    said = json.loads(run("search.place", "--lut", profiled[0], "--model", network, "--grain", 1, "--out", plan, "--json"))
    assert said["predicted_us"] <= min(said["units"].values())
    # The profile's folder keeps the network, and says how it was cut.
    by_itself = json.loads(run("search.place", "--lut", profiled[0], "--json"))
    assert {key: by_itself[key] for key in said.keys() - {"out", "model"}} == {key: said[key] for key in said.keys() - {"out", "model"}}
    assert by_itself["model"] == said["model"] == "forked"
    assert "at 9 us; " in run("search.place", "--lut", profiled[0], "--grain", 9, status=2)
    assert read_plan(plan).block_units == tuple(block["unit"] for block in said["blocks"])
    # By turns, so that every tensor is handed over, whatever the search has found.
    document = json.loads(plan.read_text())
    for number, block in enumerate(document["blocks"]):
        block["unit"] = f"cpu{number % 2}"
    plan.write_text(json.dumps(document))
    exported = json.loads(run("exporters.run", "--model", network, "--plan", plan, "--out", bundle, "--json"))
    assert {segment["unit"] for segment in exported["segments"]} == {"cpu0", "cpu1"}
    deployed = json.loads(run("android_harness.deploy", bundle, *UNITS, "--json"))
    assert deployed["output_error"] == 0
