"""From the name on a command line to a device."""

from __future__ import annotations

from android_harness.device import Device
from android_harness.local import LocalDevice
from collab.errors import DeviceError


def open_device(name: str) -> Device:
    """The device of that name: ``local`` is this machine.

    Raises:
        DeviceError: unknown device, or one that lacks the runner or the runtime.
    """
    if name == "local":
        return LocalDevice()
    raise DeviceError(f"no device '{name}': this version measures on 'local', this machine; phones over ADB are not there yet")
