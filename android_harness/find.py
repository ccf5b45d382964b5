"""From the name on a command line to a device."""

from __future__ import annotations

from android_harness.target import Target
from android_harness.local import LocalTarget
from collab.errors import DeviceError


def open_device(name: str) -> Target:
    """The device of that name: ``local`` is this machine.

    Raises:
        DeviceError: unknown device, or one that lacks the runner or the runtime.
    """
    if name == "local":
        return LocalTarget()
    raise DeviceError(f"no device '{name}': this version measures on 'local', this machine; phones over ADB are not there yet")
