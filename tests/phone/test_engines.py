"""Engines on the phone: each computes the reference's numbers, refused operators are reported, and bad models do not harm other jobs."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_harness.device.layout import PHONE_ROOT
from android_harness.device.units import resolve_units
from android_harness.protocol.journal import CollabDone, Event, JobFailed, TimeDone
from android_harness.protocol.phases import CollabJob, Phase, Repeat, TimeJob
from android_harness.targets.execute import execute
from android_harness.targets.find import open_device, remote_target
from android_harness.targets.options import HarnessOptions
from android_harness.targets.remote import RemoteTarget
from collab.blocks import parse_key
from collab.errors import ConfigError
from collab.placement import parse_placement
from collab.tensors.types import TensorType
from collab.units import UnitSpec, parse_unit
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.checking import relative_error
from exporters.manifests.manifest import MANIFEST
from exporters.references import read_tensor
from exporters.tflite_route import write_block, write_relu
from tests.models import crashing_model, tiny
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import Host

_NEAR = 1e-4
"""Tolerance between libraries, whose kernels add in different orders."""


@pytest.fixture(name="target")
def a_target(runner: Path, phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RemoteTarget]:
    assert runner.is_file()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    target = remote_target(open_device(phone.serial), HarnessOptions())
    yield target
    target.close()


def bundle_for(units: tuple[str, ...], folder: Path) -> Path:
    first, second = units
    # A software GPU takes half a minute to compile a larger one.
    write_bundle(collaborative(tiny(), "nca"), parse_placement(f"0={first},1={second},stem=all,head=0", branches=2), folder)
    return folder


@pytest.mark.parametrize(
    ("specs", "names", "taken", "there", "back"),
    [
        (("cpu:cores=0", "cpu:cores=1"), ("cpu0", "cpu1"), True, "shared", "shared"),
        (("cpu:engine=classic,cores=0", "cpu:engine=classic,cores=1"), ("cpu0", "cpu1"), True, "upload", "upload"),
        (("cpu:cores=0", "cpu:engine=classic,cores=1"), ("cpu0", "cpu1"), True, "upload", "upload"),
        (("cpu:cores=0", "gpu"), ("cpu0", "gpu0"), True, "upload", "readback"),
        (("cpu:engine=classic,cores=0", "gpu"), ("cpu0", "gpu0"), True, "upload", "readback"),
        (("cpu:cores=0", "nnapi"), ("cpu0", "nnapi0"), False, "upload", "upload"),
    ],
    ids=["litert", "classic", "litert and classic", "litert and gpu", "classic and gpu", "nnapi"],
)
def test_all_engines_give_the_references_numbers_over_every_path(
    specs: tuple[str, ...], names: tuple[str, ...], taken: bool, there: str, back: str, target: RemoteTarget, tmp_path: Path
) -> None:
    bundle = bundle_for(names, tmp_path / "bundle")
    units = resolve_units([parse_unit(text) for text in specs], target.info)
    events: list[Event] = []
    for path in ("shared", "memcpy"):
        job = CollabJob("collab", bundle / MANIFEST, warmup=1, runs=3, path=path, output=tmp_path / "out.f32")
        assert execute(target, Phase("engines", units, (job,), Repeat(2, 2)), tmp_path / "j.jsonl", events.append)
        output, expected = (read_tensor(file, TensorType((1, 10))) for file in (tmp_path / "out.f32", bundle / "reference_output.f32"))
        assert relative_error(output, expected) < _NEAR
    assert not [event for event in events if isinstance(event, JobFailed)]
    done = [event for event in events if isinstance(event, CollabDone)]
    assert [event.accelerated for event in done] == [taken] * 4
    one, other = names
    assert [event.paths for event in done[::2]] == [
        {f"{one}>{other}": there, f"{other}>{one}": back},
        {f"{one}>{other}": "memcpy", f"{other}>{one}": "memcpy"},
    ]


@pytest.mark.parametrize(("precision", "least", "most"), [("fp32", 0.0, 1e-5), ("fp16", 1e-5, 2e-2)])
def test_a_gpu_computes_in_the_precision_that_was_asked_for(
    precision: str, least: float, most: float, target: RemoteTarget, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    write_bundle(tiny(), parse_placement("0=gpu0", branches=1), bundle)
    units = resolve_units([parse_unit(f"gpu:precision={precision}")], target.info)
    job = CollabJob("alone", bundle / MANIFEST, warmup=1, runs=2, output=tmp_path / "out.f32")
    assert execute(target, Phase("precision", units, (job,), Repeat(1, 1)), tmp_path / "j.jsonl", lambda _: None)
    output, expected = (read_tensor(file, TensorType((1, 10))) for file in (tmp_path / "out.f32", bundle / "reference_output.f32"))
    assert least < relative_error(output, expected) < most


def test_a_profile_of_a_software_gpu_says_so_and_how_features_get_there(phone: VirtualPhone, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    asked = ("--device", phone.serial, "--out", out, "--block", "add_14_16x2", "--transfer-bytes", 12544, "--quick")
    asked += ("--unit", "cpu:cores=0", "--unit", "gpu")
    done = host.run("profiler.run", *asked)
    assert done.status == 0, done.stderr
    meta = json.loads((out / "meta.json").read_text())
    assert meta["conditions"]["gpu_note"].startswith("software GPU driver (Mesa, llvmpipe")
    assert "its times say nothing of a GPU" in done.stderr
    assert "its times say nothing of a GPU" in done.stdout
    assert {pair: found["path"] for pair, found in meta["paths"].items()} == {"cpu0>gpu0": "upload", "gpu0>cpu0": "readback"}
    assert meta["paths"]["gpu0>cpu0"]["why"].endswith("cpu0 takes host: gpu0 copies out, straight into cpu0's host memory")
    with (out / "blocks.csv").open() as file:
        first = {row["unit"]: row for row in reversed(list(csv.DictReader(file)))}
    cpu, gpu = first["cpu0"], first["gpu0"]
    assert (cpu["backend"], cpu["driver"], cpu["cached_create_us"], cpu["input_buffers"]) == ("", "", "", "host")
    assert (gpu["backend"], gpu["driver"]) == ("webgpu", meta["conditions"]["gpu_driver"])
    assert (gpu["input_buffers"], gpu["output_buffers"]) == ("webgpu-packed", "webgpu-packed")
    assert float(gpu["create_us"]) > 0
    assert float(gpu["cached_create_us"]) > 0
    rows = [line.split(",") for line in (out / "transfers.csv").read_text().splitlines()[1:]]
    assert sorted((row[0], row[5]) for row in rows) == [("cpu0", "memcpy"), ("cpu0", "upload"), ("gpu0", "memcpy"), ("gpu0", "readback")]


@pytest.mark.parametrize("backend", ["opencl", "opengl"])
def test_an_accelerator_that_takes_another_backend_than_the_one_asked_for_is_found_out(
    backend: str, target: RemoteTarget, tmp_path: Path
) -> None:
    # LiteRT's accelerator for Linux does not heed the option, and would run the model without a word.
    model = tmp_path / "relu.tflite"
    model.write_bytes(write_relu((1, 7, 7, 16)))
    unit = UnitSpec("gpu", backend=backend)
    events: list[Event] = []
    phase = Phase("backend", {"gpu0": unit}, (TimeJob("a", "gpu0", model, warmup=1, runs=1),), Repeat(1, 1))
    assert execute(target, phase, tmp_path / "j.jsonl", events.append)
    [failed] = [event for event in events if isinstance(event, JobFailed)]
    assert f"drives the GPU by webgpu, and {backend} was asked for" in failed.reason
    with pytest.raises(ConfigError, match=f"not by {backend}"):
        resolve_units([unit], target.info)


def test_the_first_creation_is_told_from_those_with_programs_at_hand(target: RemoteTarget, tmp_path: Path) -> None:
    model = tmp_path / "relu.tflite"
    model.write_bytes(write_relu((1, 7, 7, 16)))
    units = resolve_units([parse_unit("cpu:cores=0"), parse_unit("gpu")], target.info)
    jobs = tuple(TimeJob(unit, unit, model, warmup=1, runs=1) for unit in units)
    events: list[Event] = []
    assert execute(target, Phase("cache", units, jobs, Repeat(3, 3)), tmp_path / "j.jsonl", events.append)
    cached = {unit: [event.cached for event in events if isinstance(event, TimeDone) and event.job == unit] for unit in units}
    assert cached == {"cpu0": [None] * 3, "gpu0": [False, True, True]}


def test_a_phone_with_larger_pages_than_a_library_is_aligned_to_is_told(phone: VirtualPhone, tmp_path: Path) -> None:
    phone.set_page_size(16384)
    done = Host(tmp_path / "home").run("android_harness.doctor", "--device", phone.serial, "--no-trial", "--json")
    assert done.status == 1
    [runtime] = [check for check in json.loads(done.stdout)["checks"] if check["topic"] == "runner and runtime"]
    assert "the device has memory pages of 16384 bytes, and syncnas_runner" in runtime["advice"]
    assert "is aligned to 4096" in runtime["advice"]


def test_a_failed_unit_carries_what_the_systems_log_says(make_phone: Callable[..., VirtualPhone], tmp_path: Path) -> None:
    phone = make_phone(gpu=False)
    phone.set_log("old\nINFO: nothing\nERROR: [gpu_environment.cc:99] Failed to load OpenCL library")
    host = Host(tmp_path / "home")
    said = host.json("android_harness.doctor", "--device", phone.serial, "--unit", "gpu")
    [gpu] = [check for check in said["checks"] if check["topic"] == "unit gpu"]
    assert "the system's log says:" in gpu["advice"]
    assert "Failed to load OpenCL library" in gpu["advice"]


def test_a_model_that_the_runtime_rejects_or_that_crashes_it_harms_no_other(target: RemoteTarget, tmp_path: Path) -> None:
    units = resolve_units([parse_unit("cpu:cores=0"), parse_unit("cpu:engine=classic,cores=1")], target.info)
    files = {
        "good": write_block(parse_key("mbconv_14_k3s1_16-64-16_relu6")),
        "rejected": b"this is no model" * 10,
        "crashing": crashing_model(),
        "also good": write_relu((1, 7, 7, 16)),
    }
    jobs = []
    for name, content in files.items():
        model = tmp_path / f"{name.replace(' ', '-')}.tflite"
        model.write_bytes(content)
        jobs += [TimeJob(f"{unit}/{name}", unit, model, warmup=1, runs=3) for unit in units]
    events: list[Event] = []
    phase = Phase("models", units, tuple(jobs), Repeat(3, 3), order="shuffled", seed=4)
    assert execute(target, phase, tmp_path / "j.jsonl", events.append)
    visits = Counter(event.job for event in events if isinstance(event, TimeDone))
    reasons = {event.job: event.reason for event in events if isinstance(event, JobFailed)}
    for unit in units:
        assert visits[f"{unit}/good"] >= 3
        assert visits[f"{unit}/also good"] >= 3
        assert "/rejected." in reasons[f"{unit}/rejected"]
    assert "crashed the runtime twice" in reasons["cpu0/crashing"]
    assert "cpu1/crashing" in reasons, "classic TFLite crashes as well, or rejects it"
    assert set(reasons) == {f"{unit}/{name}" for unit in units for name in ("rejected", "crashing")}


def test_a_profile_with_nnapi_has_partial_rows(phone: VirtualPhone, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    block = "mbconv_14_k3s1_16-64-16_relu6"
    asked = ("--device", phone.serial, "--out", out, "--block", block, "--unit", "cpu:cores=0", "--unit", "nnapi", "--quick")
    done = host.run("profiler.run", *asked)
    assert done.status == 0, done.stderr
    assert "partial" in done.stdout
    rows = [line for line in (out / "blocks.csv").read_text().splitlines() if block in line]
    assert [(line.split(",")[0], "partial" in line) for line in sorted(rows)] == [("cpu0", False), ("nnapi0", True)]
    meta = json.loads((out / "meta.json").read_text())
    assert meta["conditions"]["thermal_status"] == "none"
    assert meta["units"]["nnapi0"] == "nnapi:precision=fp32,engine=classic"
    assert "TFLite 2.14" in meta["versions"]["classic"]


def test_nnapi_is_deprecated_from_android_15_on(phone: VirtualPhone, tmp_path: Path) -> None:
    phone.set_property("ro.build.version.sdk", "35")
    phone.set_property("ro.build.version.release", "15")
    bundle = bundle_for(("cpu0", "nnapi0"), tmp_path / "bundle")
    host = Host(tmp_path / "home")
    done = host.run("android_harness.deploy", "--device", phone.serial, bundle, "--runs", 8)
    assert done.status == 0, done.stderr
    assert "nnapi0: NNAPI is deprecated since Android 15" in done.stderr
    assert "Partly delegated: " in done.stdout
    checks = host.json("android_harness.doctor", "--device", phone.serial, "--no-trial")["checks"]
    assert "NPU" in next(check["advice"] for check in checks if check["topic"] == "NNAPI")


def test_a_model_is_deployed_on_cpu_and_gpu_and_runs_without_the_host(phone: VirtualPhone, target: RemoteTarget, tmp_path: Path) -> None:
    bundle = bundle_for(("cpu0", "gpu0"), tmp_path / "bundle")
    host = Host(tmp_path / "home")
    said = host.json("android_harness.deploy", "--device", phone.serial, bundle, "--runs", 12)
    assert said["accelerated"] is True
    assert said["output_error"] < _NEAR
    assert said["distinct_outputs"] == 1
    assert said["measured_us"]["n"] == 12
    assert said["units"]["gpu0"].startswith("gpu:")
    again = target.device.shell('sh "$1"', said["script"])
    assert again.status == 0, again
    assert b"Output: bit for bit" in again.stdout
    target.device.shell('echo x >> "$1"', said["script"].replace("run.sh", "reference_input.f32"))
    assert target.device.shell('sh "$1"', said["script"]).status == 1
    assert host.json("android_harness.deploy", "--device", phone.serial, bundle, "--runs", 8, "--clean")["script"] == ""
    assert not phone.path(PHONE_ROOT).exists()


def test_the_doctor_tries_every_unit(phone: VirtualPhone, tmp_path: Path) -> None:
    said = Host(tmp_path / "home").json("android_harness.doctor", "--device", phone.serial)
    found = {check["topic"]: check for check in said["checks"]}
    assert said["ready"] is True
    assert found["unit cpu"]["level"] == "ok"
    assert found["unit cpu (classic)"]["level"] == "ok"
    assert found["unit gpu"]["level"] == "ok"
    assert "buffers: " in found["unit gpu"]["found"]
    assert found["unit nnapi (classic)"]["level"] == "note"
    assert "partial" in found["unit nnapi (classic)"]["advice"]


def test_a_phone_without_a_gpu_says_so(make_phone: type[VirtualPhone], tmp_path: Path) -> None:
    phone = make_phone(gpu=False)
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    asked = ("--device", phone.serial, "--out", out, "--block", "add_14_16x2", "--unit", "cpu:cores=0", "--unit", "gpu", "--quick")
    done = host.run("profiler.run", *asked)
    assert done.status == 0, done.stderr
    assert "failed: add_14_16x2 on gpu0: LiteRT cannot compile" in done.stdout
    checks = host.json("android_harness.doctor", "--device", phone.serial)["checks"]
    assert next(check for check in checks if check["topic"] == "unit gpu")["level"] == "note"
