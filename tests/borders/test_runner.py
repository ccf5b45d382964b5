"""The runner's borders: a phase and a manifest out of anybody's hands are carried out or refused; nothing makes the runner die."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from android_harness.kits.runtime import litert_library
from android_harness.protocol.journal import JobFailed, PhaseEnded, PhaseStarted, parse_lines
from android_harness.protocol.phases import CollabJob, Gate, HandoverJob, Load, Phase, Repeat, Sentinel, TimeJob
from collab.placement import parse_placement
from collab.units import UnitSpec
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from exporters.tflite_route import write_relu
from tests.borders.fuzzing import INPUTS, check_sentence, fuzz
from tests.borders.mutation import mutate_json
from tests.models import tiny

_LIMIT_S = 60
_REFUSED = 2
_UNITS = {"cpu0": UnitSpec("cpu", cores=(0,)), "cpu1": UnitSpec("cpu", cores=(0,))}


def carry_out(runner: Path, phase: Path) -> str:
    """Has the runner take up a phase; gives its sentence if it refuses."""
    done = subprocess.run([runner, phase], capture_output=True, timeout=_LIMIT_S, check=False)
    assert done.returncode in {0, _REFUSED}, (done.returncode, done.stderr[-500:])
    if done.returncode == _REFUSED:
        sentence = done.stderr.decode(errors="replace").strip()
        check_sentence(sentence, "the runner")
        assert len(sentence.splitlines()) == 1
        return sentence
    events = list(parse_lines(done.stdout.splitlines(keepends=True), origin="the runner"))
    assert isinstance(events[0], PhaseStarted)
    assert isinstance(events[-1], PhaseEnded)
    for event in events:
        if isinstance(event, JobFailed):
            check_sentence(event.reason, event.job)
    return ""


def whole_phase(folder: Path) -> dict[str, Any]:
    """A phase with a job of each kind and every field, for a runtime that is not there: it is read whole, and takes no time."""
    model = folder / "relu.tflite"
    model.write_bytes(write_relu((1, 4, 4, 8)))
    write_bundle(collaborative(tiny(), "naa"), parse_placement("", branches=2), folder / "bundle")
    load = (Load("cpu1", model),)
    jobs = (
        TimeJob("time", "cpu0", model, warmup=1, runs=2, gap_us=1, warmup_us=1, warmup_limit_us=2, load=load, group="g"),
        HandoverJob("transfer", "cpu0", "cpu1", model, "shared", "spin", warmup=1, runs=2, between_handovers=model, group="g"),
        CollabJob(
            "collab", folder / "bundle" / MANIFEST, warmup=1, runs=1, bind=dict(zip(_UNITS, _UNITS, strict=True)), output=folder / "out.f32"
        ),
        TimeJob("sentinel", "cpu0", model, warmup=1, runs=1),
    )
    gate = Gate(status=("/bin/true",), every_s=0.1, cool_s=0.1, poll_s=0.1)
    phase = Phase("whole", _UNITS, jobs, Repeat(1, 2, 0.1), seed=1, sentinel=Sentinel(("sentinel",), 2), gate=gate)
    document: dict[str, Any] = json.loads(phase.to_json(runtime={"litert": folder / "no-such-library.so"}))
    return document


def test_a_whole_phase_is_accepted(runner: Path, tmp_path: Path) -> None:
    phase = tmp_path / "phase.json"
    phase.write_text(json.dumps(whole_phase(tmp_path)), encoding="utf-8")
    assert carry_out(runner, phase) == ""


def test_hostile_phases_are_carried_out_or_refused(runner: Path, tmp_path: Path) -> None:
    document, phase = whole_phase(tmp_path), tmp_path / "phase.json"
    refused = 0

    def feed(data: bytes) -> None:
        nonlocal refused
        phase.write_bytes(data)
        refused += carry_out(runner, phase) != ""

    fuzz("the runner's phase", lambda generator: mutate_json(document, generator), feed)
    assert 0 < refused < INPUTS


def test_hostile_manifests_fail_their_job_only(runner: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    write_bundle(collaborative(tiny(), "naa"), parse_placement("", branches=2), bundle)
    original = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    job = CollabJob("collab", bundle / MANIFEST, warmup=0, runs=1)
    phase = tmp_path / "phase.json"
    phase.write_text(Phase("manifest", _UNITS, (job,), Repeat(1, 1)).to_json(runtime={"litert": litert_library()}), encoding="utf-8")

    def make(generator: random.Random) -> bytes:
        return mutate_json(original, generator)

    def feed(data: bytes) -> None:
        (bundle / MANIFEST).write_bytes(data)
        assert carry_out(runner, phase) == ""

    fuzz("the runner's manifest", make, feed)


def test_a_phase_that_cannot_be_read_is_refused(runner: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/null")):
        assert carry_out(runner, path)


@pytest.mark.parametrize("extent", [0, -1, 1 << 24, 1 << 62, 10**30])
def test_impossible_shapes_are_no_memory(runner: Path, tmp_path: Path, extent: int) -> None:
    bundle = tmp_path / "bundle"
    write_bundle(collaborative(tiny(), "naa"), parse_placement("", branches=2), bundle)
    text = (bundle / MANIFEST).read_text(encoding="utf-8")
    document = json.loads(text)
    document["inputs"][0]["shape"] = [extent] * 4
    (bundle / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    job = CollabJob("collab", bundle / MANIFEST, warmup=0, runs=1)
    phase = tmp_path / "phase.json"
    phase.write_text(Phase("shape", _UNITS, (job,), Repeat(1, 1)).to_json(runtime={"litert": litert_library()}), encoding="utf-8")
    assert carry_out(runner, phase) == ""
