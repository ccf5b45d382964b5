"""Bundles on the real runner: equal to torch, and the same bits however the units are interleaved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_harness.protocol.journal import CollabDone, Event, JobFailed
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab import config as configs
from collab.errors import RunnerError
from collab.model import ModelConfig
from collab.networks import weights
from collab.placement import parse_placement
from collab.units import UnitSpec
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.checking import MAX_ERROR, relative_error
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import document_as_written, load_manifest
from exporters.references import read_tensor
from tests.models import tiny

torch = pytest.importorskip("torch")

RUNS = 1000


def units_of(device: LocalTarget, count: int = 2) -> dict[str, UnitSpec]:
    """Returns `count` units; where there are fewer cores, units share them."""
    cores = device.info.cores
    return {f"cpu{number}": UnitSpec("cpu").on_cores([cores[number % len(cores)]]) for number in range(count)}


def run_jobs(device: LocalTarget, units: dict[str, UnitSpec], jobs: list[CollabJob], folder: Path) -> list[Event]:
    events: list[Event] = []
    assert execute(device, Phase("collab", units, tuple(jobs), Repeat(1, 1), order="given"), folder / "journal.jsonl", events.append)
    return events


def done(events: list[Event]) -> dict[str, CollabDone]:
    failed = [event for event in events if isinstance(event, JobFailed)]
    assert not failed
    return {event.job: event for event in events if isinstance(event, CollabDone)}


def torch_output(config: ModelConfig, image: np.ndarray) -> np.ndarray:
    from collab.networks.network import from_weights

    with torch.no_grad():
        return np.asarray(from_weights(config, weights.seeded(config))(torch.from_numpy(image).permute(0, 3, 1, 2)))


@pytest.mark.parametrize("name", configs.zoo_names())
def test_every_zoo_model_on_the_runner_equals_torch(device: LocalTarget, name: str, tmp_path: Path) -> None:
    config = configs.load(name)
    placements = ["", "stem=0", "stem=1,head=1"] if config.is_collaborative else [""]
    jobs: list[CollabJob] = []
    for number, placement in enumerate(placements):
        write_bundle(config, parse_placement(placement, branches=config.branches), tmp_path / f"b{number}")
        manifest = tmp_path / f"b{number}" / MANIFEST
        for path in ("shared", "memcpy"):
            output = tmp_path / f"{number}-{path}.f32"
            jobs.append(CollabJob(f"{number}-{path}", manifest, warmup=0, runs=2, path=path, output=output))
    results = done(run_jobs(device, units_of(device), jobs, tmp_path))
    manifest = load_manifest(tmp_path / "b0")
    expected = torch_output(config, read_tensor(tmp_path / "b0" / manifest.inputs[0].file, manifest.inputs[0].type))
    assert expected.std() > 0.1
    for job in jobs:
        assert job.output is not None
        assert relative_error(read_tensor(job.output, manifest.outputs[0].type), expected) <= MAX_ERROR, job.id
        assert results[job.id].distinct_outputs == 1
    assert len({result.output_hash for result in results.values()}) == 1, "placement and path change no bit"


def test_a_thousand_runs_side_by_side_and_one_after_the_other_give_the_same_bits(device: LocalTarget, tmp_path: Path) -> None:
    write_bundle(collaborative(tiny(), "cac"), parse_placement("stem=0", branches=2), tmp_path / "b")
    manifest = tmp_path / "b" / MANIFEST
    jobs = [
        CollabJob(f"{mode}-{path}-{wait}", manifest, warmup=0, runs=RUNS, mode=mode, path=path, wait=wait)
        for mode, path, wait in (
            ("concurrent", "shared", "spin"),
            ("concurrent", "memcpy", "spin"),
            ("concurrent", "shared", "condvar"),
            ("concurrent", "memcpy", "hybrid"),
            ("sequential", "shared", "condvar"),
        )
    ]
    results = done(run_jobs(device, units_of(device), jobs, tmp_path))
    assert len(results) == len(jobs)
    assert all(len(result.total_ns) == RUNS and result.distinct_outputs == 1 for result in results.values())
    assert len({result.output_hash for result in results.values()}) == 1


def test_three_units_hand_over_to_each_other(device: LocalTarget, tmp_path: Path) -> None:
    config = collaborative(tiny(), "cna", branches=3)
    write_bundle(config, parse_placement("stem=1,head=2", branches=3), tmp_path / "b")
    jobs = [
        CollabJob(path, tmp_path / "b" / MANIFEST, warmup=0, runs=20, path=path, wait="condvar", output=tmp_path / f"{path}.f32")
        for path in ("shared", "memcpy")
    ]
    results = done(run_jobs(device, units_of(device, 3), jobs, tmp_path))
    manifest = load_manifest(tmp_path / "b")
    expected = torch_output(config, read_tensor(tmp_path / "b" / manifest.inputs[0].file, manifest.inputs[0].type))
    for path in ("shared", "memcpy"):
        assert relative_error(read_tensor(tmp_path / f"{path}.f32", manifest.outputs[0].type), expected) <= MAX_ERROR
    assert len({result.output_hash for result in results.values()}) == 1


@pytest.fixture(name="bundle")
def tiny_bundle(tmp_path: Path) -> Path:
    write_bundle(collaborative(tiny(), "nac"), parse_placement("", branches=2), tmp_path / "b")
    return tmp_path / "b"


def test_a_bundle_of_format_1_runs_as_one_of_format_2(device: LocalTarget, bundle: Path, tmp_path: Path) -> None:
    written = bundle / "format1.json"
    written.write_text(json.dumps(document_as_written(load_manifest(bundle), 1)))
    jobs = [CollabJob(manifest.stem, manifest, warmup=0, runs=3) for manifest in (bundle / MANIFEST, written)]
    results = done(run_jobs(device, units_of(device), jobs, tmp_path))
    assert results["format1"].steps == results["manifest"].steps
    assert results["format1"].output_hash == results["manifest"].output_hash


def test_steps_follow_the_schedule(device: LocalTarget, bundle: Path, tmp_path: Path) -> None:
    job = CollabJob("c", bundle / MANIFEST, warmup=2, runs=30, path="memcpy")
    result = done(run_jobs(device, units_of(device), [job], tmp_path))["c"]
    by_unit = {unit: [s.step for s in result.steps if s.unit == unit] for unit in ("cpu0", "cpu1")}
    assert by_unit["cpu0"] == ["write", "run", "read", "wait", "write", "run", "wait", "write", "run", "read"]
    assert by_unit["cpu1"] == ["write", "run", "read", "wait", "write", "run", "read"]
    begin, end = np.array(result.begin_ns), np.array(result.end_ns)
    for unit in ("cpu0", "cpu1"):
        rows = [index for index, step in enumerate(result.steps) if step.unit == unit]
        assert (begin[rows[1:]] >= end[rows[:-1]]).all(), "a unit does one thing at a time"
    for index, step in enumerate(result.steps):
        if step.step == "wait":
            sent = next(i for i, s in enumerate(result.steps) if s.segment == step.peer and s.step == "read")
            assert (end[index] >= end[sent]).all(), "nobody wakes up before the data is there"
    assert (np.array(result.total_ns) >= end.max(axis=0)).all()


def test_one_after_the_other_really_is(device: LocalTarget, bundle: Path, tmp_path: Path) -> None:
    job = CollabJob("c", bundle / MANIFEST, warmup=0, runs=30, mode="sequential", wait="condvar")
    result = done(run_jobs(device, units_of(device), [job], tmp_path))["c"]
    runs = [index for index, step in enumerate(result.steps) if step.step == "run"]
    begin, end = np.array(result.begin_ns)[runs], np.array(result.end_ns)[runs]
    for number in range(begin.shape[1]):
        order = np.argsort(begin[:, number])
        assert (begin[order[1:], number] >= end[order[:-1], number]).all()


def test_units_of_a_bundle_can_be_bound_to_others(device: LocalTarget, bundle: Path, tmp_path: Path) -> None:
    units = units_of(device)
    named = {"cpu5": units["cpu0"], "cpu7": units["cpu1"]}
    job = CollabJob("c", bundle / MANIFEST, warmup=0, runs=2, bind={"cpu0": "cpu7", "cpu1": "cpu5"})
    assert done(run_jobs(device, named, [job], tmp_path))["c"].distinct_outputs == 1


def edited(bundle: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Writes a changed copy of the bundle's manifest beside it; returns its path."""
    document = json.loads((bundle / MANIFEST).read_text())
    change(document)
    path = bundle / "edited.json"
    path.write_text(json.dumps(document))
    return path


