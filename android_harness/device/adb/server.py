"""ADB through a running adb server, which claims the USB devices while it runs. This module never starts a server."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from android_harness.device.adb.sent_file import sent_file
from android_harness.device.adb.transport import SILENCE_S
from android_harness.device.base import OnSent
from collab.console import one_line
from collab.errors import ConnectionLostError, DeviceError, StorageError
from collab.files import is_full, reason_of

if TYPE_CHECKING:
    from adbutils import AdbClient, AdbDevice

DEFAULT_PORT: Final = 5037
_LOOK_S: Final = 0.5
_MOST_SERIAL_CHARACTERS: Final = 255
_MOST_STATE_CHARACTERS: Final = 64
_MOST_CHARACTERS: Final = 300


@dataclass(frozen=True)
class ServerAddress:
    """Address of an adb server; as for adb itself, ANDROID_ADB_SERVER_ADDRESS (or _HOST) and ANDROID_ADB_SERVER_PORT may set it."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT

    @classmethod
    def from_environment(cls) -> ServerAddress:
        """Reads the address from the environment, with adb's defaults.

        Raises:
            DeviceError: the port is no number of a port.
        """
        host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS") or os.environ.get("ANDROID_ADB_SERVER_HOST") or cls.host
        port = os.environ.get("ANDROID_ADB_SERVER_PORT") or str(cls.port)
        if not (re.fullmatch(r"\d{1,9}", port, re.ASCII) and 0 < int(port) < 65536):
            raise DeviceError(f"ANDROID_ADB_SERVER_PORT is '{port[:20]}', which is no port; unset it, or set it to the server's")
        return cls(host, int(port))

    @property
    def is_up(self) -> bool:
        """Whether something listens at the address."""
        try:
            socket.create_connection((self.host, self.port), timeout=_LOOK_S).close()
        except (OSError, ValueError):
            # ValueError: ANDROID_ADB_SERVER_ADDRESS is no possible name of a host.
            return False
        return True


@dataclass(frozen=True)
class ServerEntry:
    """Device in the server's list; `state` is ``device`` when it can be used."""

    serial: str
    state: str


def server_entries(address: ServerAddress) -> list[ServerEntry]:
    """Lists the server's devices; none where no server runs. Serials and states are made printable and cut to a length that no device
    exceeds.

    Raises:
        ConnectionLostError: the program that answers is no adb server.
    """
    if not address.is_up:
        return []
    with _reporting():
        seen = _client(address, SILENCE_S).list()
    return [
        ServerEntry(one_line(info.serial)[:_MOST_SERIAL_CHARACTERS], one_line(info.state)[:_MOST_STATE_CHARACTERS])
        for info in seen
        if info.serial
    ]


class ServerTransport:
    """Connection to a device of an adb server. A device on the network (`host:port`) that the server has lost is connected again."""

    def __init__(self, address: ServerAddress, serial: str) -> None:
        self._address, self._serial = address, serial

    @property
    def way(self) -> str:
        return "the adb server"

    def open(self) -> None:
        """Checks that the device can be used, after reconnecting it where it is on the network and the server has lost it.

        Raises:
            ConnectionLostError: the server does not answer, or the device is not there.
            DeviceError: the phone does not trust this computer, which only a person can change.
        """
        if not self._address.is_up:
            raise ConnectionLostError(f"the adb server on port {self._address.port} does not answer")
        state = self._state()
        if state in ("", "offline") and ":" in self._serial:
            with _reporting():
                client = _client(self._address, SILENCE_S)
                client.disconnect(self._serial)
                client.connect(self._serial, timeout=SILENCE_S)
            state = self._state()
        if state == "unauthorized":
            raise DeviceError(
                f"{self._serial} does not trust this computer yet: unlock the phone, accept the key that it shows, and try again"
            )
        if state != "device":
            raise ConnectionLostError(f"the adb server says that it is {state or 'not there'}")

    def _state(self) -> str:
        return next((entry.state for entry in server_entries(self._address) if entry.serial == self._serial), "")

    def run(self, command: str, *, timeout_s: float) -> bytes:
        with _reporting(), self._device(timeout_s).open_transport() as connection:
            connection.send_command(f"shell:{command}")
            connection.check_okay()
            output = connection.read_until_close(encoding=None)
            return output if isinstance(output, bytes) else output.encode()

    def push(self, source: Path, target: str, on_sent: OnSent) -> None:
        with _reporting(), sent_file(source, on_sent) as file:
            self._device(SILENCE_S).sync.push(file, target, mode=0o644)

    def pull(self, source: str, target: Path) -> None:
        with _reporting(target):
            self._device(SILENCE_S).sync.pull_file(source, target)

    def close(self) -> None:
        """Does nothing: every request opens and closes a connection of its own."""

    def _device(self, timeout_s: float) -> AdbDevice:
        if not self._address.is_up:
            # Without this check adbutils would start a server of its own.
            raise ConnectionLostError(f"the adb server on port {self._address.port} does not answer")
        return _client(self._address, timeout_s).device(self._serial)


def _client(address: ServerAddress, timeout_s: float) -> AdbClient:
    from adbutils import AdbClient

    return AdbClient(host=address.host, port=address.port, socket_timeout=timeout_s)


@contextmanager
def _reporting(written: Path | None = None) -> Iterator[None]:
    """Turns errors of the library and of sockets into ConnectionLostError, and a full disk under the file `written` into StorageError."""
    from adbutils import AdbError

    try:
        yield
    except (AdbError, OSError, EOFError, ValueError, LookupError, AssertionError) as error:
        if written is not None and isinstance(error, OSError) and is_full(error):
            raise StorageError(str(reason_of(error, written))) from error
        said = one_line(str(error).strip())[:_MOST_CHARACTERS]
        raise ConnectionLostError(said or type(error).__name__) from error
