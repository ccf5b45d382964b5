"""LiteRT for Android from a real server: checked, cached by version and checksum, and found again without the network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits.aar import given_aar
from android_harness.kits.android_engines import find_engines
from android_harness.kits.downloads import litert, web
from android_harness.kits.downloads.litert import (
    LIBRARIES,
    PLATFORMS,
    KnownFile,
    Pin,
    Releases,
    cached_libraries,
    fetch,
    installed_version,
    offers,
    pin_of,
    releases,
)
from collab.errors import DeviceError
from collab.files import sha256_of
from collab.system.caches import cache_folder
from tests.android_harness.cross import write_aar
from tests.android_harness.kits.downloads.file_server import FileServer, serving
from tests.android_harness.kits.made_aars import ABI, LITERT, gradle

pytestmark = pytest.mark.usefixtures("home")
VERSION = installed_version()
RUNTIME, ACCELERATOR = LIBRARIES


@pytest.fixture(name="server")
def a_server(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(web, "_PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Checksums of the installed version may be known, and the server's files have others.
    know(monkeypatch)
    folder = f"/{VERSION}/{PLATFORMS[ABI]}"
    with serving({f"{folder}/{RUNTIME}": made["new"].read_bytes(), f"{folder}/{ACCELERATOR}": made["gpu"].read_bytes()}) as server:
        yield server


def know(monkeypatch: pytest.MonkeyPatch, **digests: str) -> None:
    """Makes these checksums the known ones of the installed version: that of the library by `runtime`, of the other by `accelerator`."""
    names = {"runtime": RUNTIME, "accelerator": ACCELERATOR}
    files = {names[name]: KnownFile(digest) for name, digest in digests.items()}
    monkeypatch.setattr(litert, "releases", lambda: Releases(1, "Apache-2.0", {"2.2.0": {ABI: {}}, VERSION: {ABI: files}}))


def fetch_all(server: FileServer) -> list[Pin]:
    return [fetch(offer, lambda *_: None) for offer in offers(VERSION, ABI, source=server.url)]


def nothing_is_left() -> bool:
    return not list(cache_folder("litert").rglob("*.so"))


def test_both_libraries_are_downloaded_and_found_again_without_the_network(server: FileServer, made: dict[str, Path]) -> None:
    assert cached_libraries(VERSION, ABI) is None
    pins = fetch_all(server)
    assert [(pin.sha256, pin.bytes) for pin in pins] == [(sha256_of(made[name]), made[name].stat().st_size) for name in ("new", "gpu")]
    assert offers(VERSION, ABI) == ()
    found = cached_libraries(VERSION, ABI)
    assert found is not None
    assert {name: path.read_bytes() for name, path in found.files.items()} == {
        RUNTIME: made["new"].read_bytes(),
        ACCELERATOR: made["gpu"].read_bytes(),
    }
    assert (found.library, found.accelerated, found.origin.title) == (RUNTIME, True, f"litert {VERSION} (download)")
    assert len(server.asked) == 2
    assert pin_of(found.files[RUNTIME]) == pins[0]
    assert pin_of(made["new"]) is None


def test_downloaded_libraries_come_after_given_aars_and_before_cached_ones(
    server: FileServer, made: dict[str, Path], home: Path, tmp_path: Path
) -> None:
    write_aar(gradle(home, *LITERT, "9.9.9"), {f"jni/{ABI}/{RUNTIME}": made["new"]})
    assert find_engines(ABI, [])[0]["litert"].origin.title == "litert 9.9.9 (AAR)"
    fetch_all(server)
    assert find_engines(ABI, [])[0]["litert"].origin.title == f"litert {VERSION} (download)"
    given_one = given_aar(write_aar(tmp_path / "litert-2.1.6.aar", {f"jni/{ABI}/{RUNTIME}": made["new"]}))
    assert find_engines(ABI, [given_one])[0]["litert"].origin.title == "litert 2.1.6 (AAR)"


def test_a_known_checksum_is_required(server: FileServer, made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, runtime=sha256_of(made["new"]), accelerator="0" * 64)
    runtime, accelerator = offers(VERSION, ABI, source=server.url)
    assert fetch(runtime, lambda *_: None).sha256 == sha256_of(made["new"])
    with pytest.raises(
        DeviceError, match=rf"is not the file that LiteRT {VERSION} has .*begins with [0-9a-f]{{12}}, not with 000000000000\).*--from"
    ):
        fetch(accelerator, lambda *_: None)
    found = cached_libraries(VERSION, ABI)
    assert found is not None
    assert set(found.files) == {RUNTIME}, "what is right stays, without the accelerator"


def test_without_a_known_checksum_the_first_one_has_to_stay(server: FileServer, made: dict[str, Path]) -> None:
    first, _ = fetch_all(server)
    library = cache_folder("litert") / VERSION / ABI / first.sha256 / RUNTIME
    library.write_bytes(b"damaged")
    with pytest.raises(DeviceError, match="is damaged or gone; download it again: syncnas setup"):
        cached_libraries(VERSION, ABI)
    assert "is damaged or gone" in find_engines(ABI, [])[1]["litert"]
    [again] = offers(VERSION, ABI, source=server.url)
    server.files[f"/{VERSION}/{PLATFORMS[ABI]}/{RUNTIME}"] = made["new"].read_bytes() + b"changed"
    with pytest.raises(DeviceError, match=r"is another file than at its first download here .*if you know why, remove "):
        fetch(again, lambda *_: None)
    server.files[f"/{VERSION}/{PLATFORMS[ABI]}/{RUNTIME}"] = made["new"].read_bytes()
    assert fetch(again, lambda *_: None) == first
    assert cached_libraries(VERSION, ABI) is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("old", r"lacks LiteRtCreateModelFromFd; fetch it with"),
        ("wrong", f"{RUNTIME} for {ABI} in http://.* is made for x86_64"),
        (b"\x7fELF\x02\x01" + bytes(3), "is damaged"),
        (b"neither page nor library", "is not a 64-bit program or library"),
        (b"<html>log in</html>", "answers with a web page"),
        (b"", "is not a 64-bit program or library"),
    ],
    ids=["too old", "another machine", "damaged", "no library", "page", "empty"],
)
def test_what_the_runner_cannot_use_is_thrown_away(server: FileServer, made: dict[str, Path], content: str | bytes, reason: str) -> None:
    body = made[content].read_bytes() if isinstance(content, str) else content
    server.files[f"/{VERSION}/{PLATFORMS[ABI]}/{RUNTIME}"] = body
    with pytest.raises(DeviceError, match=reason):
        fetch_all(server)
    assert nothing_is_left()
    assert cached_libraries(VERSION, ABI) is None


def test_a_cut_file_that_has_no_length_is_no_library(server: FileServer) -> None:
    server.says_length = False
    server.cuts = [5000]
    with pytest.raises(DeviceError, match="is damaged"):
        fetch_all(server)
    assert nothing_is_left()


def test_a_version_that_has_no_android_is_said_with_those_that_have(server: FileServer) -> None:
    server.files.clear()
    with pytest.raises(DeviceError, match=rf"LiteRT {re.escape(VERSION)} has no {RUNTIME} for {ABI} at .*known: .*pip install .*--aar"):
        fetch_all(server)


def test_a_library_that_is_larger_than_the_known_one_is_not_read_to_its_end(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {RUNTIME: KnownFile("0" * 64, 1000)}
    monkeypatch.setattr(litert, "releases", lambda: Releases(1, "Apache-2.0", {VERSION: {ABI: known}}))
    with pytest.raises(DeviceError, match="has more than 1000 bytes"):
        fetch_all(server)


@given(
    st.one_of(st.binary(max_size=200), st.sampled_from([b"{}", b"[]", b'{"format": 2, "files": {}}', b'{"format": 1, "files": {"x": 1}}']))
)
def test_a_damaged_list_of_the_cache_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        folder = cache_folder("litert") / VERSION / ABI
        folder.mkdir(parents=True)
        (folder / "pins.json").write_bytes(content)
        with pytest.raises(DeviceError, match=r"pins\.json.*remove .*download again"):
            cached_libraries(VERSION, ABI)


def test_names_in_the_list_of_the_cache_lead_nowhere_else(server: FileServer, made: dict[str, Path]) -> None:
    fetch_all(server)
    path = cache_folder("litert") / VERSION / ABI / "pins.json"
    document = json.loads(path.read_text())
    document["files"]["../../libc.so"] = document["files"][RUNTIME]
    path.write_text(json.dumps(document))
    found = cached_libraries(VERSION, ABI)
    assert found is not None
    assert set(found.files) == set(LIBRARIES)


def test_the_known_releases_are_well_formed() -> None:
    known = releases()
    assert known.format == 1
    assert "2.2.0" in known.releases
    for abis in known.releases.values():
        assert set(abis) == set(PLATFORMS)
        assert all(set(files) == set(LIBRARIES) for files in abis.values())
    digests = [file.sha256 for abis in known.releases.values() for files in abis.values() for file in files.values()]
    assert len(set(digests)) == len(digests)
