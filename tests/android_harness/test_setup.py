"""The command that gets everything a device needs: from a real server, from the cache, without the network, and with an NDK."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from android_harness.device.state import DeviceState, parse_state
from android_harness.kits import native_build, prebuilt
from android_harness.kits.downloads import web
from android_harness.kits.downloads.litert import LIBRARIES, PLATFORMS, installed_version
from android_harness.kits.prebuilt import keep_prebuilt
from android_harness.kits.runner_sources import RUNNER
from android_harness.setup import SetupOptions, set_up
from android_harness.setup_plan import Plan, plan_setup
from collab.errors import ConfigError, DeviceError
from tests.android_harness.commands import home_alone, run
from tests.android_harness.cross import COMPILERS, program, write_aar, write_ndk
from tests.android_harness.device.made_states import PHONE
from tests.android_harness.kits.android_programs import android_program
from tests.android_harness.kits.downloads.file_server import FileServer, serving
from tests.android_harness.kits.made_aars import compile_libraries

ABI = "arm64-v8a"
FOLDER = f"/{installed_version()}/{PLATFORMS[ABI]}"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(name="state")
def a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeviceState:
    """A phone, and a computer with neither caches nor builds nor an NDK."""
    for variable in ("GRADLE_USER_HOME", "XDG_CACHE_HOME", "ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path / "builds")
    monkeypatch.setattr(prebuilt, "PREBUILT", tmp_path / "prebuilt")
    monkeypatch.setattr(web, "_PAUSE_S", 0.0)
    return parse_state("S1", PHONE)


@pytest.fixture(scope="module", name="made")
def made_libraries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return compile_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(name="server")
def a_server(made: Mapping[str, Path]) -> Iterator[FileServer]:
    with serving({f"{FOLDER}/{name}": made[what].read_bytes() for name, what in zip(LIBRARIES, ("new", "gpu"), strict=True)}) as server:
        yield server


@pytest.fixture(name="release")
def a_release(state: DeviceState, tmp_path: Path) -> Path:
    """Puts a runner into the package, as releases do."""
    folder = tmp_path / "ndk"
    folder.mkdir()
    return keep_prebuilt(android_program(folder), ABI)


@pytest.mark.usefixtures("release")
def test_a_phone_gets_all_that_its_gpu_needs_and_a_second_time_nothing_is_dialled(state: DeviceState, server: FileServer) -> None:
    options = SetupOptions(server.url, yes=True, quiet=True)
    done = set_up("S1", state, options)
    assert done["kit"] == f"android-{ABI}"
    assert [file["name"] for file in done["files"]] == [RUNNER, *LIBRARIES]
    assert [file.get("from") for file in done["files"]] == [None, *(f"{server.url}{FOLDER}/{name}" for name in LIBRARIES)]
    assert {kind: unit["ready"] for kind, unit in done["units"].items()} == {"cpu": True, "gpu": True, "nnapi": False}
    assert len(done["done"]) == 2
    assert all("Apache-2.0" in step and "SHA-256" in step and " MB" in step for step in done["done"])
    assert "not encrypted" in done["notes"][0]
    assert done["next"][1] == ("syncnas profile --device S1 --model mobilenet_v2 --unit cpu:cluster=big --unit gpu --out luts/phone")
    again = set_up("S1", state, SetupOptions(NOWHERE, quiet=True))
    assert (again["done"], again["undone"], again["files"]) == ([], [], done["files"])
    assert len(server.asked) == 2


@pytest.mark.usefixtures("release")
def test_offline_never_dials_and_lists_what_is_missing(state: DeviceState, server: FileServer) -> None:
    found = set_up("S1", state, SetupOptions(server.url, offline=True, quiet=True))
    assert server.asked == []
    assert [step.split(",")[0] for step in found["undone"]] == [f"download {name}" for name in LIBRARIES]
    assert found["kit"] is None
    assert found["units"]["gpu"]["ready"] is False


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_it_asks_before_it_dials(
    state: DeviceState,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    goes_on: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    if goes_on:
        assert set_up("S1", state, SetupOptions(server.url, quiet=True))["units"]["gpu"]["ready"]
    else:
        with pytest.raises(ConfigError, match="nothing was done; answer y, or give --yes"):
            set_up("S1", state, SetupOptions(server.url, quiet=True))
        assert server.asked == []
    said = capsys.readouterr().err
    assert "For S1 (Google Pixel 8, Google Tensor G3, aarch64) this computer will" in said
    assert "Go on? [y/N]" in said


def test_an_aar_by_hand_takes_the_place_of_the_download(
    state: DeviceState, release: Path, made: Mapping[str, Path], tmp_path: Path
) -> None:
    path = write_aar(tmp_path / "litert-2.1.6.aar", {f"jni/{ABI}/libLiteRt.so": made["new"]})
    found = set_up("S1", state, SetupOptions(NOWHERE, aars=(path,), quiet=True))
    assert found["engines"] == {"litert": "litert 2.1.6 (AAR)"}
    assert f"--aar {path}" in found["next"][0]
    assert found["files"][0]["path"] == str(release)


def planned(state: DeviceState, *, ndk: Path | None = None) -> Plan:
    from android_harness.kits.kit import Platform

    return plan_setup(Platform(state.machine, state.libc), source=NOWHERE, aars=(), ndk=ndk, bar=lambda _: pytest.fail("nothing is done"))


def test_a_runner_that_no_release_brings_is_built_by_an_ndk(state: DeviceState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ndk = write_ndk(tmp_path / "ndk27", "")
    first = planned(state, ndk=ndk).steps[0]
    assert (first.doing, first.dials) == (f"build the runner for Android on {ABI} with the NDK {ndk}", False)
    monkeypatch.setenv("ANDROID_NDK_HOME", str(ndk))
    assert [step.doing for step in planned(state).steps] == [step.doing for step in planned(state, ndk=ndk).steps]
    with pytest.raises(DeviceError, match=r"--ndk .* is no NDK"):
        planned(state, ndk=tmp_path / "nowhere")


def test_without_release_and_ndk_a_phone_s_cpu_is_set_up_and_it_is_said(state: DeviceState) -> None:
    program(COMPILERS["aarch64"])
    plan = planned(state)
    assert not [step for step in plan.steps if step.doing.startswith("download")]
    assert "CPU units only: GPU and NNAPI need the runner for Android" in plan.notes[0]
    assert "sdkmanager" in plan.notes[0]
    assert [step.doing.split(" for ")[0] for step in plan.steps] == ["build the runner"]


def test_a_device_that_no_kit_is_for_is_told_why(state: DeviceState) -> None:
    strange = parse_state("S1", PHONE.replace("machine=aarch64", "machine=armv7l"))
    found = set_up("S1", strange, SetupOptions(NOWHERE, quiet=True))
    assert (found["kit"], found["next"]) == (None, [])
    assert "no kit for armv7l" in found["units"]["cpu"]["reason"]


def test_this_machine_is_set_up_by_the_command(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    home = home_alone(tmp_path)
    said = json.loads(run("android_harness.setup", "--device", "local", "--offline", "--json", env=home))
    assert (said["done"], said["undone"]) == ([], [])
    assert said["units"]["cpu"] == {"ready": True, "reason": ""}
    text = run("android_harness.setup", "--device", "local", env=home)
    assert "Next: python -m android_harness.doctor --device local" in text
    refused = run("android_harness.setup", "--device", "local", "--from", "ftp://mirror", env=home, status=2)
    assert "--from ftp://mirror is no address of a web server" in refused
