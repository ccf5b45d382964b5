"""Files are written whole or not at all, and one process has an output folder."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collab.errors import BusyFolderError, StorageError
from collab.files import (
    LOCK_FILE,
    FolderLock,
    append_whole,
    holds_nothing,
    reason_of,
    sha256_of,
    to_disk,
    write_new,
    write_page,
    write_whole,
)

_FULL = Path("/dev/full")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    write_whole(path, "one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["meta.json"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize("write", [write_whole, append_whole])
def test_a_file_too_large_for_the_disk_leaves_the_old_one(tmp_path: Path, write: object) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"old")
    # In a process of its own, as a limit once set cannot be raised; a file that exceeds it gives EFBIG, as a full disk gives ENOSPC.
    code = f"""
import resource, signal, sys
from pathlib import Path
from collab.errors import StorageError
from collab.files import append_whole, write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    {write.__name__}(Path({str(path)!r}), b"x" * 5000)
except StorageError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert str(path) in said
    assert "make room" in said
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal.jsonl"]


def test_a_full_disk_is_a_sentence_with_the_files_name() -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "luts/journal.jsonl" in (reason_of(error, Path("luts/journal.jsonl")) or "")
    assert "full" in (reason_of(error) or "")
    assert reason_of(OSError(errno.EBADF, "bad")) is None


def test_appending_to_a_full_device_is_an_error() -> None:
    with pytest.raises(StorageError, match="/dev/full"):
        append_whole(_FULL, b"x")


def test_a_new_file_takes_the_place_of_no_other(tmp_path: Path) -> None:
    write_new(tmp_path / "new", b"first")
    with pytest.raises(StorageError, match="new: File exists"):
        write_new(tmp_path / "new", b"second")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        write_new(tmp_path / "link", b"third")
    assert (tmp_path / "new").read_bytes() == b"first"
    assert not (tmp_path / "elsewhere").exists()


def test_what_has_nothing_to_flush_is_no_error() -> None:
    reader, writer = os.pipe()
    try:
        to_disk(writer)
    finally:
        os.close(reader)
        os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        to_disk(writer)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "file", b"")
    with pytest.raises(StorageError, match="nothing"):
        sha256_of(tmp_path / "nothing")


def test_one_process_has_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "lut"
    with FolderLock(folder), pytest.raises(BusyFolderError, match="lut"):
        FolderLock(folder)
    FolderLock(folder).close()
    assert holds_nothing(folder)
    assert (folder / LOCK_FILE).exists()
    (folder / "x").touch()
    assert not holds_nothing(folder)


def test_a_file_system_without_locks_is_named_and_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such file systems are not at hand, so the system's own call fails here as it does there."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StorageError, match=r"cannot be locked .No locks available.*another drive"):
        FolderLock(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_was_half_written_when_a_process_was_killed_is_cleared_away(tmp_path: Path) -> None:
    mine = [tmp_path / name for name in ("x.new", ".x.new", ".x.abcdefg.new", "x.abcdefgh.new")]
    half = tmp_path / ".plan.json.abc_e5gh.new"
    half.touch()
    assert holds_nothing(tmp_path)
    for path in mine:
        path.touch()
    FolderLock(tmp_path).close()
    assert not half.exists()
    assert all(path.exists() for path in mine)
    assert not holds_nothing(tmp_path)


def test_a_child_that_inherits_the_lock_holds_the_folder_as_well(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.descriptor])
    lock.close()
    try:
        with pytest.raises(BusyFolderError):
            FolderLock(tmp_path)
    finally:
        child.kill()
        child.wait()
    FolderLock(tmp_path).close()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(StorageError, match="is no file; name another path"):
            write_whole(path, "text")
    assert pipe.is_fifo()


def test_a_page_replaces_a_page_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    for content in ("", "<!doctype html>old", "<!DOCTYPE HTML>old"):
        path.write_text(content)
        write_page(path, "<!doctype html>new")
        assert path.read_text() == "<!doctype html>new"
    path.write_text("samples")
    with pytest.raises(StorageError, match="is no page of HTML; remove it"):
        write_page(path, "<!doctype html>new")
    assert path.read_text() == "samples"


def test_a_file_keeps_its_rights_and_may_have_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("\U0001f600" * 61)
    write_whole(path, "first")
    path.chmod(0o640)
    write_whole(path, "second")
    assert path.read_text() == "second"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    for target in ("there/file", "there/new"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write_whole(link, target)
        assert link.is_symlink()
        assert (tmp_path / target).read_text() == target
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    with pytest.raises(StorageError, match="circle"):
        write_whole(circle, "text")
    assert circle.is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["circle", "file", "link", "new", "there"]
