"""Drivers of GPU units, and the notes on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_harness.device.gpu_driver import DRIVER, HOW_TO_GET, NO_DRIVER, NOTE, gpu_warning, local_conditions, software_note, with_note
from android_harness.device.vulkan import vulkan_device


@pytest.mark.parametrize("driver", ["Mesa, llvmpipe, OpenGL ES 3.2", "Mesa lavapipe", "SwiftShader Device (Subzero), software"])
def test_software_drivers_are_labelled(driver: str) -> None:
    note = f"software GPU driver ({driver}); its times say nothing of a GPU"
    assert with_note({DRIVER: driver, "battery": "90 %"}) == {DRIVER: driver, "battery": "90 %", NOTE: note}


@pytest.mark.parametrize("driver", ["ARM, Mali-G78, OpenGL ES 3.2 v1.r32p1", "Qualcomm, Adreno (TM) 740", ""])
def test_others_are_not(driver: str) -> None:
    assert software_note(driver) == ""
    assert gpu_warning({DRIVER: driver}) is None


def test_no_driver_comes_with_the_way_out() -> None:
    assert gpu_warning({DRIVER: NO_DRIVER}) == HOW_TO_GET
    assert "VK_DRIVER_FILES" in HOW_TO_GET


def test_a_driver_that_cannot_be_loaded_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    icd = tmp_path / "broken.json"
    icd.write_text('{"file_format_version": "1.0.0", "ICD": {"library_path": "/nowhere/libvulkan_none.so", "api_version": "1.1.0"}}')
    monkeypatch.setenv("VK_DRIVER_FILES", str(icd))
    vulkan_device.cache_clear()
    try:
        assert local_conditions() == {DRIVER: NO_DRIVER}
    finally:
        vulkan_device.cache_clear()
