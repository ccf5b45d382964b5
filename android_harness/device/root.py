"""Root on a device, found by trying: there are several kinds of ``su``, which take their commands in different ways (``root.sh``)."""

from __future__ import annotations

from typing import Final

from android_harness.device.base import Device, ShellResult
from android_harness.scripts import read_script
from collab.errors import DeviceError

SHELL: Final = "shell"
"""Way of becoming root where the shell is root's already; also how a script is run that needs no root."""
_WAYS: Final = {SHELL: "the shell is root's", "words": "by Android's own su", "command": "by su -c, as of Magisk"}
_FUNCTIONS: Final = read_script("root.sh")
_RUN: Final = _FUNCTIONS + 'way=$1 text=$2; shift 2; as_root "$way" sh -c "$text" sh "$@"\n'
_ASK_LIMIT_S: Final = 60.0
"""Limit of a command that needs root: the phone may ask a person to allow it, twice, for 10 s each."""


def root_way(device: Device) -> str | None:
    """Returns the way of becoming root that works, a name of ``root.sh``; None where none does.

    Raises:
        DeviceError: the device cannot be reached.
    """
    found = device.shell(_FUNCTIONS + "root_way\n", timeout_s=_ASK_LIMIT_S).text
    return found if found in _WAYS else None


def in_words(way: str) -> str:
    """Returns a way of becoming root as words for people."""
    return _WAYS[way]


def require_root(device: Device, *, otherwise: str) -> str:
    """Returns the way of becoming root.

    Args:
        otherwise: what a device without root cannot have, and the way out of that, for the message.

    Raises:
        DeviceError: there is none.
    """
    way = root_way(device)
    if way is None:
        raise DeviceError(
            f"{device.serial} gives no root: its shell is not root's, and su does not make it so. {otherwise}; allow the shell root in the"
            " phone's root manager, or restart its daemon as root: adb root"
        )
    return way


def run_as_root(device: Device, way: str, script: str, *arguments: str) -> ShellResult:
    """Runs a script as root, by one of `root_way`'s ways.

    Raises:
        DeviceError: the device cannot be reached.
    """
    return device.shell(_RUN, way, script, *arguments, timeout_s=_ASK_LIMIT_S)
