"""Vulkan's drivers and devices on this machine: the files that the loader reads, and what the listing program answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.vulkan import CPU_TYPE, VulkanDevice, driver_files, offered
from collab.errors import DeviceError

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=256)
DEVICES = st.builds(VulkanDevice, NAMES, st.integers(0, (1 << 32) - 1))


def test_files_of_the_environment_come_before_those_that_lie_about(tmp_path: Path) -> None:
    named, other, found = (tmp_path / name for name in ("named.json", "other.json", "share/vulkan/icd.d/found.json"))
    found.parent.mkdir(parents=True)
    for file in (named, other, found):
        file.write_text("{}")
    lying = {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}
    assert found in driver_files(lying)
    assert driver_files({**lying, "VK_ICD_FILENAMES": str(other)}) == [other]
    both = {**lying, "VK_ICD_FILENAMES": str(other), "VK_DRIVER_FILES": f"{named}{os.pathsep}{tmp_path / 'gone.json'}"}
    assert driver_files(both) == [named]
    assert driver_files({"VK_DRIVER_FILES": str(found.parent)}) == [found]


@given(st.lists(DEVICES, max_size=16), st.lists(NAMES.map(str.encode), max_size=3))
def test_devices_are_read_off_the_last_line(devices: list[VulkanDevice], banner: list[bytes]) -> None:
    answer = b"\n".join([*banner, json.dumps([asdict(device) for device in devices]).encode(), b""])
    assert offered(answer) == devices


@pytest.mark.parametrize("answer", [b"", b"\n", b"[]\na driver's last words", b'[{"name": "x"}]', b'[{"name": "x", "kind": -1}]'])
def test_what_is_no_list_of_devices_is_refused(answer: bytes) -> None:
    with pytest.raises(DeviceError, match="Vulkan's devices"):
        offered(answer)


def test_a_driver_of_the_cpu_is_software() -> None:
    assert VulkanDevice("llvmpipe", CPU_TYPE).is_software
    assert not VulkanDevice("Mali-G715", 1).is_software


def test_the_program_answers_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Without a driver the loader has no device, and a machine may have no loader at all; either is an answer."""
    environment = {**os.environ, "VK_DRIVER_FILES": str(tmp_path / "none.json")}
    command = [sys.executable, "-m", "android_harness.device.vulkan"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    if done.returncode == 0:
        assert offered(done.stdout) == []
    else:
        assert done.stderr.startswith(b"error: libvulkan.so.1 cannot be loaded")
