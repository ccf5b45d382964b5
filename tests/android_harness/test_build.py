"""Builds for other kinds of devices, with real compilers; a build that cannot be made is refused in one sentence."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_harness.build import app
from android_harness.kits import native_build
from android_harness.kits.elf import read_elf
from android_harness.kits.native_build import CROSS_ABI, RUNNER, build_cross_kit, build_folder, build_runner
from collab.errors import DeviceError
from tests.android_harness.cross import CROSS_COMPILER, EMULATOR, STAND_IN_NDK, program, write_ndk

pytestmark = pytest.mark.slow


@pytest.fixture(name="no_ndk")
def without_ndk(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_HOME"):
        monkeypatch.delenv(variable, raising=False)


def refusal(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, DeviceError)
    return str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--abi", "armeabi-v7a"], "linux-aarch64, linux-x86_64 (Linux), arm64-v8a, x86_64 (Android)"),
        (["--abi", CROSS_ABI, "--sanitizer", "address"], "leave out --abi"),
        (["--sanitizer", "memory"], "one of none, address, thread"),
        (["--ndk", "/tmp"], "add --abi arm64-v8a"),
        (["--abi", "arm64-v8a", "--ndk", "/nowhere"], "--ndk /nowhere is no NDK"),
        (["--abi", "arm64-v8a"], "sdkmanager"),
    ],
)
def test_what_cannot_be_built_is_one_sentence_with_a_way_out(no_ndk: None, arguments: list[str], reason: str) -> None:
    program(CROSS_COMPILER)
    said = refusal(*arguments)
    assert reason in said
    assert "\n" not in said


def test_a_missing_cross_compiler_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal("--abi", CROSS_ABI) == f"{CROSS_COMPILER} is missing: apt-get install g++-aarch64-linux-gnu"


def test_the_environment_s_ndk_is_taken_and_the_newest_of_several(no_ndk: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from android_harness.kits.ndk import find_ndk

    old, new = (write_ndk(tmp_path / "sdk" / "ndk" / version, "") for version in ("9.2.1", "27.0.3"))
    (tmp_path / "sdk" / "ndk" / "99.0.0").mkdir()
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    assert find_ndk(None) == new
    monkeypatch.setenv("ANDROID_NDK_ROOT", str(old))
    assert find_ndk(None) == old
    assert find_ndk(new) == new
    monkeypatch.setenv("ANDROID_NDK_HOME", str(tmp_path))
    with pytest.raises(DeviceError, match=r"ANDROID_NDK_HOME .* is no NDK"):
        find_ndk(None)


def test_an_ndk_s_toolchain_file_compiles_the_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests a stand-in for an NDK: its arguments arrive, and CMake uses the compiler that it names."""
    program(CROSS_COMPILER)
    monkeypatch.setattr(native_build, "BUILDS", tmp_path / "build")
    ndk = write_ndk(tmp_path / "ndk", STAND_IN_NDK)
    runner = build_runner(abi="arm64-v8a", ndk=ndk)
    assert runner == tmp_path / "build" / "android-arm64-v8a" / RUNNER
    assert (runner.parent / "asked.txt").read_text() == "arm64-v8a android-29 c++_static"
    assert read_elf(runner).machine == "aarch64"
    broken = write_ndk(tmp_path / "broken", 'message(FATAL_ERROR "no compiler in here")')
    with pytest.raises(DeviceError, match="no compiler in here"):
        build_runner(abi="arm64-v8a", ndk=broken)
    assert not runner.exists(), "what another NDK built does not pass for this one's"


@pytest.fixture(scope="module", name="kit")
def cross_kit() -> Path:
    program(CROSS_COMPILER)
    return build_cross_kit(tests=True)


def test_the_runner_s_own_tests_pass_on_aarch64(kit: Path) -> None:
    """Runs them under emulation, with the loader and libraries that go to a device."""
    tests = build_folder(abi=CROSS_ABI) / "runner_tests"
    command = [program(EMULATOR), kit / "ld-linux-aarch64.so.1", "--library-path", kit, tests]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 failures" in result.stdout


def test_a_kit_holds_files_for_its_machine_that_need_nothing_else(kit: Path) -> None:
    files = {path.name: read_elf(path) for path in kit.iterdir() if path.suffix != ".json"}
    assert {RUNNER, "libLiteRt.so", "libLiteRtWebGpuAccelerator.so", "ld-linux-aarch64.so.1", "libc.so.6", "libstdc++.so.6"} <= set(files)
    assert {file.machine for file in files.values()} == {"aarch64"}
    assert {name for file in files.values() for name in file.needed} <= set(files)


def test_the_command_tells_where_runner_and_kit_are(kit: Path) -> None:
    result = CliRunner().invoke(app, ["--abi", CROSS_ABI, "--json"])
    assert json.loads(result.stdout) == {"runner": str(kit / RUNNER), "kit": str(kit)}
