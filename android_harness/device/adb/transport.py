"""Transports: connections to an Android device over USB, TCP or an adb server."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from android_harness.device.base import OnSent

SILENCE_S: Final = 10.0
"""Silence after which a connection is given up; shorter pauses happen, as flash storage can hold up a push for some seconds."""


class Transport(Protocol):
    """Connection to a device, without checks of the data and without repetition.

    Raises (all methods but `close`):
        ConnectionLostError: the connection broke.
        DeviceError: from `open`, where another try would be of no use.
    """

    @property
    def way(self) -> str:
        """Name of the kind of connection, for messages: "USB", "TCP", "the adb server"."""

    def open(self) -> None:
        """Connects, after closing an earlier connection."""

    def run(self, command: str, *, timeout_s: float) -> bytes:
        """Runs a command in the device's shell and returns its output up to the end."""

    def push(self, source: Path, target: str, on_sent: OnSent) -> None:
        """Sends a file; `on_sent` gets the bytes sent so far, where the connection can tell."""

    def pull(self, source: str, target: Path) -> None:
        """Fetches a file.

        Raises:
            StorageError: this computer's disk is full.
        """

    def close(self) -> None:
        """Closes the connection; never raises."""
