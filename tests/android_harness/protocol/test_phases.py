"""Phases: the document that the runner is given, field by field as docs/reference/formats.md has it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits.runner_sources import SOURCE
from android_harness.protocol.journal import PhaseStarted, parse_line
from android_harness.protocol.phases import (
    MAX_SEED,
    MOST_MICROSECONDS,
    MOST_ROUNDS,
    MOST_RUNS,
    PROTOCOL,
    CollabJob,
    Gate,
    HandoverJob,
    Job,
    Load,
    Phase,
    Repeat,
    Sentinel,
    TimeJob,
)
from android_harness.targets.options import PHONE_GATE
from collab.units import UnitSpec, parse_unit
from tests.pages import REPOSITORY, fenced

X, Y = Path("models/x.tflite"), Path("models/y.tflite")
UNITS = {name: UnitSpec("cpu", cores=(core,)) for core, name in enumerate(("cpu0", "cpu1"))}
JOBS = [
    TimeJob("b17", "cpu0", X, warmup=3, runs=12, warmup_us=200, warmup_limit_us=1000, load=(Load("cpu1", Y),)),
    HandoverJob(
        "t3",
        "cpu0",
        "cpu1",
        Path("models/relu_28x28x32.tflite"),
        "shared",
        "spin",
        warmup=10,
        runs=100,
        between_handovers=Path("models/mbconv_14_k3s1_32-128-32_relu6.tflite"),
    ),
    CollabJob(
        "c1",
        Path("bundle/manifest.json"),
        warmup=5,
        warmup_limit_us=30_000,
        runs=50,
        bind={"cpu0": "cpu0", "cpu1": "cpu1"},
        output=Path("out.f32"),
    ),
]


def document_of(phase: Phase, **runtime: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(phase.to_json(runtime=runtime))
    return document


def example(words: str) -> dict[str, Any]:
    """The example in docs/reference/formats.md that has these words."""
    [block] = [block for block in fenced(REPOSITORY / "docs" / "reference" / "formats.md", "json") if words in block]
    document: dict[str, Any] = json.loads(block)
    return document


def test_a_phase_is_written_as_the_page_on_formats_shows_it() -> None:
    gate = Gate(("/system/bin/dumpsys", "thermalservice"), every_s=5, slowdown=0.35)
    repeat, sentinel = Repeat(3, 10, 0.01), Sentinel(("sentinel.cpu0",), 16)
    phase = Phase("blocks-000", UNITS, (), repeat, seed=7, sentinel=sentinel, gate=gate)
    shown = example('"seed": 7')
    del shown["limit_s"]  # for phases that others write
    assert document_of(phase, litert=Path("/path/to/libLiteRt.so")) == shown


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_is_written_as_the_page_on_formats_shows_it(job: Job) -> None:
    assert job.to_document() == example(f'"id": "{job.id}", "kind"')


def test_what_is_not_asked_for_is_not_written() -> None:
    phase = document_of(Phase("p", {}, (), Repeat(1, 1)))
    assert "sentinel" not in phase
    assert "gate" not in phase
    assert "conditions" not in phase
    assert "between" not in HandoverJob("t", "cpu0", "cpu1", X, "memcpy", "condvar", warmup=0, runs=1).to_document()
    assert not {"load", "bind", "output"} & CollabJob("c", X, warmup=0, runs=1).to_document().keys()
    assert "status" not in Gate().to_document()
    assert not any("group" in job.to_document() for job in JOBS)


def test_a_bundle_s_job_may_have_a_load() -> None:
    job = CollabJob("c", X, warmup=0, runs=1, load=(Load("gpu0", Y), Load("cpu1", X)))
    assert job.to_document()["load"] == [{"unit": "gpu0", "model": str(Y)}, {"unit": "cpu1", "model": str(X)}]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_may_be_of_a_group(job: Job) -> None:
    assert replace(job, group="beside/cpu0").to_document() == {**job.to_document(), "group": "beside/cpu0"}


@pytest.mark.parametrize(
    ("unit", "document"),
    [
        ("cpu:threads=2,cores=4-6", {"kind": "cpu", "engine": "litert", "precision": "fp32", "threads": 2, "cores": [4, 5, 6]}),
        ("cpu:engine=classic", {"kind": "cpu", "engine": "classic", "precision": "fp32", "threads": 1, "cores": []}),
        ("gpu:precision=fp16", {"kind": "gpu", "engine": "litert", "precision": "fp16"}),
        ("nnapi", {"kind": "nnapi", "engine": "classic", "precision": "fp32"}),
        ("nnapi:accelerator=tpu", {"kind": "nnapi", "engine": "classic", "precision": "fp32", "accelerator": "tpu"}),
    ],
)
def test_a_unit_is_written_with_what_its_kind_takes(unit: str, document: dict[str, Any]) -> None:
    assert document_of(Phase("p", {"u": parse_unit(unit)}, (), Repeat(1, 1)))["units"] == {"u": document}


@given(st.integers(0, MAX_SEED), st.booleans(), st.sampled_from(["given", "shuffled"]), st.permutations(JOBS))
def test_a_phase_keeps_its_jobs_order_and_every_number(seed: int, resident: bool, order: str, jobs: list[Job]) -> None:
    document = document_of(Phase("p", UNITS, tuple(jobs), Repeat(2, 5, 0.02), seed=seed, order=order, resident=resident))
    assert document["jobs"] == [job.to_document() for job in jobs]
    assert (document["seed"], document["resident"], document["order"]) == (seed, resident, order)
    assert document["repeat"] == {"min_rounds": 2, "max_rounds": 5, "target_ci": 0.02}


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 40))
def test_another_list_of_jobs_keeps_the_rules_and_never_asks_for_more_rounds_than_it_may(least: int, more: int, most: int) -> None:
    phase = Phase("p", UNITS, (JOBS[0],), Repeat(least, least + more, 0.01), seed=3, sentinel=Sentinel(("b17",), 4), gate=Gate())
    other = phase.with_jobs("again", tuple(JOBS[1:]), max_rounds=most)
    assert (other.name, other.jobs) == ("again", tuple(JOBS[1:]))
    assert (other.repeat.min_rounds, other.repeat.max_rounds, other.repeat.target_ci) == (min(least, most), most, 0.01)
    assert (other.units, other.seed, other.sentinel, other.gate) == (phase.units, phase.seed, phase.sentinel, phase.gate)
    assert phase.jobs == (JOBS[0],), "the first one stays as it is"


def test_a_phase_says_by_which_protocol_and_in_what_conditions_it_measures() -> None:
    document = document_of(Phase("p", {}, (), Repeat(1, 1), conditions={"clocks": "free"}))
    assert (document["protocol"], document["conditions"]) == (PROTOCOL, {"clocks": "free"})


def test_the_runner_measures_by_the_same_protocol(runner: Path, tmp_path: Path) -> None:
    def carried_out(**changes: object) -> subprocess.CompletedProcess[bytes]:
        document = document_of(Phase("p", {}, (), Repeat(1, 1), conditions={"clocks": "free"}))
        (tmp_path / "phase.json").write_text(json.dumps({**document, **changes}))
        return subprocess.run([runner, tmp_path / "phase.json"], capture_output=True, timeout=60, check=False)

    begun = parse_line(carried_out().stdout.splitlines(keepends=True)[0], where="the runner")
    assert isinstance(begun, PhaseStarted)
    assert (begun.protocol, begun.conditions) == (PROTOCOL, {"clocks": "free"})
    version = subprocess.run([runner, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert version == f"syncnas_runner {begun.runner} (measurement protocol {PROTOCOL})\n"
    other = carried_out(protocol=PROTOCOL + 1)
    assert other.returncode == 2
    assert re.search(rf"protocol is {PROTOCOL + 1}, and .* protocol {PROTOCOL}; .* build the kit anew".encode(), other.stderr)


def test_a_gate_says_in_words_what_counts_as_heat() -> None:
    assert Gate().condition == "undone by clock caps"
    assert PHONE_GATE.condition == "undone by clock caps, thermal status 2 and more, sentinels slower by 35 %"
    assert replace(PHONE_GATE, cool_s=1, retries=9, poll_s=1).condition == PHONE_GATE.condition


@pytest.mark.parametrize(
    ("file", "name", "most"),
    [
        ("job_reader.cc", "kMostRuns", MOST_RUNS),
        ("job_reader.cc", "kMostMicroseconds", MOST_MICROSECONDS),
        ("phase.cc", "kMostRounds", MOST_ROUNDS),
    ],
)
def test_the_runner_s_bounds_are_these(file: str, name: str, most: int) -> None:
    found = re.search(rf"{name} = ([\d']+);", (SOURCE / "src" / "protocol" / file).read_text())
    assert found is not None
    assert int(found[1].replace("'", "")) == most
