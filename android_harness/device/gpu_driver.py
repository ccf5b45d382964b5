"""What drives a device's GPU units, and whether that is a GPU at all."""

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
    """What must be said of times that a driver without a GPU gave; empty for other drivers."""
    return f"software GPU driver ({driver}); its times say nothing of a GPU" if _SOFTWARE.search(driver) else ""


def with_note(conditions: Mapping[str, str]) -> dict[str, str]:
    """A device's conditions, with what must be said of its GPU's driver."""
    note = software_note(conditions.get(DRIVER, ""))
    return {**conditions, NOTE: note} if note else dict(conditions)


def local_conditions() -> dict[str, str]:
    """The driver of this machine's GPU units, as conditions."""
    device = vulkan_device()
    if device is None:
        return {DRIVER: NO_DRIVER}
    unnamed = device.is_software and not _SOFTWARE.search(device.name)
    return with_note({DRIVER: f"{device.name}, software" if unnamed else device.name})


def gpu_warning(conditions: Mapping[str, str]) -> str | None:
    """What a user should know before GPU units are measured on such a device."""
    if conditions.get(DRIVER) == NO_DRIVER:
        return HOW_TO_GET
    return conditions.get(NOTE)
