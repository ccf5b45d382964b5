"""Devices' scripts and programs: what is said of those that fail, and programs that outlive their connection."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.base import ShellResult, alive, checked, spawn, whole_number
from android_harness.device.local_device import LocalDevice
from collab.console import one_line
from collab.errors import DeviceError
from tests.processes import wait_until


def test_a_script_that_fails_is_named_by_its_purpose_and_its_last_words() -> None:
    assert checked(LocalDevice(), 'echo "$1"', "said", doing="asking").text == "said"
    with pytest.raises(DeviceError, match=r"^local: asking failed \(second\)$"):
        checked(LocalDevice(), "echo first >&2; echo second >&2; exit 3", doing="asking")
    with pytest.raises(DeviceError, match=r"^local: asking failed \(status 3\)$"):
        checked(LocalDevice(), "echo unheard; exit 3", doing="asking")


@given(st.binary(max_size=2000))
def test_a_complaint_is_one_line_that_steers_no_terminal(stderr: bytes) -> None:
    complaint = ShellResult(1, b"", stderr).complaint
    assert 0 < len(complaint) < 10 * 510, "500 characters, each escaped at most"
    assert one_line(complaint) == complaint


@given(st.integers(0, 10**18 - 1))
def test_whole_numbers_are_read_from_texts_and_bytes(number: int) -> None:
    assert whole_number(str(number)) == whole_number(str(number).encode()) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "٣", "9" * 19, "9" * 5000, "1 ", "0x1"])
def test_odd_numbers_are_none(text: str) -> None:
    assert whole_number(text) is None
    assert whole_number("9" * 18) == 10**18 - 1


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"^local: starting sleep failed"):
        spawn(LocalDevice(), str(tmp_path / "nowhere"), ["sleep", "1"])
    assert not alive(LocalDevice(), str(tmp_path)), "nothing was started here"


def test_a_spawned_program_is_started_once_and_told_from_others(tmp_path: Path) -> None:
    device = LocalDevice()
    for _ in range(3):
        spawn(device, str(tmp_path), ["sh", "-c", "echo once; exec sleep 600"])
    assert alive(device, str(tmp_path))
    wait_until(lambda: (tmp_path / "output").stat().st_size > 0)
    assert (tmp_path / "output").read_text() == "once\n"
    pid, start, boot = (tmp_path / "pid").read_text().split()
    (tmp_path / "pid").write_text(f"{pid} {int(start) + 1} {boot}")
    assert not alive(device, str(tmp_path)), "another process that was given the same number"
    (tmp_path / "pid").write_text(f"{pid} {start} another-boot")
    assert not alive(device, str(tmp_path))
    subprocess.run(["kill", pid], check=True)
