"""Vulkan devices of this machine, listed by the Vulkan loader, which LiteRT's GPU accelerator uses as well.

``python -m android_harness.device.vulkan`` prints them as JSON. It is a program of its own because drivers are loaded into the process
that lists them, and a driver that crashes must not take the caller with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collab.console import one_line
from collab.documents import parse
from collab.errors import DeviceError

LOADER: Final = "libvulkan.so.1"
CPU_TYPE: Final = 4
"""VK_PHYSICAL_DEVICE_TYPE_CPU: a driver that computes on the CPU."""
_PREFERENCE: Final = {2: 0, 1: 1, 3: 2}
"""Rank of a kind of device: discrete, integrated, virtual; then the other kinds, with CPUs last."""
_INSTANCE_CREATE_INFO: Final = 1
_MOST_DEVICES: Final = 16
_PROPERTIES_BYTES: Final = 4096
"""More than any version's VkPhysicalDeviceProperties; it begins with five 32-bit numbers, the last the type, and the name."""
_NAME_AT: Final = 20
_NAME_BYTES: Final = 256
_LIMIT_S: Final = 20


@dataclass(frozen=True)
class VulkanDevice:
    """Device of a Vulkan driver; `kind` is its VkPhysicalDeviceType."""

    name: Annotated[str, msgspec.Meta(max_length=_NAME_BYTES)]
    kind: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]

    @property
    def is_software(self) -> bool:
        return self.kind == CPU_TYPE


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


def driver_files(environment: Mapping[str, str]) -> list[Path]:
    """Lists the loader's driver manifests: those that the environment names, else those in the loader's default folders."""
    named = environment.get("VK_DRIVER_FILES") or environment.get("VK_ICD_FILENAMES") or ""
    places = [Path(part) for part in named.split(os.pathsep) if part]
    if not places:
        home = Path(environment.get("HOME", "/"))
        shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        tops = [Path("/etc"), home / ".local/share", *map(Path, shared.split(os.pathsep))]
        places = [top / "vulkan" / "icd.d" for top in tops]
    return [file for place in places for file in (sorted(place.glob("*.json")) if place.is_dir() else [place]) if file.is_file()]


@cache
def vulkan_device() -> VulkanDevice | None:
    """Returns the device that a program gets when it asks for the fastest; None where no driver offers any."""
    if not driver_files(os.environ):
        return None
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "android_harness.device.vulkan"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=True,
        )
        devices = offered(asked.stdout)
    except (OSError, subprocess.SubprocessError, DeviceError):
        return None
    return min(devices, key=lambda device: _PREFERENCE.get(device.kind, device.kind), default=None)


def offered(answer: bytes) -> list[VulkanDevice]:
    """Parses the devices that this program printed on its last line; drivers may have printed other lines before.

    Raises:
        DeviceError: the line is no list of devices.
    """
    last = (answer.splitlines() or [b""])[-1]
    devices = parse(last, list[VulkanDevice], origin="Vulkan's devices", error=DeviceError, advice="is the driver sound?")
    return [VulkanDevice(one_line(device.name), device.kind) for device in devices[:_MOST_DEVICES]]


def _enumerated() -> list[VulkanDevice]:
    """Returns the devices that the loader enumerates.

    Raises:
        OSError: the loader cannot be loaded.
    """
    loader = ctypes.CDLL(LOADER)
    instance = ctypes.c_void_p()
    request = _InstanceCreateInfo(type=_INSTANCE_CREATE_INFO)
    if loader.vkCreateInstance(ctypes.byref(request), None, ctypes.byref(instance)) != 0:
        return []
    count = ctypes.c_uint32(_MOST_DEVICES)
    handles = (ctypes.c_void_p * _MOST_DEVICES)()
    if loader.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles) < 0:
        return []
    return [_device(loader, handle) for handle in handles[: count.value] if handle is not None]


def _device(loader: ctypes.CDLL, handle: int) -> VulkanDevice:
    properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
    loader.vkGetPhysicalDeviceProperties(ctypes.c_void_p(handle), properties)
    name = properties.raw[_NAME_AT : _NAME_AT + _NAME_BYTES].partition(b"\0")[0].decode(errors="replace")
    return VulkanDevice(name, int.from_bytes(properties.raw[_NAME_AT - 4 : _NAME_AT], sys.byteorder))


if __name__ == "__main__":
    try:
        found = _enumerated()
    except OSError as error:
        sys.exit(f"error: {LOADER} cannot be loaded ({error}); Debian and Ubuntu have it in libvulkan1")
    print(json.dumps([asdict(device) for device in found]))
