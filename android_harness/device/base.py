"""Devices: a machine with a shell and files that the harness can reach, be it over ADB or this one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from collab.errors import DeviceError
from collab.names import shown

Notice: TypeAlias = Callable[[str], None]
"""Told in one sentence what a user should know while something takes longer than it should."""

COMMAND_LIMIT_S: Final = 30.0
"""Longer than any command of the harness takes on a slow phone. A device that says nothing for so long is taken for lost."""

_LONGEST_COMPLAINT: Final = 500


@dataclass(frozen=True)
class ShellResult:
    """What a command that came to its end gave: its exit status and its two outputs, apart."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """The standard output as text without white space around it; what is no UTF-8 is replaced."""
        return self.stdout.decode(errors="replace").strip()

    @property
    def complaint(self) -> str:
        """The last line of the standard error output, for messages."""
        lines = self.stderr.decode(errors="replace").strip().splitlines()
        return shown(lines[-1].strip(), most=_LONGEST_COMPLAINT) if lines else f"status {self.status}"


class Device(Protocol):
    """A machine with a shell and files.

    Connections break. An implementation connects again by itself and repeats what it was asked for, so everything that it is asked for
    must be such that doing it twice is as good as doing it once.
    """

    @property
    def serial(self) -> str:
        """The name by which a user reaches it."""

    @property
    def way(self) -> str:
        """How it is reached, for messages: "USB", "TCP", "the adb server"."""

    def shell(self, script: str, *arguments: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
        """Runs a POSIX shell script on the device; it sees `arguments` as "$1", "$2" ... and nothing on its standard input.

        Output is text: NUL characters are lost. Raises:
            DeviceError: the device cannot be reached, or the script is not through within `timeout_s`.
        """

    def push(self, source: Path, target: str) -> None:
        """Sends a file. What arrives may be damaged or cut: compare checksums. Raises DeviceError."""

    def pull(self, source: str, target: Path) -> None:
        """Fetches a file, with the same caution. Raises DeviceError."""

    def close(self) -> None:
        """Ends the connection; the next call would open it again."""


def checked(device: Device, script: str, *arguments: str, doing: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
    """`Device.shell` for what must succeed.

    Args:
        doing: what the script does, for the message: "{serial}: {doing} failed (...)".

    Raises:
        DeviceError: the script ends with another status than 0.
    """
    result = device.shell(script, *arguments, timeout_s=timeout_s)
    if result.status != 0:
        raise DeviceError(f"{device.serial}: {doing} failed ({result.complaint})")
    return result


def whole_number(text: str | bytes) -> int | None:
    """A whole number that a device has said; None for anything else, or one of more than 18 digits."""
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
"""Starts a program in a session of its own, so that it outlives the connection; once, however often the script is run.

The file ``pid`` tells a process from another that was given its number later: number, start time and boot."""

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
"""Shell function: whether the program that `spawn` started in a folder still runs."""


def spawn(device: Device, folder: str, argv: Sequence[str]) -> None:
    """Starts `argv` in `folder`, detached from the connection; its output goes to the file ``output`` there.

    Raises:
        DeviceError: it cannot be started.
    """
    checked(device, SPAWN, folder, *argv, doing=f"starting {argv[0]}")


def alive(device: Device, folder: str) -> bool:
    """Whether what was spawned in `folder` still runs (and the device was not restarted since)."""
    return device.shell(ALIVE + 'alive "$1"', folder).status == 0
