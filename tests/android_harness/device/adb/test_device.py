"""Devices over ADB: a connection that breaks is made anew, and what was asked for is done once more, within the user's patience."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.adb.device import AdbDevice
from android_harness.device.base import ShellResult
from collab.errors import ConnectionLostError, DeviceError


class Wire:
    """Transport to this machine's shell, which breaks at the calls of these numbers (from 0), be it opening or a request."""

    way = "a wire"

    def __init__(self, breaks_at: Iterable[int] = ()) -> None:
        self._breaks_at, self._calls, self._is_open = set(breaks_at), 0, False
        self.opened = 0

    def _call(self) -> None:
        self._calls += 1
        if self._calls - 1 in self._breaks_at:
            raise ConnectionLostError("it broke")

    def open(self) -> None:
        self._call()
        self.opened += 1
        self._is_open = True

    def run(self, command: str, *, timeout_s: float) -> bytes:
        assert self._is_open
        self._call()
        return subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=timeout_s, check=False).stdout

    def push(self, source: Path, target: str) -> None:
        assert self._is_open
        self._call()
        shutil.copyfile(source, target)

    def pull(self, source: str, target: Path) -> None:
        assert self._is_open
        self._call()
        shutil.copyfile(source, target)

    def close(self) -> None:
        self._is_open = False


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("android_harness.device.adb.device.time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: None))


@given(breaks_at=st.sets(st.integers(1, 7), max_size=4))
def test_wherever_it_breaks_every_request_is_answered(tmp_path_factory: pytest.TempPathFactory, breaks_at: set[int]) -> None:
    folder, said = tmp_path_factory.mktemp("wire"), list[str]()
    (folder / "a").write_bytes(b"content")
    wire = Wire(breaks_at)
    device = AdbDevice("S1", wire, notice=said.append)
    device.connect()
    device.push(folder / "a", str(folder / "b"))
    assert device.shell('echo "$1"; exit 3', "word") == ShellResult(3, b"word\n", b"")
    device.pull(str(folder / "b"), folder / "c")
    assert (folder / "c").read_bytes() == b"content"
    assert sum(sentence.startswith("Lost S1 (it broke)") for sentence in said) == sum("S1 is back after" in sentence for sentence in said)
    assert bool(said) == bool(breaks_at & {1, 2, 3}) or wire.opened > 1


def test_a_loss_is_said_once_however_often_it_is_tried(tmp_path: Path) -> None:
    said: list[str] = []
    wire = Wire([1, 2, 3, 4])
    device = AdbDevice("S1", wire, notice=said.append)
    device.connect()
    assert device.shell("echo here").text == "here"
    assert len(said) == 2
    assert said[0] == "Lost S1 (it broke); what it is doing goes on, waiting for it to come back"
    assert said[1].startswith("S1 is back after")
    assert wire.opened == 2


def test_patience_has_an_end_and_the_way_on_is_named() -> None:
    device = AdbDevice("S1", Wire(range(1, 100_000)), patience_s=0.05)
    device.connect()
    with pytest.raises(DeviceError, match=r"S1 was lost and did not come back within 0 s \(it broke\).*resume=True"):
        device.shell("true")


def test_a_device_that_was_never_there_is_not_waited_for() -> None:
    device = AdbDevice("S1", Wire([0]), patience_s=600)
    with pytest.raises(DeviceError, match=r"S1 cannot be reached over a wire \(it broke\).*syncnas devices"):
        device.connect()


def test_answers_that_are_cut_off_count_as_a_broken_connection() -> None:
    class Cutting(Wire):
        """Cuts the first answer."""

        def run(self, command: str, *, timeout_s: float) -> bytes:
            answer = super().run(command, timeout_s=timeout_s)
            return answer[:-3] if self.opened == 1 else answer

    said: list[str] = []
    wire = Cutting()
    assert AdbDevice("S1", wire, notice=said.append).shell("echo whole").text == "whole"
    assert wire.opened == 2
    assert said[0].startswith("Lost S1 (")


def test_ctrl_c_closes_the_connection_and_is_passed_on() -> None:
    class Interrupted(Wire):
        """Is interrupted in its first answer."""

        def run(self, command: str, *, timeout_s: float) -> bytes:
            if self.opened == 1:
                raise KeyboardInterrupt
            return super().run(command, timeout_s=timeout_s)

    wire = Interrupted()
    device = AdbDevice("S1", wire)
    with pytest.raises(KeyboardInterrupt):
        device.shell("true")
    assert device.shell("echo again").text == "again"
    assert wire.opened == 2, "the rest of the first answer is not taken for the second's"
