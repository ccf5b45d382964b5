"""This machine as a `Device`, so that it is deployed to and examined in the same way as a phone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from android_harness.device.base import COMMAND_LIMIT_S, OnSent, ShellResult, ignored
from android_harness.device.machine import LOCAL_NAME
from collab.errors import DeviceError, StorageError
from collab.files import is_full, reason_of


class LocalDevice:
    """`Device` whose scripts are run by this machine's shell, and whose files are copied."""

    @property
    def serial(self) -> str:
        return LOCAL_NAME

    @property
    def way(self) -> str:
        return "this machine's shell"

    def shell(self, script: str, *arguments: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
        command = ["/bin/sh", "-c", script, "sh", *arguments]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"this machine: a command was not through within {timeout_s:.0f} s") from error
        except (OSError, ValueError) as error:
            # Arguments that are too long, or hold a NUL character.
            raise DeviceError(f"this machine: a command cannot be started ({error})") from error
        return ShellResult(done.returncode, done.stdout, done.stderr)

    def push(self, source: Path, target: str, _on_sent: OnSent = ignored) -> None:
        _copy(source, Path(target))

    def pull(self, source: str, target: Path) -> None:
        _copy(Path(source), target)

    def close(self) -> None:
        """Does nothing, as there is no connection."""


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        if is_full(error):
            raise StorageError(str(reason_of(error, target))) from error
        raise DeviceError(f"{source} cannot be copied to {target} ({error.strerror})") from error
