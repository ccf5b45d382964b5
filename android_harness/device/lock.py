"""Lock that gives a device to one user at a time. It lies on the device itself and holds the owner's name.

A lock is valid while its owner renews its time stamp (by the device's own clock), or while a runner measures for the owner. It is stale
after `STALE_S` without either, and after a restart of the device.
"""

from __future__ import annotations

import getpass
import secrets
import socket
from dataclasses import dataclass
from typing import Final

from android_harness.device.base import ALIVE, Device
from android_harness.device.layout import Layout
from collab.console import one_line
from collab.errors import DeviceError
from collab.wording.commands import command_named

STALE_S: Final = 300
"""Age at which a lock is stale: longer than a push of runtime and models over slow Wi-Fi, during which the owner does not renew it."""

_MOST_CHARACTERS: Final = 200

# A mutex, so that only one of two hosts that find a stale lock gets it. In a subshell, because mksh closes what `exec 9>` has opened
# before it starts a program, and Android's flock takes descriptors only.
_ACQUIRE: Final = (
    ALIVE
    + """
lock=$1 token=$2 name=$3 stale_s=$4 phases=$5
mkdir -p "${lock%/*}" || exit 1
(
flock 9 || exit 1
boot=$(cat /proc/sys/kernel/random/boot_id)
held_by= held_boot= held_name=
{ read -r held_by; read -r held_boot; read -r held_name; } 2>/dev/null < "$lock/owner"
if [ -n "$held_by" ] && [ "$held_by" != "$token" ] && [ "$held_boot" = "$boot" ]; then
  for phase in "$phases"/*; do
    if [ "$(cat "$phase/owner" 2>/dev/null)" = "$held_by" ] && alive "$phase"; then
      echo "$held_name" >&2
      exit 3
    fi
  done
  if [ $(( $(date +%s) - $(stat -c %Y "$lock/owner") )) -lt "$stale_s" ]; then
    echo "$held_name" >&2
    exit 4
  fi
fi
[ "$held_by" = "$token" ] && [ "$held_boot" = "$boot" ] && touch "$lock/owner" && exit 0
rm -rf "$lock" && mkdir "$lock" && printf '%s\\n%s\\n%s\\n' "$token" "$boot" "$name" > "$lock/owner"
) 9>"$lock.mutex"
"""
)
_RELEASE: Final = """
read -r held_by < "$1/owner" 2>/dev/null
[ "$held_by" = "$2" ] && rm -rf "$1"
exit 0
"""


@dataclass(frozen=True)
class Owner:
    """Owner of a lock: a random token, and a name for people."""

    token: str
    name: str

    @classmethod
    def new(cls) -> Owner:
        """Returns an owner with a new token and the name of this user and host."""
        return cls(secrets.token_hex(8), _short(f"{_user()}@{socket.gethostname()}"))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _short(name: str) -> str:
    """Returns a text of another host or of a device as one printable, short line."""
    return one_line(name.strip())[:_MOST_CHARACTERS]


def acquire(device: Device, layout: Layout, owner: Owner) -> None:
    """Takes the lock of a device, or renews it.

    Raises:
        DeviceError: another owner has it, or the harness's folder cannot be written; the message names the owner and a way out.
    """
    result = device.shell(_ACQUIRE, layout.lock, owner.token, owner.name, str(STALE_S), layout.phases)
    if result.status == 0:
        return
    who = _short(result.complaint)
    if result.status == 3:
        raise DeviceError(
            f"{device.serial} is measuring for {who}; wait until it is through"
            f" (or end it: {command_named('devices', '--clean', device.serial)})"
        )
    if result.status == 4:
        raise DeviceError(
            f"{device.serial} is in use by {who}; wait until it is free (an owner that is gone is forgotten after {STALE_S} s)"
        )
    raise DeviceError(f"{device.serial}: {layout.root} cannot be written ({who}); is the storage full, or the folder another user's?")


def release(device: Device, layout: Layout, owner: Owner) -> None:
    """Removes the lock of a device if it is this owner's."""
    device.shell(_RELEASE, layout.lock, owner.token)
