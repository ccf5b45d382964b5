"""The command that gets a device ready: what it makes, what it fetches, what it asks, and that it keeps off the network when told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from android_harness.device.state import DeviceState, parse_state
from android_harness.kits import native_build
from android_harness.kits.fetched import LIBRARIES, installed_version
from android_harness.kits.native_build import RUNNER
from android_harness.setup import Part, Wishes, prepare
from collab.errors import DeviceError
from tests.android_harness.commands import home_alone, run
from tests.android_harness.cross import shared_library
from tests.android_harness.device.made_states import PHONE
from tests.serving import Server, serving


@pytest.fixture(name="server")
def a_server(tmp_path: Path) -> Iterator[Server]:
    library = shared_library(tmp_path / "litert.so", "aarch64", "LiteRtCreateModelFromFd").read_bytes()
    folder = f"/{installed_version()}/android_arm64"
    with serving(files={f"{folder}/{name}": library for name in LIBRARIES}) as server:
        yield server


@pytest.fixture(name="state")
def a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeviceState:
    """Returns a phone's state, on a computer with a runner for it out of a release, and nothing else."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GRADLE_USER_HOME", "XDG_CACHE_HOME", "ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(native_build, "BUILDS", tmp_path / "build")
    monkeypatch.setattr(native_build, "_PREBUILT", tmp_path / "prebuilt")
    shared_library(tmp_path / "prebuilt" / "arm64-v8a" / RUNNER, "aarch64", "Runner")
    return parse_state("S1", PHONE)


def wishes(server: Server, *, yes: bool = True, offline: bool = False) -> Wishes:
    return Wishes((), yes, offline, server.url)


def states(parts: list[Part]) -> dict[str, str]:
    return {part.name.partition(" ")[0]: part.state for part in parts}


def test_the_runtime_is_fetched_once_and_its_digest_pinned(state: DeviceState, server: Server) -> None:
    parts = prepare(state, wishes(server))
    assert states(parts) == {"runner": "ready", "LiteRT": "made now"}
    assert "no digest of libLiteRt.so and libLiteRtClGlAccelerator.so is known for this version: what came is pinned" in parts[1].about
    asked = len(server.asked)
    again = prepare(state, wishes(server))
    assert states(again) == {"runner": "ready", "LiteRT": "ready"}
    assert again[1].about == f"litert {installed_version()} (fetched)"
    assert len(server.asked) == asked, "nobody is dialled again"


def test_offline_nobody_is_dialled(state: DeviceState, server: Server) -> None:
    parts = prepare(state, wishes(server, offline=True))
    assert states(parts) == {"runner": "ready", "LiteRT": "missing"}
    assert server.asked == []


def test_nothing_is_fetched_unasked(state: DeviceState, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    with pytest.raises(DeviceError, match=r"\(0\.\d MB, Apache-2.0.*are fetched from http.*allow it with --yes, or .*--offline"):
        prepare(state, wishes(server, yes=False))
    assert {method for method, _, _ in server.asked} == {"HEAD"}


def test_a_login_page_or_another_version_is_a_sentence(state: DeviceState, server: Server) -> None:
    server.portal = True
    with pytest.raises(DeviceError, match="answers with a web page"):
        prepare(state, wishes(server))
    server.portal, server.files = False, {}
    with pytest.raises(DeviceError, match="is the version right"):
        prepare(state, wishes(server))


def test_without_a_runner_for_android_its_cpu_is_driven_by_the_one_for_linux(state: DeviceState, server: Server, tmp_path: Path) -> None:
    (tmp_path / "prebuilt" / "arm64-v8a" / RUNNER).unlink()
    parts = prepare(state, wishes(server, offline=True))
    assert [part.state for part in parts] == ["missing", "missing"]
    assert "releases bring it along, else it takes an NDK: python -m android_harness.build --abi arm64-v8a" in parts[0].about
    assert server.asked == []


@pytest.fixture(name="home")
def a_home(runner: Path, tmp_path: Path) -> Mapping[str, str]:
    assert runner.is_file()
    return home_alone(tmp_path)


def test_this_machine_is_ready_once_its_runner_is_built(home: Mapping[str, str]) -> None:
    said = json.loads(run("android_harness.setup", "--device", "local", "--offline", "--json", env=home))
    assert (said["kit"], said["units"]["cpu"], said["missing"]) == (f"linux-{said['abi']}", True, None)
    assert [part["state"] for part in said["parts"]] == ["ready"]
    text = run("android_harness.setup", "--device", "local", "--offline", env=home)
    assert "python -m profiler.run --device local" in text
