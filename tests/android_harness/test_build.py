"""The command that builds the runner: what it prints, and its refusals in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_harness.build import app
from android_harness.kits.native_build import CROSS_ABI
from android_harness.kits.runner_sources import RUNNER
from collab.errors import SyncNasError
from tests.android_harness.cross import CROSS_COMPILER, built_cross_kit, one_build_at_a_time


@pytest.fixture(name="no_ndk")
def without_ndk(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_HOME"):
        monkeypatch.delenv(variable, raising=False)


def refusal(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SyncNasError)
    return str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--abi", "armeabi-v7a"], "linux-aarch64, linux-x86_64 (Linux), arm64-v8a, x86_64 (Android)"),
        (["--abi", CROSS_ABI, "--sanitizer", "address"], "leave out --abi"),
        (["--sanitizer", "memory"], "one of none, address, thread"),
        (["--ndk", "/tmp"], "add --abi arm64-v8a"),
        (["--prebuilt", "--sanitizer", "thread"], "--sanitizer thread is for tests; leave out --prebuilt"),
        (["--glibc", "2.28", "--abi", "x86_64"], "--glibc is for Linux, without a sanitizer; leave one of them out"),
        (["--glibc", "2.28", "--sanitizer", "address"], "--glibc is for Linux, without a sanitizer; leave one of them out"),
        (["--glibc", "3"], "--glibc 3: a version such as 2.28"),
        (["--abi", "arm64-v8a", "--ndk", "/nowhere"], "--ndk /nowhere is no NDK"),
        (["--abi", "arm64-v8a"], "sdkmanager"),
    ],
)
def test_what_cannot_be_built_is_one_sentence_with_a_way_out(no_ndk: None, arguments: list[str], reason: str) -> None:
    said = refusal(*arguments)
    assert reason in said
    assert "\n" not in said


def test_a_missing_cross_compiler_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal("--abi", CROSS_ABI) == f"{CROSS_COMPILER} is missing: apt-get install g++-aarch64-linux-gnu"


@pytest.mark.slow
def test_the_command_tells_where_runner_and_kit_are() -> None:
    kit = built_cross_kit()
    with one_build_at_a_time():
        result = CliRunner().invoke(app, ["--abi", CROSS_ABI, "--json"])
    assert json.loads(result.stdout) == {"schema_version": 1, "runner": str(kit / RUNNER), "kit": str(kit)}
