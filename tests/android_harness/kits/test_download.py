"""Downloads from a real server: whole, cut, filtered, refused, and on to a full disk."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_harness.kits import download as downloads
from android_harness.kits.download import download, look_at
from collab.errors import DeviceError, StorageError
from tests.serving import Server, serving

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_PAUSE_S", 0.001)


@pytest.fixture(name="server")
def a_server() -> Iterator[Server]:
    with serving(files={"/file": CONTENT}) as server:
        yield server


def test_a_file_arrives_whole_with_its_digest(server: Server, tmp_path: Path) -> None:
    assert look_at(f"{server.url}/file").size == len(CONTENT)
    seen: list[int] = []
    assert download(f"{server.url}/file", tmp_path / "deep" / "file", sha256=SHA256, on_bytes=seen.append) == SHA256
    assert (tmp_path / "deep" / "file").read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_download_that_is_cut_goes_on(has_ranges: bool, server: Server, tmp_path: Path) -> None:
    server.cuts, server.cut_bytes, server.has_ranges = 3, 81_920, has_ranges
    assert download(f"{server.url}/file", tmp_path / "file") == SHA256
    begins = [begin for _, _, begin in server.asked]
    assert begins == ([0, 81_920, 163_840, 245_760] if has_ranges else [0, 0, 0, 0])


def test_a_server_that_is_out_of_order_for_a_moment_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.faults = 2
    assert download(f"{server.url}/file", tmp_path / "file") == SHA256
    server.faults = 100
    with pytest.raises(DeviceError, match=r"cannot be downloaded \(status 503\)"):
        download(f"{server.url}/file", tmp_path / "other")


def test_a_download_that_never_gets_on_is_given_up(server: Server, tmp_path: Path) -> None:
    server.cuts, server.cut_bytes = 100, 0
    with pytest.raises(DeviceError, match="cannot be downloaded"):
        download(f"{server.url}/file", tmp_path / "file")
    assert len(server.asked) < 10
    assert not list(tmp_path.iterdir())


def test_another_file_than_the_one_that_is_known_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=rf"not the file that it should be \(sha256 {SHA256}, not {'0' * 64}\); nothing was kept"):
        download(f"{server.url}/file", tmp_path / "file", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_a_login_page_is_no_library(server: Server, tmp_path: Path) -> None:
    server.portal = True
    with pytest.raises(DeviceError, match="answers with a web page, not with a library: this network wants a login"):
        download(f"{server.url}/file", tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_is_named(server: Server, tmp_path: Path) -> None:
    for ask in (look_at, lambda url: download(url, tmp_path / "file")):
        with pytest.raises(DeviceError, match=r"/2\.9\.9 is not there \(status 404\)"):
            ask(f"{server.url}/2.9.9")


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    for ask in (look_at, lambda url: download(url, tmp_path / "file")):
        with pytest.raises(DeviceError, match="cannot be downloaded"):
            ask(f"{url}/file")


def test_a_file_without_end_is_refused(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_FILE_BYTES", 1000)
    with pytest.raises(DeviceError, match="more than any library"):
        download(f"{server.url}/file", tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is for root")
def test_a_full_disk_is_a_sentence_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(StorageError, match="No space left"):
            download(f"{server.url}/file", tmp_path / "file")
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)
