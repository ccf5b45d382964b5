"""Ports of 127.0.0.1 that stay reserved while they are open or refuse connections."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

ADDRESS: Final = "127.0.0.1"
_SCANNED_BY_ADB: Final = range(5555, 5586)
"""Ports of which an adb server attaches listeners by itself, under another serial."""


class LoopbackPort:
    """Port that refuses connections until it is opened. Its number stays reserved for as long as a process has the socket.

    While it refuses, the socket does not share its address (SO_REUSEADDR): Linux would let any user of this machine listen in its place.
    While it is open it does, so that it can be opened again although connections of before still last.
    """

    def __init__(self, socket_: socket.socket) -> None:
        self.socket = socket_
        self.number: int = socket_.getsockname()[1]

    @classmethod
    def reserve(cls) -> LoopbackPort:
        """Returns a free port, never one of those that an adb server scans."""
        while True:
            with socket.socket() as chooser:
                chooser.bind((ADDRESS, 0))
                number = chooser.getsockname()[1]
            if number not in _SCANNED_BY_ADB:
                with contextlib.suppress(OSError):  # another process was quicker
                    return cls._bound(number)

    @classmethod
    def _bound(cls, number: int) -> LoopbackPort:
        """Binds a number explicitly, as the kernel takes a port of its own choice back as soon as the socket stops listening."""
        bound = socket.socket()
        try:
            bound.bind((ADDRESS, number))
        except BaseException:
            bound.close()
            raise
        return cls(bound)

    @property
    def serial(self) -> str:
        return f"{ADDRESS}:{self.number}"

    def open(self) -> None:
        self._share(True)
        self.socket.listen()

    def refuse(self) -> None:
        """Refuses new connections, resets those that are not accepted yet, and ends a waiting `accept` with an OSError."""
        with contextlib.suppress(OSError):  # ENOTCONN: it was not open
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):  # EBADF: it was closed
            self._share(False)

    def close(self) -> None:
        self.socket.close()

    def _share(self, shares: bool) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shares)
