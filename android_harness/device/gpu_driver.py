"""Driver of a device's GPU units, and notes where it computes without a GPU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from android_harness.device.vulkan import vulkan_device

DRIVER: Final = "gpu_driver"
NOTE: Final = "gpu_note"
"""Keys of a device's conditions."""
NO_DRIVER: Final = "none"
_SOFTWARE: Final = re.compile(r"llvmpipe|lavapipe|swiftshader|softpipe|software", re.IGNORECASE)

HOW_TO_GET: Final = (
    "no Vulkan driver can be loaded here, and a GPU unit needs one: install the GPU's own (or, to try things without a GPU, Mesa's lavapipe"
    " of version 25 or later: apt-get install libvulkan1 mesa-vulkan-drivers), and if it lies elsewhere, name its ICD file:"
    " VK_DRIVER_FILES=/path/to/icd.json"
)


def software_note(driver: str) -> str:
    """Returns the note for times from a driver that computes without a GPU; empty for other drivers."""
    return f"software GPU driver ({driver}); its times say nothing of a GPU" if _SOFTWARE.search(driver) else ""


def with_note(conditions: Mapping[str, str]) -> dict[str, str]:
    """Returns a device's conditions, with the note on its GPU driver added where there is one."""
    note = software_note(conditions.get(DRIVER, ""))
    return {**conditions, NOTE: note} if note else dict(conditions)


def local_conditions() -> dict[str, str]:
    """Returns the driver of this machine's GPU units, as conditions of a device."""
    device = vulkan_device()
    if device is None:
        return {DRIVER: NO_DRIVER}
    unnamed = device.is_software and not _SOFTWARE.search(device.name)
    return with_note({DRIVER: f"{device.name}, software" if unnamed else device.name})


def gpu_warning(conditions: Mapping[str, str]) -> str | None:
    """Returns a warning for the user who measures GPU units on a device of these conditions; None where there is none."""
    if conditions.get(DRIVER) == NO_DRIVER:
        return HOW_TO_GET
    return conditions.get(NOTE)
