"""Transports: the few things that a connection to an Android device can do, whichever way it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

SILENCE_S: Final = 10.0
"""A connection on which nothing moves for so long is taken for lost: flash storage can hold up a push for some seconds."""


class Transport(Protocol):
    """One connection, neither checked nor repeated. All methods raise ConnectionLostError when it breaks.

    `open` also raises DeviceError where another try would be of no use.
    """

    @property
    def way(self) -> str:
        """How the device is reached, for messages: "USB", "TCP", "the adb server"."""

    def open(self) -> None:
        """Connects anew, whatever was there before."""

    def run(self, command: str, *, timeout_s: float) -> bytes:
        """What a command of the device's shell writes, until it closes its output."""

    def push(self, source: Path, target: str) -> None:
        """Sends a file."""

    def pull(self, source: str, target: Path) -> None:
        """Fetches a file. Raises StorageError when the disk here is full."""

    def close(self) -> None:
        """Gives the connection up; never raises."""
