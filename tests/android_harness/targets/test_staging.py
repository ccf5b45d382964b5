"""Phases rewritten for a device: every file under a name that holds its checksum, whichever files other jobs name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from android_harness.protocol.phases import CollabJob, HandoverJob, Load, Phase, Repeat
from android_harness.targets.push import sha256_of
from android_harness.targets.staging import relocated_manifest, stage
from collab import config as configs
from collab.blocks import Block
from collab.units import parse_unit
from exporters.bundle import write_pieces
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import document_as_written, load_manifest
from exporters.tflite_route import write_relu
from profiler.plan import base_chain

CHAIN = base_chain(configs.load("mini_v2"))
UNITS = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=1")}


@pytest.fixture(name="manifests")
def networks(tmp_path: Path) -> list[Path]:
    """Returns the manifests of three bundles, each a different cut of the same blocks."""
    found = []
    for number, cut in enumerate((1, 4, 9)):
        pieces: list[tuple[Block, ...]] = [CHAIN[:cut], CHAIN[cut:]]
        write_pieces(pieces, tmp_path / f"network{number}", unit="cpu0")
        found.append(tmp_path / f"network{number}" / MANIFEST)
    return found


def test_every_name_holds_the_checksum_of_its_file_though_jobs_share_files(manifests: list[Path], tmp_path: Path) -> None:
    load = tmp_path / "load.tflite"
    load.write_bytes(write_relu((1, 2, 2, 4)))
    jobs = tuple(
        CollabJob(f"{unit}/{number}", manifest, warmup=1, runs=1, bind={"cpu0": unit}, load=(Load("cpu1", load),) if unit == "cpu0" else ())
        for unit in UNITS
        for number, manifest in enumerate(manifests)
    )
    (tmp_path / "scratch").mkdir()
    staged = stage(Phase("p", UNITS, jobs, Repeat(1, 1)), store="../store", scratch=tmp_path / "scratch")
    for name, path in staged.files.items():
        assert sha256_of(path)[:16] in name
    placed = {job.id: job for job in staged.phase.jobs if isinstance(job, CollabJob)}
    segments = {}
    for id_, job in placed.items():
        document = json.loads(staged.files[job.manifest.name].read_text())
        segments[id_] = [segment["model"] for segment in document["segments"]]
        assert all(model in staged.files for model in segments[id_])
        assert all(loaded.model.name in staged.files for loaded in job.load)
    assert len({tuple(models) for models in segments.values()}) == 3, "each network keeps its own manifest"
    assert all(segments[f"cpu0/{number}"] == segments[f"cpu1/{number}"] for number in range(3))


def test_every_output_is_fetched_and_every_input_sent(manifests: list[Path], tmp_path: Path) -> None:
    jobs = tuple(
        CollabJob(str(number), manifest, warmup=0, runs=1, output=tmp_path / f"out{number}", outputs=2)
        for number, manifest in enumerate(manifests[:2])
    )
    (tmp_path / "scratch").mkdir()
    staged = stage(Phase("p", UNITS, jobs, Repeat(1, 1)), store="../store", scratch=tmp_path / "scratch")
    placed = [job for job in staged.phase.jobs if isinstance(job, CollabJob)]
    assert staged.outputs == {
        str(there): here
        for job, was in zip(placed, jobs, strict=True)
        for there, here in zip(job.output_files, was.output_files, strict=True)
    }
    assert len(staged.outputs) == 4
    assert [path.name for path in jobs[0].output_files] == ["out0", "out0.1"]
    for job in placed:
        [entry] = json.loads(staged.files[job.manifest.name].read_text())["inputs"]
        assert entry["file"] in staged.files


def test_a_manifest_of_format_1_is_staged_too(manifests: list[Path], tmp_path: Path) -> None:
    document = document_as_written(load_manifest(manifests[0].parent), 1)
    moved = relocated_manifest(document, lambda name: f"moved/{name}")
    assert moved["input"]["file"] == "moved/reference_input.f32"
    assert [segment["model"] for segment in moved["segments"]] == [f"moved/{segment['model']}" for segment in document["segments"]]


def test_what_runs_between_hand_overs_goes_along(tmp_path: Path) -> None:
    model, between = tmp_path / "model.tflite", tmp_path / "between.tflite"
    model.write_bytes(write_relu((1, 2, 2, 4)))
    between.write_bytes(write_relu((1, 2, 2, 8)))
    jobs = [HandoverJob(str(b), "cpu0", "cpu1", model, "shared", "spin", warmup=1, runs=1, between_handovers=b) for b in (between, None)]
    (tmp_path / "scratch").mkdir()
    staged = stage(Phase("p", UNITS, tuple(jobs), Repeat(1, 1)), store="../store", scratch=tmp_path / "scratch")
    documents = [job.to_document() for job in staged.phase.jobs]
    assert staged.files[Path(documents[0]["between"]).name] == between
    assert "between" not in documents[1]
    assert documents[0]["model"] == documents[1]["model"] != documents[0]["between"]
