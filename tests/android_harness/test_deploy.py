"""Deployments by the command, to this machine; the connection to a phone is tested with the phone."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collab.config import load
from collab.placement import default_placement
from collab.tensors.types import TensorType
from collab.variants import collaborative
from exporters.bundle import write_bundle, write_network_bundle
from exporters.checking import relative_error
from exporters.manifests.manifest import MANIFEST
from exporters.references import read_tensor
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.reading import network_of
from tests.android_harness.commands import home_alone, run
from tests.android_harness.cut_networks import taken_by_turns
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE
from tests.lut.traces.trace_checks import checked


@pytest.fixture(name="written", scope="module")
def written_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = collaborative(load("mini_v2"), "ncanaac"[-len(load("mini_v2").stages) :])
    folder = tmp_path_factory.mktemp("written") / "bundle"
    write_bundle(config, default_placement(config.branches), folder)
    return folder


@pytest.fixture(name="bundle")
def a_bundle(written: Path, tmp_path: Path) -> Path:
    """A copy, as tests damage it and leave files beside it."""
    return shutil.copytree(written, tmp_path / "bundle")


@pytest.fixture(name="home")
def a_home(runner: Path, tmp_path: Path) -> Mapping[str, str]:
    assert runner.is_file()
    return home_alone(tmp_path)


def deploy(bundle: Path, *arguments: object, env: Mapping[str, str]) -> dict[str, Any]:
    text = run("android_harness.deploy", "--device", "local", bundle, *arguments, "--json", env=env)
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_bundle_is_deployed_checked_and_left_with_a_script(bundle: Path, home: Mapping[str, str]) -> None:
    trace = bundle.parent / "trace.json"
    said = deploy(bundle, "--runs", 20, "--trace", trace, env=home)
    assert said["output_error"] == 0.0
    assert checked(trace.read_text())["otherData"]["measured_median_us"] == said["measured_us"]["median"]
    assert said["distinct_outputs"] == 1
    assert said["measured_us"]["n"] == 20
    assert {step["step"] for step in said["steps"]} == {"write", "run", "wait", "read"}
    assert said["predicted_us"] is None
    script = Path(said["script"])
    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "(n = 20)" in again.stdout
    assert "Output: bit for bit" in again.stdout
    again = subprocess.run(["sh", "run.sh"], cwd=script.parent, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert deploy(bundle, "--runs", 20, env=home)["pushed_bytes"] == 0, "the second time nothing is sent"


def test_the_script_looks_at_every_output_of_a_network(home: Mapping[str, str], tmp_path: Path) -> None:
    of_three = (seed for seed in range(99) if len(random_network(seed).records("subgraphs")[0].vector("outputs")) == 3)
    model = model_bytes(random_network(next(of_three)), NO_SOURCE)
    cut = taken_by_turns(network_of(Source("whole", memoryview(model))), name="whole", units=("cpu0", "cpu1"), grain_us=0.0)
    write_network_bundle(cut.schedule, cut.models, network=model, plan_text="{}", out=tmp_path / "network")
    said = deploy(tmp_path / "network", "--runs", 4, env=home)
    assert said["output_error"] == 0.0
    script = Path(said["script"])
    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert "Output: bit for bit" in again.stdout
    assert {path.name for path in script.parent.glob("output.f32*")} == {"output.f32", "output.f32.1", "output.f32.2"}
    text = script.read_text()
    assert text.count("output.f32 output.f32.1 output.f32.2") == 2
    # The checksum is of all of them.
    script.write_text(text.replace("cat output.f32 output.f32.1 output.f32.2", "cat output.f32 output.f32.1"))
    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "Output: not what it was" in again.stdout


def test_a_bundle_may_be_the_current_folder(bundle: Path, home: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle)
    assert deploy(Path(), "--runs", 4, env=home)["output_error"] == 0.0
    assert (bundle.parent / "deploy.jsonl").is_file(), "beside the bundle"
    assert "--path post: one of shared, memcpy" in run(
        "android_harness.deploy", "--device", "local", ".", "--path", "post", env=home, status=2
    )


def test_the_script_notices_another_output(bundle: Path, home: Mapping[str, str]) -> None:
    script = Path(deploy(bundle, env=home)["script"])
    (script.parent / "reference_input.f32").write_bytes(b"\1" * (script.parent / "reference_input.f32").stat().st_size)
    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "Output: not what it was" in again.stdout
    (script.parent / "segments" / "cpu0.0.tflite").write_bytes(b"damaged")
    again = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "cpu0.0.tflite" in again.stdout


def test_nothing_is_left_where_nothing_is_to_be_kept(bundle: Path, home: Mapping[str, str], tmp_path: Path) -> None:
    device = tmp_path / "home" / ".cache" / "syncnas" / "device"
    assert deploy(bundle, "--no-keep", env=home)["script"] == ""
    assert not list((device / "deployed").iterdir())
    assert list((device / "kits").iterdir()), "the runtime stays for the next time"
    deploy(bundle, "--clean", env=home)
    assert not device.exists()


def test_a_wrong_reference_is_an_error_with_its_size(bundle: Path, home: Mapping[str, str]) -> None:
    document = json.loads((bundle / MANIFEST).read_text())
    [entry] = document["outputs"]
    output, kind = bundle / entry["file"], TensorType(tuple(entry["shape"]))
    right = read_tensor(output, kind)
    content = bytearray(output.read_bytes())
    content[0:4] = b"\0\0\x80\x41"
    output.write_bytes(content)
    error = run("android_harness.deploy", "--device", "local", bundle, env=home, status=2)
    assert "its checksum differs from the manifest's" in error
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    (bundle / MANIFEST).write_text(json.dumps(document))
    error = run("android_harness.deploy", "--device", "local", bundle, env=home, status=3)
    size = relative_error(right, read_tensor(output, kind))
    assert size > 0.1
    assert f"the output is wrong: it differs from the reference by {size:.1e} of its range" in error


def test_a_trace_in_the_place_of_the_samples_is_refused_before_anything_is_sent(bundle: Path, home: Mapping[str, str]) -> None:
    journal = bundle.parent / "deploy.jsonl"
    error = run("android_harness.deploy", "--device", "local", bundle, "--trace", journal, env=home, status=2)
    assert "name another file" in error
    assert not journal.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["/nowhere"], "manifest.json"),
        (["--unit", "cpu:cores=0"], "--unit names cpu0"),
        (["--unit", "cpu:cores=0", "--unit", "cpu:cores=900"], "core 900 is not there"),
        (["--lut", "/nowhere"], "/nowhere"),
        (["--cpu-mhz", "1000"], "--root"),
    ],
)
def test_a_users_mistake_is_a_sentence(arguments: list[str], reason: str, bundle: Path, home: Mapping[str, str]) -> None:
    if not arguments[0].startswith("/"):
        arguments = [str(bundle), *arguments]
    error = run("android_harness.deploy", "--device", "local", *arguments, env=home, status=2)
    assert reason in error
    assert error.startswith("error: ")
