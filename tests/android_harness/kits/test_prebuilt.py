"""Runners that a package brings: taken where they are of the package's sources and can be loaded, else built or refused."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from android_harness.kits import native_build, prebuilt, runner_sources
from android_harness.kits.elf import glibc_needed
from android_harness.kits.kit import Platform, kit_for
from android_harness.kits.native_build import android_runner, build_folder, host_runner
from android_harness.kits.prebuilt import STAMP, keep_prebuilt, prebuilt_runner
from android_harness.kits.runner_sources import RUNNER, SOURCE, builds_folder, runner_version, sources_digest
from collab.errors import DeviceError
from tests.android_harness.kits.android_programs import android_program

HERE = f"linux-{platform.machine()}"


@pytest.fixture(name="package")
def empty_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leaves the package without a runner of its own, and this machine without builds."""
    monkeypatch.setattr(native_build, "builds_folder", lambda: tmp_path / "build")
    monkeypatch.setattr(prebuilt, "PREBUILT", tmp_path / "prebuilt")
    return tmp_path / "prebuilt"


def change_stamp(brought: Path, **values: Any) -> None:
    path = brought.with_name(STAMP)
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_runner_that_was_built_here_comes_before_the_package_s_own(package: Path, tmp_path: Path) -> None:
    assert android_runner("arm64-v8a") is None
    brought = keep_prebuilt(android_program(tmp_path), "arm64-v8a")
    assert android_runner("arm64-v8a") == brought == package / "arm64-v8a" / RUNNER
    assert android_runner("x86_64") is None
    built = build_folder(abi="arm64-v8a") / RUNNER
    built.parent.mkdir(parents=True)
    built.touch()
    assert android_runner("arm64-v8a") == built


@pytest.mark.parametrize("values", [{"version": "0.0.1"}, {"sources": "0" * 64}, {"sources": 3}, {"more": 1}])
def test_a_runner_of_other_sources_is_left_out(package: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    brought = keep_prebuilt(android_program(tmp_path), "arm64-v8a")
    assert prebuilt_runner("arm64-v8a") == brought
    change_stamp(brought, **values)
    assert prebuilt_runner("arm64-v8a") is None
    brought.with_name(STAMP).unlink()
    assert prebuilt_runner("arm64-v8a") is None


def test_the_runner_says_the_version_of_its_sources(runner: Path) -> None:
    said = subprocess.run([runner, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[1] == runner_version()


def test_what_android_cannot_load_does_not_get_into_the_package(package: Path, runner: Path) -> None:
    with pytest.raises(DeviceError, match="cannot be loaded by Android"):
        keep_prebuilt(runner, "arm64-v8a")
    assert not package.exists()


def test_the_runner_of_another_machine_does_not_get_into_the_package(package: Path, runner: Path) -> None:
    with pytest.raises(DeviceError, match=r"is for (x86_64|aarch64), not for linux-riscv64"):
        keep_prebuilt(runner, "linux-riscv64")
    assert not package.exists()


def test_the_package_s_own_runner_serves_this_machine_where_its_glibc_does(package: Path, runner: Path) -> None:
    with pytest.raises(DeviceError, match="is not built yet"):
        host_runner()
    brought = keep_prebuilt(runner, HERE)
    assert host_runner() == brought
    assert subprocess.run([brought, "--version"], capture_output=True, check=True).stdout
    needed = json.loads(brought.with_name(STAMP).read_text())["glibc"]
    assert needed == ".".join(map(str, glibc_needed(runner)))
    change_stamp(brought, glibc="2.999")
    with pytest.raises(DeviceError, match="is not built yet"):
        host_runner()
    change_stamp(brought, glibc="2.4")
    assert host_runner() == brought


def test_a_kit_around_the_package_s_own_runner_needs_no_compiler(
    package: Path, runner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that the libraries beside it are found on this system, by their names."""
    keep_prebuilt(runner, HERE)
    monkeypatch.setenv("PATH", str(tmp_path))
    kit = kit_for(Platform(platform.machine(), "glibc"))
    assert {RUNNER, "libLiteRt.so", "libstdc++.so.6", "libgcc_s.so.1"} <= set(kit.files)
    assert all(path.is_file() for path in kit.files.values())


def test_builds_lie_beside_the_sources_of_a_checkout() -> None:
    assert builds_folder() == SOURCE / "build"


def test_an_installed_package_builds_in_the_user_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that each state of the sources has a folder of its own, and that nothing is made by asking for it."""
    source = tmp_path / "site-packages" / "android_harness" / "runner"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("build"))
    monkeypatch.setattr(runner_sources, "SOURCE", source)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    asked = builds_folder.__wrapped__
    first = asked()
    assert first.parent == tmp_path / "home" / ".cache" / "syncnas" / "runner"
    assert first.name == f"{runner_version()}-{sources_digest()[:12]}"
    main = source / "src" / "main.cc"
    main.write_text(main.read_text() + "\n")
    assert asked() != first
    assert not (tmp_path / "home").exists()
