"""This machine as a device: its name, memory and clocks as the system gives them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.local_device import LocalDevice
from android_harness.device.machine import MOST_CHARACTERS, clock_khz, cpu_model, machine_fingerprint, memory_bytes
from android_harness.device.state import gather


def test_the_fingerprint_is_the_same_whichever_way_the_machine_is_reached() -> None:
    fingerprint = machine_fingerprint()
    assert all(fingerprint.values())
    assert gather(LocalDevice(), "/tmp").info.fingerprint == fingerprint == machine_fingerprint()


def test_memory_is_what_the_kernel_says() -> None:
    said = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert said is not None
    assert memory_bytes() == pytest.approx(int(said[1]) * 1024, rel=1e-3)
    assert gather(LocalDevice(), "/tmp").info.memory_bytes == pytest.approx(memory_bytes(), rel=1e-3)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: another\n", "AMD EPYC 7B13"),
        ("processor\t: 0\nCPU part\t: 0xd46\n", "0xd46"),
        ("Hardware\t: Qualcomm Technologies, Inc SM8550\n", "Qualcomm Technologies, Inc SM8550"),
        ("model name\t: \nHardware\t: x\n", None),
        ("model name: " + "x" * 9999, "x" * MOST_CHARACTERS),
    ],
)
def test_the_processor_s_name_is_the_first_that_is_given(content: str, name: str | None, tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(content)
    assert cpu_model(info) == (name if name is not None else cpu_model(tmp_path / "missing"))


@given(st.integers(1, 100_000_000))
def test_clocks_of_real_cores_are_read(khz: int) -> None:
    assert clock_khz(f"{khz}\n") == clock_khz(f" {khz} ") == khz


@given(st.text(max_size=12))
def test_anything_else_is_no_clock(text: str) -> None:
    khz = clock_khz(text)
    assert khz is None or (text.strip().lstrip("0") == str(khz) and 0 < khz <= 100_000_000)