def set_shape(document: dict[str, Any]) -> None:
    document["segments"][0]["outputs"][0]["shape"] = [1, 3, 3, 8]
    for segment in document["segments"]:
        for entry in segment["inputs"]:
            if entry["from"] == document["segments"][0]["name"]:
                entry["shape"] = [1, 3, 3, 8]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["segments"][1].update(model="segments/none.tflite"), "none.tflite"),
        (lambda d: d["segments"][0].update(unit="gpu0"), "gpu0"),
        (lambda d: d["segments"][2]["inputs"][0].update({"from": "cpu9.9"}), "cpu9.9"),
        (lambda d: d["segments"][0]["inputs"][0].update({"from": d["segments"][2]["name"]}), "cpu0.1"),
        (set_shape, "3"),
        (lambda d: d.update(format=3), "format"),
        (lambda d: d["inputs"][0].update(file="none.f32"), "none.f32"),
    ],
)
def test_bundles_that_cannot_be_run_fail_with_a_reason_and_the_next_job_goes_on(
    device: LocalTarget, bundle: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    bad = CollabJob("bad", edited(bundle, change), warmup=0, runs=2)
    good = replace(bad, id="good", manifest=bundle / MANIFEST)
    events = run_jobs(device, units_of(device), [bad, good], tmp_path)
    failures = [event for event in events if isinstance(event, JobFailed)]
    assert [event.job for event in failures] == ["bad"]
    assert reason in failures[0].reason
    assert [event.job for event in events if isinstance(event, CollabDone)] == ["good"]


def test_two_branches_bound_to_one_unit_are_refused(device: LocalTarget, bundle: Path, tmp_path: Path) -> None:
    job = CollabJob("c", bundle / MANIFEST, warmup=0, runs=2, bind={"cpu0": "cpu0", "cpu1": "cpu0"})
    with pytest.raises(RunnerError, match="bound to as well"):
        run_jobs(device, units_of(device), [job], tmp_path)
