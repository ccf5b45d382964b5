"""Builds of the runner with real compilers: the folders they lie in, the kit for aarch64, and compilers' complaints."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from android_harness.kits import native_build
from android_harness.kits.elf import read_elf
from android_harness.kits.native_build import (
    ANDROID_ABIS,
    CROSS_ABI,
    SANITIZERS,
    build_command,
    build_folder,
    build_runner,
    host_runner,
)
from android_harness.kits.runner_sources import RUNNER, builds_folder
from collab.errors import DeviceError
from tests.android_harness.cross import CROSS_COMPILER, EMULATOR, STAND_IN_NDK, built_cross_kit, program, write_ndk


def test_every_abi_and_sanitizer_has_a_build_folder_of_its_own() -> None:
    abis = (None, CROSS_ABI, *ANDROID_ABIS)
    folders = {build_folder(abi=abi, sanitizer=sanitizer) for abi, sanitizer in product(abis, SANITIZERS)}
    assert len(folders) == len(abis) * len(SANITIZERS)
    assert {folder.parent for folder in folders} == {builds_folder()}
    assert build_folder().name == "host"
    assert build_folder(sanitizer="thread").name == "host-thread"
    assert build_folder(abi="x86_64").name == "android-x86_64", "another one than this machine's"


@pytest.mark.parametrize(
    ("abi", "options"), [(None, ""), (CROSS_ABI, f" --abi {CROSS_ABI}"), *((abi, f" --abi {abi} --ndk PATH") for abi in ANDROID_ABIS)]
)
def test_the_command_for_a_build_names_what_it_needs(abi: str | None, options: str) -> None:
    assert build_command(abi) == f"syncnas build{options}"


def test_a_runner_that_was_not_built_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path)
    with pytest.raises(DeviceError, match=r"not built yet; build it with: syncnas build$"):
        host_runner()
    (tmp_path / "host" / RUNNER).mkdir(parents=True)
    with pytest.raises(DeviceError, match="not built yet"):
        host_runner()
    (tmp_path / "host" / RUNNER).rmdir()
    (tmp_path / "host" / RUNNER).touch()
    assert host_runner() == tmp_path / "host" / RUNNER


def write_project(folder: Path, program_text: str) -> None:
    """Writes a project as small as can be in the runner's place."""
    folder.mkdir(exist_ok=True)
    targets = "\n".join(f"add_executable({name} main.cc)" for name in (RUNNER, "runner_tests"))
    (folder / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.16)\nproject(small CXX)\n{targets}\n")
    (folder / "main.cc").write_text(program_text)


@pytest.mark.slow
def test_a_build_that_fails_says_at_which_step_and_with_the_tool_s_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    monkeypatch.setattr(native_build, "SOURCE", source)
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path / "build")
    with pytest.raises(DeviceError, match=r"(?s)^configuring the runner failed; is there a C\+\+17 compiler.*source"):
        build_runner()
    write_project(source, "int main() { return no_such_name; }\n")
    with pytest.raises(DeviceError, match=r"(?s)^compiling the runner failed;.*no_such_name") as failed:
        build_runner()
    assert len(str(failed.value).splitlines()) <= 31, "the tail is enough"
    write_project(source, "int main() { return 3; }\n")
    steps: list[tuple[int, int]] = []
    runner = build_runner(on_progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (2, 2), "compiling and linking"
    assert runner == tmp_path / "build" / "host" / RUNNER
    assert subprocess.run([runner], check=False).returncode == 3
    assert not runner.with_name("runner_tests").exists(), "only on request"
    build_runner(tests=True)
    assert runner.with_name("runner_tests").is_file()


@pytest.mark.slow
def test_an_ndk_s_toolchain_file_compiles_the_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests a stand-in for an NDK: its arguments arrive, and CMake uses the compiler and the pages that they name.

    It compiles for glibc, so what comes out is refused; built once more without the check, it is looked into.
    """
    program(CROSS_COMPILER)
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path / "build")
    ndk = write_ndk(tmp_path / "ndk", STAND_IN_NDK)
    runner = tmp_path / "build" / "android-arm64-v8a" / RUNNER
    with pytest.raises(
        DeviceError, match=r"cannot be loaded by Android \(API 29\): its loader is /lib/ld-linux-aarch64\.so\.1.*libc\.so\.6"
    ):
        build_runner(abi="arm64-v8a", ndk=ndk)
    assert not runner.exists(), "what Android cannot load does not pass for a runner"
    assert (runner.parent / "asked.txt").read_text() == "arm64-v8a android-29 c++_static"
    subprocess.run([sys.executable, "-m", "cmake", "--build", runner.parent, "--target", RUNNER], check=True, capture_output=True)
    assert (read_elf(runner).machine, read_elf(runner).alignment_bytes) == ("aarch64", 16384)
    broken = write_ndk(tmp_path / "broken", 'message(FATAL_ERROR "no compiler in here")')
    with pytest.raises(DeviceError, match="no compiler in here"):
        build_runner(abi="arm64-v8a", ndk=broken)
    assert not runner.exists(), "what another NDK built does not pass for this one's"


@pytest.fixture(scope="module", name="kit")
def cross_kit() -> Path:
    return built_cross_kit(tests=True)


@pytest.mark.slow
def test_the_runner_s_own_tests_pass_on_aarch64(kit: Path) -> None:
    """Runs them under emulation, with the loader and libraries that go to a device."""
    tests = build_folder(abi=CROSS_ABI) / "runner_tests"
    command = [program(EMULATOR), kit / "ld-linux-aarch64.so.1", "--library-path", kit, tests]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 failures" in result.stdout


@pytest.mark.slow
def test_a_kit_holds_files_for_its_machine_that_need_nothing_else(kit: Path) -> None:
    files = {path.name: read_elf(path) for path in kit.iterdir() if path.suffix != ".json"}
    assert {RUNNER, "libLiteRt.so", "libLiteRtWebGpuAccelerator.so", "ld-linux-aarch64.so.1", "libc.so.6", "libstdc++.so.6"} <= set(files)
    assert {file.machine for file in files.values()} == {"aarch64"}
    assert {name for file in files.values() for name in file.needed} <= set(files)
