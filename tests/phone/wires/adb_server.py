"""Servers of adb for tests: the real one, private to a test, and a small one at protocol level for states that adbd cannot have."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from collab.errors import DeviceError
from tests.phone.virtual.loopback import ADDRESS, LoopbackPort
from tests.phone.virtual.programs import program

_STARTS_WITHIN_S: Final = 10.0
_REFUSALS: Final = {
    "unauthorized": "device unauthorized.\nTry 'adb kill-server' if that seems wrong.",
    "offline": "device offline",
}
_CNXN, _AUTH, _ADB_MAGIC = b"CNXN", b"AUTH", 0xFFFFFFFF
_HEADER: Final = "<4s5I"


class RealAdbServer:
    """Server of the adb in Debian's package, on a port and with a home of its own."""

    def __init__(self, home: Path) -> None:
        """Finds adb; where it is not installed, the test is skipped or fails (see `program`)."""
        self._program = program("adb")
        with contextlib.closing(LoopbackPort.reserve()) as free:
            self.port = free.number
        self._environment = {**os.environ, "HOME": str(home), "ANDROID_ADB_SERVER_PORT": str(self.port), "ADB_MDNS": "0"}
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RealAdbServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        self._server = subprocess.Popen(
            [self._program, "-L", f"tcp:localhost:{self.port}", "nodaemon", "server"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection((ADDRESS, self.port)).close()
                return
            time.sleep(0.02)
        raise DeviceError("the adb server does not listen")

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def adb(self, *arguments: str, timeout_s: float = 60) -> str:
        """Runs adb against this server and returns its standard output."""
        command = [self._program, "-H", ADDRESS, "-P", str(self.port), *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=timeout_s, check=True).stdout

    def connect(self, serial: str) -> None:
        """Attaches a device on the network; returns when it can be used."""
        self.adb("connect", serial)
        self.adb("-s", serial, "wait-for-device")


_AnyListener = TypeVar("_AnyListener", bound="_Listener")


class _Listener(ABC):
    """Server on a port of 127.0.0.1 with a thread for each client."""

    def __init__(self) -> None:
        self._port = LoopbackPort.reserve()

    def __enter__(self: _AnyListener) -> _AnyListener:
        self._port.open()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._port.refuse()
        self._port.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._port.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    @abstractmethod
    def _serve(self, client: socket.socket) -> None: ...


class FakeAdbServer(_Listener):
    """Server that lists devices in given states, as the real one does, and refuses to reach those that are not ``device``."""

    def __init__(self, states: Mapping[str, str]) -> None:
        super().__init__()
        self._states = dict(states)
        self.port = self._port.number

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):
            request = _exactly(client, int(_exactly(client, 4), 16)).decode()
            if request == "host:version":
                client.sendall(b"OKAY" + _block("0029"))
            elif request in ("host:devices", "host:devices-l"):
                client.sendall(b"OKAY" + _block("".join(f"{serial}\t{state}\n" for serial, state in self._states.items())))
            elif request.startswith("host:transport:"):
                state = self._states.get(request.removeprefix("host:transport:"), "")
                client.sendall(b"FAIL" + _block(_REFUSALS.get(state, "device not found")))
            else:
                client.sendall(b"FAIL" + _block("unknown host service"))


class UnauthorisedDaemon(_Listener):
    """Daemon that never accepts a key: it asks for another signature for ever, as a phone does whose owner does not respond."""

    def __init__(self) -> None:
        super().__init__()
        self.serial = self._port.serial

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while True:
                command, kind, _, length, _, _ = struct.unpack(_HEADER, _exactly(client, struct.calcsize(_HEADER)))
                _exactly(client, length)
                if command == _CNXN or (command == _AUTH and kind != 3):
                    token = os.urandom(20)
                    magic = int.from_bytes(_AUTH, "little") ^ _ADB_MAGIC
                    client.sendall(struct.pack(_HEADER, _AUTH, 1, 0, len(token), sum(token), magic) + token)


def _block(text: str) -> bytes:
    return f"{len(text.encode()):04x}".encode() + text.encode()


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = client.recv(count - len(data))
        if not chunk:
            raise OSError("closed")
        data += chunk
    return data
