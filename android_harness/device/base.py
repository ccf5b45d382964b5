"""Devices: machines with a shell and files, this one or one that is reached over ADB."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from collab.errors import DeviceError
from collab.names import shown

Notice: TypeAlias = Callable[[str], None]
"""Receiver of sentences for the user, such as the reason of a delay."""

OnSent: TypeAlias = Callable[[int], None]
"""Receiver of the number of bytes of a file that were sent so far. A file that is sent again begins at none again."""

COMMAND_LIMIT_S: Final = 30.0
"""Limit of a command: longer than any command of the harness takes on a slow phone. A device that exceeds it counts as lost."""

_LONGEST_COMPLAINT: Final = 500


@dataclass(frozen=True)
class ShellResult:
    """Result of a command that ended: its exit status, standard output and standard error output."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text without white space around it; bytes that are no UTF-8 are replaced."""
        return self.stdout.decode(errors="replace").strip()

    @property
    def complaint(self) -> str:
        """Last line of the standard error output, for messages; the exit status where there is none."""
        lines = self.stderr.decode(errors="replace").strip().splitlines()
        return shown(lines[-1].strip(), most=_LONGEST_COMPLAINT) if lines else f"status {self.status}"


def ignored(_bytes: int) -> None:
    """Is an `OnSent` that does nothing."""


class Device(Protocol):
    """Machine with a shell and files.

    Connections break. An implementation reconnects by itself and repeats the request, so a request must be idempotent: doing it twice has
    the effect of doing it once.
    """

    @property
    def serial(self) -> str:
        """Name by which a user selects the device."""

    @property
    def way(self) -> str:
        """Name of the kind of connection, for messages: "USB", "TCP", "the adb server"."""

    def shell(self, script: str, *arguments: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
        """Runs a POSIX shell script on the device; it sees `arguments` as "$1", "$2" ... and nothing on its standard input.

        Output is text: NUL characters are lost.

        Raises:
            DeviceError: the device cannot be reached, or the script does not end within `timeout_s`.
        """

    def push(self, source: Path, target: str, on_sent: OnSent = ignored) -> None:
        """Sends a file, which may arrive damaged or cut: the caller compares checksums.

        Args:
            on_sent: gets the bytes sent so far, now and then, where the connection can tell.

        Raises:
            DeviceError: the device cannot be reached.
        """

    def pull(self, source: str, target: Path) -> None:
        """Fetches a file, which may arrive damaged or cut: the caller compares checksums.

        Raises:
            DeviceError: the device cannot be reached.
            StorageError: this computer's disk is full.
        """

    def close(self) -> None:
        """Closes the connection; the next call of another method opens it again."""


def checked(device: Device, script: str, *arguments: str, doing: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
    """Runs a script that must succeed, and returns its result.

    Args:
        doing: the purpose of the script, for the message: "{serial}: {doing} failed (...)".

    Raises:
        DeviceError: the script ends with another status than 0, or as for `Device.shell`.
    """
    result = device.shell(script, *arguments, timeout_s=timeout_s)
    if result.status != 0:
        raise DeviceError(f"{device.serial}: {doing} failed ({result.complaint})")
    return result


def whole_number(text: str | bytes) -> int | None:
    """Parses a whole number from a device's output; None for anything else, and for more than 18 digits."""
    word = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return int(word) if re.fullmatch(r"[0-9]{1,18}", word) else None


SPAWN: Final = """
cd "$1" || exit 1
shift
mkdir started 2>/dev/null || exit 0
setsid sh -c 'stat=$(cat /proc/$$/stat); set -- $$ ${stat##*) } -- "$@"; echo "$1 ${21} $(cat /proc/sys/kernel/random/boot_id)" > pid.new
mv pid.new pid; while [ "$1" != -- ]; do shift; done; shift; exec "$@"' sh "$@" </dev/null >output 2>&1 3>&- &
while [ ! -e pid ] && [ ! -s output ]; do sleep 0.05; done
"""
"""Script that starts a program in a session of its own, so that it outlives the connection; only once, however often the script is run.

The file ``pid`` holds number, start time and boot of the process, which tell it from a later process of the same number."""

ALIVE: Final = """
alive() {
  [ -r "$1/pid" ] || return 1
  read -r alive_pid alive_start alive_boot < "$1/pid"
  [ "$alive_boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ -r "/proc/$alive_pid/stat" ] || return 1
  alive_stat=$(cat "/proc/$alive_pid/stat" 2>/dev/null) || return 1
  alive_fields=${alive_stat##*) }
  case $alive_fields in Z*) return 1 ;; esac
  set -- $alive_fields
  [ "${20}" = "$alive_start" ]
}
"""
"""Shell function that tells whether the program that `spawn` started in a folder still runs."""


def spawn(device: Device, folder: str, argv: Sequence[str]) -> None:
    """Starts `argv` in `folder`, detached from the connection, with its output in the file ``output`` there.

    Raises:
        DeviceError: the program cannot be started.
    """
    checked(device, SPAWN, folder, *argv, doing=f"starting {argv[0]}")


def alive(device: Device, folder: str) -> bool:
    """Tells whether the program that was spawned in `folder` still runs; False after a restart of the device."""
    return device.shell(ALIVE + 'alive "$1"', folder).status == 0
