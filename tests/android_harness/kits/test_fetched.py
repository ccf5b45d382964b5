"""LiteRT for Android as it is fetched: into the cache, checked, found by kits, and never believed when it was altered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_harness.kits import native_build
from android_harness.kits.android_engines import find_engines
from android_harness.kits.fetched import LIBRARIES, RuntimePlace, installed_version
from android_harness.kits.kit import Platform, kit_for
from android_harness.kits.native_build import RUNNER
from collab.errors import DeviceError
from tests.android_harness.cross import shared_library, write_aar
from tests.android_harness.kits.made_aars import ABI, LITERT, maven
from tests.serving import Server, serving

pytestmark = pytest.mark.usefixtures("home")
VERSION = installed_version()


@pytest.fixture(name="server")
def a_server(made: dict[str, Path]) -> Iterator[Server]:
    folder = f"/{VERSION}/android_arm64"
    with serving(files={f"{folder}/{name}": made["new"].read_bytes() for name in LIBRARIES}) as server:
        yield server


def place_at(server: Server) -> RuntimePlace:
    return RuntimePlace(VERSION, ABI, server.url)


def test_what_was_fetched_is_found_by_kits_before_cached_aars(server: Server, home: Path, made: dict[str, Path]) -> None:
    write_aar(maven(home, *LITERT, "9.9.9"), {f"jni/{ABI}/libLiteRt.so": made["new"]})
    assert find_engines(ABI, [])[0]["litert"].title == "litert 9.9.9 (AAR)"
    place = place_at(server)
    assert place.fetched() == {}
    assert [offer.size for offer in place.offers()] == [made["new"].stat().st_size] * 2
    assert place.fetch() == dict.fromkeys(LIBRARIES, False), "no digest is known of what was made here"
    engine = find_engines(ABI, [])[0]["litert"]
    assert (engine.title, set(engine.files), engine.accelerated) == (f"litert {VERSION} (fetched)", set(LIBRARIES), True)
    asked = len(server.asked)
    assert place.fetched()
    assert len(server.asked) == asked, "the cache dials nobody"


def test_a_digest_is_pinned_at_first_and_asked_for_from_then_on(server: Server, made: dict[str, Path], tmp_path: Path) -> None:
    place = place_at(server)
    place.fetch()
    assert place.fetch() == dict.fromkeys(LIBRARIES, True)
    other = shared_library(tmp_path / "other.so", "aarch64", "LiteRtCreateModelFromFd", "Another").read_bytes()
    server.files = dict.fromkeys(server.files, other)
    with pytest.raises(DeviceError, match="is not the file that it should be"):
        place.fetch()
    assert place.fetched(), "what was there stays"
    assert json.loads((place.folder / "origin.json").read_text())[LIBRARIES[0]]["url"] == place.url(LIBRARIES[0])


def test_a_digest_that_is_known_is_asked_for(made: dict[str, Path]) -> None:
    with serving(files={f"/2.1.6/android_arm64/{name}": made["new"].read_bytes() for name in LIBRARIES}) as server:
        place = RuntimePlace("2.1.6", ABI, server.url)
        assert place.known_digest(LIBRARIES[0]) == "35e34acfb76722868b0fe6bccab9d4432ac3f9fe95e7f29d2d6c030b66052369"
        with pytest.raises(DeviceError, match="not 35e34acfb76722868b0fe6bccab9d4432ac3f9fe95e7f29d2d6c030b66052369"):
            place.fetch()


@pytest.mark.parametrize(
    ("library", "words"), [("wrong", "is made for x86_64, not for arm64-v8a"), ("old", "lacks LiteRtCreateModelFromFd")]
)
def test_a_library_of_another_machine_or_time_is_not_kept(library: str, words: str, server: Server, made: dict[str, Path]) -> None:
    server.files = dict.fromkeys(server.files, made[library].read_bytes())
    with pytest.raises(DeviceError, match=words):
        place_at(server).fetch()
    assert place_at(server).fetched() == {}


def test_a_cache_that_was_altered_is_refused(server: Server) -> None:
    place = place_at(server)
    place.fetch()
    with (place.folder / LIBRARIES[1]).open("ab") as file:
        file.write(b"x")
    with pytest.raises(DeviceError, match=r"is not what was fetched from http.*remove .* and fetch it anew"):
        find_engines(ABI, [])
    (place.folder / LIBRARIES[1]).unlink()
    assert place.fetched() == {}
    (place.folder / "origin.json").write_text("{")
    with pytest.raises(DeviceError, match="fetch it anew"):
        place.fetched()


@pytest.fixture(name="brought")
def a_runner_that_a_release_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(native_build, "BUILDS", tmp_path / "build")
    monkeypatch.setattr(native_build, "_PREBUILT", tmp_path / "prebuilt")
    path = tmp_path / "prebuilt" / ABI / RUNNER
    shared_library(path, "aarch64", "Runner")
    return path


def test_a_runner_of_a_release_makes_the_kit_for_android(server: Server, brought: Path, tmp_path: Path) -> None:
    place_at(server).fetch()
    kit = kit_for(Platform("aarch64", "bionic"))
    assert (kit.name, kit.files[RUNNER], kit.gpu_backends) == ("android-arm64-v8a", brought, ("opencl", "opengl"))
    assert "gpu" not in kit.missing
    own = tmp_path / "build" / "android-arm64-v8a" / RUNNER
    shared_library(own, "aarch64", "Runner")
    assert kit_for(Platform("aarch64", "bionic")).files[RUNNER] == own, "one that was built here comes first"


def test_a_library_for_smaller_pages_than_the_devices_is_refused(server: Server, brought: Path) -> None:
    place_at(server).fetch()
    assert kit_for(Platform("aarch64", "bionic", 4096)).files
    with pytest.raises(DeviceError, match=r"is made for pages of \d+ bytes, and the device has pages of 131072; get a newer one"):
        kit_for(Platform("aarch64", "bionic", 131072))
