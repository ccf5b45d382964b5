"""Devices over ADB: a transport that is reconnected when it breaks, with framed commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from android_harness.device.adb.commands import Command
from android_harness.device.adb.transport import Transport
from android_harness.device.base import COMMAND_LIMIT_S, Notice, ShellResult
from collab.errors import ConnectionLostError, DeviceError
from collab.wording.commands import command_named
from collab.wording.options import option_named

DEFAULT_PATIENCE_S: Final = 600.0
"""Wait for a lost device: long enough to plug a cable in again, or for a phone to restart."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0

_Result = TypeVar("_Result")


class AdbDevice:
    """`Device` over a transport. When the connection breaks it is made anew, with growing pauses, and the request is repeated.

    Args:
        patience_s: how long to wait for a lost device.
        notice: receives a sentence when the connection is lost, and when it is back.

    Raises (all methods):
        DeviceError: the device did not come back in time, or refuses this computer.
    """

    def __init__(
        self, serial: str, transport: Transport, *, patience_s: float = DEFAULT_PATIENCE_S, notice: Notice = lambda _: None
    ) -> None:
        self._serial, self._transport = serial, transport
        self._patience_s, self._notice = patience_s, notice
        self._is_open = False

    @property
    def serial(self) -> str:
        return self._serial

    @property
    def way(self) -> str:
        return self._transport.way

    def connect(self) -> None:
        """Connects in a single try, as a device that was never there is not worth a wait.

        Raises:
            DeviceError: the device cannot be reached.
        """
        try:
            self._transport.open()
        except ConnectionLostError as error:
            raise DeviceError(
                f"{self._serial} cannot be reached over {self.way} ({error}); is it switched on, with debugging allowed, and connected?"
                f" See what is there with: {command_named('devices')}"
            ) from error
        self._is_open = True

    def shell(self, script: str, *arguments: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
        def run() -> ShellResult:
            command = Command.of(script, *arguments)
            return command.result(self._transport.run(command.text, timeout_s=timeout_s))

        return self._with_reconnects(run)

    def push(self, source: Path, target: str) -> None:
        self._with_reconnects(lambda: self._transport.push(source, target))

    def pull(self, source: str, target: Path) -> None:
        self._with_reconnects(lambda: self._transport.pull(source, target))

    def close(self) -> None:
        self._transport.close()
        self._is_open = False

    def _with_reconnects(self, attempt: Callable[[], _Result]) -> _Result:
        """Returns the result of an attempt, which is repeated on a new connection while connections break.

        Raises:
            DeviceError: the device did not come back within the patience.
        """
        lost_at_s: float | None = None
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                if not self._is_open:
                    self._transport.open()
                    self._is_open = True
                    # The device answers again, so the next wait begins with a short pause, whether the command succeeds or not.
                    pause_s = _FIRST_PAUSE_S
                result = attempt()
            except ConnectionLostError as error:
                self.close()
                now_s = time.monotonic()
                if lost_at_s is None:
                    lost_at_s = now_s
                    self._notice(f"Lost {self._serial} ({error}); what it is doing goes on, waiting for it to come back")
                if now_s - lost_at_s > self._patience_s:
                    raise DeviceError(
                        f"{self._serial} was lost and did not come back within {self._patience_s:.0f} s ({error}); connect it again"
                        f" and go on with {option_named('--resume')}"
                    ) from error
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            except BaseException:
                # Ctrl-C, in the middle of an answer: the next command has a connection of its own.
                self.close()
                raise
            if lost_at_s is not None:
                self._notice(f"{self._serial} is back after {time.monotonic() - lost_at_s:.1f} s")
            return result
