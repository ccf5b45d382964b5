"""Locks of files between real processes, by the system's calls and by those that Windows has."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collab.system import locks
from collab.system.locks import try_lock, wait_for_lock
from tests.release.other_system import ByteLocks

OTHER = """
import os, sys
from collab.system import locks
if sys.argv[2] == "bytes":
    from tests.release.other_system import ByteLocks
    locks._FCNTL, locks._MSVCRT = None, ByteLocks()
print(locks.try_lock(os.open(sys.argv[1], os.O_RDWR)))
"""


@pytest.fixture(name="way", params=["flock", "bytes"])
def a_way_to_lock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "bytes":
        monkeypatch.setattr(locks, "_FCNTL", None)
        monkeypatch.setattr(locks, "_MSVCRT", ByteLocks())
    return str(request.param)


def got_by_another_process(path: Path, way: str) -> bool:
    said = subprocess.run([sys.executable, "-c", OTHER, path, way], capture_output=True, text=True, check=True).stdout
    return said.strip() == "True"


def test_one_process_at_a_time_has_a_file(tmp_path: Path, way: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    descriptor = os.open(path, os.O_RDWR)
    assert try_lock(descriptor)
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0, "reading goes on where it was"
    assert path.read_bytes() == b"content", "everybody may read"
    assert not got_by_another_process(path, way)
    os.close(descriptor)
    assert got_by_another_process(path, way)


def test_who_waits_gets_the_file_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "file"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert try_lock(first)
    waiting = threading.Thread(target=wait_for_lock, args=(second,))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    os.close(first)
    waiting.join(60)
    assert not waiting.is_alive()
    os.close(second)


def test_a_system_without_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_FCNTL", None)
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError, match="no locks"):
        try_lock(file.fileno())
