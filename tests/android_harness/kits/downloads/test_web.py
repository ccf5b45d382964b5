"""Downloads from a real server: whole, cut, in ranges, or something else in their place."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_harness.kits.downloads import web
from android_harness.kits.downloads.web import checked_url, download
from collab.errors import ConfigError, DeviceError, StorageError
from tests.android_harness.cross import program
from tests.android_harness.kits.downloads.file_server import FileServer, serving

CONTENT = random.Random(1).randbytes(300_000)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome to our Wi-Fi</title></head></html>"


@pytest.fixture(name="server")
def a_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(web, "_PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving({"/file": CONTENT, "/page": PAGE}) as server:
        yield server


def fetch(url: str, path: Path, most_bytes: int = 1 << 20) -> list[tuple[int, int | None]]:
    """Downloads a file; returns how its progress was told."""
    told: list[tuple[int, int | None]] = []
    download(url, path, most_bytes=most_bytes, absent="nothing there", progress=lambda *progress: told.append(progress))
    return told


def test_a_file_comes_whole_and_its_progress_is_told(server: FileServer, tmp_path: Path) -> None:
    told = fetch(f"{server.url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [here for here, _ in told] == sorted(here for here, _ in told)
    assert server.asked == [("/file", "")]


def test_a_download_that_is_cut_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [100_000, 0, 150_000]
    told = fetch(f"{server.url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    begins = [int(wanted.removeprefix("bytes=").removesuffix("-") or 0) for _, wanted in server.asked]
    assert begins[0] == 0
    assert 0 < begins[1] <= 100_000
    assert begins[1] <= begins[2] < begins[3] <= 250_000
    assert told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("lacks", ["ranges", "tag", "same content"])
def test_without_ranges_a_cut_download_begins_anew(server: FileServer, tmp_path: Path, lacks: str) -> None:
    server.cuts = [100_000]
    server.ranges = lacks != "ranges"
    server.tag = "" if lacks == "tag" else 'W/"weak"' if lacks == "same content" else '"one"'
    fetch(f"{server.url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_file_that_changes_meanwhile_is_never_mixed(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [100_000]
    other = random.Random(2).randbytes(200_000)

    def change(here: int, _: int | None) -> None:
        if here >= 60_000 and server.tag == '"one"':
            server.files["/file"], server.tag = other, '"two"'

    download(f"{server.url}/file", tmp_path / "file", most_bytes=1 << 20, absent="", progress=change)
    assert (tmp_path / "file").read_bytes() == other


def test_a_connection_that_always_breaks_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [1000] * 100
    with pytest.raises(DeviceError, match=r"cannot be downloaded \(the connection breaks again and again\); is the network there"):
        fetch(f"{server.url}/file", tmp_path / "file")
    assert len(server.asked) == 6


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=5), ranges=st.booleans(), says_length=st.booleans())
def test_wherever_it_is_cut_what_comes_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], ranges: bool, says_length: bool
) -> None:
    path = tmp_path_factory.mktemp("cut") / "file"
    with pytest.MonkeyPatch.context() as patch, serving({"/file": CONTENT}) as server:
        patch.setattr(web, "_PAUSE_S", 0.0)
        patch.setenv("NO_PROXY", "127.0.0.1")
        server.cuts, server.ranges, server.says_length = list(cuts), ranges, says_length
        fetch(f"{server.url}/file", path)
    got = path.read_bytes()
    # Without a length, the end of a connection is the end of the file: its checksum has to tell.
    assert got == CONTENT if says_length else CONTENT.startswith(got)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there_is_said_in_the_caller_s_words(server: FileServer, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(DeviceError, match=r"^nothing there$"):
        fetch(f"{server.url}/file", tmp_path / "file")
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "tries"), [(503, 6), (429, 6), (400, 1)])
def test_a_server_that_cannot_is_asked_again_and_one_that_refuses_is_not(
    server: FileServer, tmp_path: Path, status: int, tries: int
) -> None:
    server.status = status
    with pytest.raises(DeviceError, match=rf"cannot be downloaded \(it answers with status {status}\)"):
        fetch(f"{server.url}/file", tmp_path / "file")
    assert len(server.asked) == tries


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_page_in_place_of_a_file_is_recognised(server: FileServer, tmp_path: Path, content_type: str) -> None:
    server.content_type = content_type
    with pytest.raises(DeviceError, match=r"127\.0\.0\.1 answers with a web page .*want you to log in first\? Open any page in a browser"):
        fetch(f"{server.url}/page", tmp_path / "file")


def test_a_redirection_to_a_page_is_recognised_too(server: FileServer, tmp_path: Path) -> None:
    with serving({"/login": PAGE}) as portal:
        portal.content_type = "text/html"
        server.status, server.location = 302, f"{portal.url}/login"
        with pytest.raises(DeviceError, match="web page"):
            fetch(f"{server.url}/file", tmp_path / "file")


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_that_is_larger_than_it_may_be_is_not_read_to_its_end(server: FileServer, tmp_path: Path, says_length: bool) -> None:
    server.says_length = says_length
    with pytest.raises(DeviceError, match="has more than 100000 bytes, which is more than it should"):
        fetch(f"{server.url}/file", tmp_path / "file", most_bytes=100_000)
    assert (tmp_path / "file").stat().st_size <= 100_000


def test_where_nobody_answers_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "*")
    for host, reason in (("127.0.0.1:1", "it refuses the connection"), ("nowhere.invalid", "its name is not known here")):
        with pytest.raises(DeviceError, match=rf"http://{host}/file cannot be downloaded \({reason}\); is the network there"):
            fetch(f"http://{host}/file", tmp_path / "file")


def test_https_where_none_is_spoken_is_no_traceback(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"who answers cannot prove to be 127\.0\.0\.1"):
        fetch(server.url.replace("http:", "https:") + "/file", tmp_path / "file")


@pytest.fixture(name="certificate")
def a_certificate(tmp_path: Path) -> Path:
    """Makes a certificate for this machine, with its key, which nobody vouches for."""
    made = tmp_path / "here.pem"
    command = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=here"]
    subprocess.run(
        [*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made, "-out", tmp_path / "cert"], check=True, capture_output=True
    )
    made.write_text(made.read_text() + (tmp_path / "cert").read_text())
    return made


def test_a_server_is_believed_by_its_certificate_and_nothing_comes_unencrypted_from_it(
    server: FileServer, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"/file": CONTENT}, certificate=certificate) as safe:
        with pytest.raises(DeviceError, match=r"cannot prove to be 127\.0\.0\.1, its certificate is not valid"):
            fetch(f"{safe.url}/file", tmp_path / "file")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        fetch(f"{safe.url}/file", tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == CONTENT
        safe.status, safe.location = 302, f"{server.url}/file"
        with pytest.raises(DeviceError, match=r"leads to 127\.0\.0\.1 without encryption"):
            fetch(f"{safe.url}/file", tmp_path / "file")


def test_a_full_disk_is_one_sentence(server: FileServer, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a file system of its own is for root")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(StorageError, match=r"small/file cannot be written: the disk, or the quota on it, is full"):
            fetch(f"{server.url}/file", small / "file")
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("text", ["https://mirror.example/litert", "http://127.0.0.1:8080/a/b/", "https://[::1]/x"])
def test_addresses_of_web_servers_are_taken(text: str) -> None:
    assert checked_url(text, said_by="--from") == text.rstrip("/")


@given(
    st.one_of(
        st.text(max_size=40), st.sampled_from(["ftp://x/y", "file:///etc/passwd", "https://", "http://a b/", "https://x:99999/", "//x"])
    )
)
def test_anything_else_is_refused_or_begins_with_http(text: str) -> None:
    try:
        assert checked_url(text, said_by="--from").startswith(("https://", "http://"))
    except ConfigError as error:
        assert str(error).startswith("--from ")
