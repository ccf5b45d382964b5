"""Relay of TCP connections, in both directions."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from typing import Final

from tests.phone.virtual.loopback import LoopbackPort
from tests.phone.wires.clients import Clients

_CHUNK_BYTES: Final = 1 << 16


class Direction(Enum):
    """Direction in which bytes travel."""

    TO_PHONE = "to_phone"
    TO_HOST = "to_host"


class Connection:
    """Connection of two sockets, the client's and the one to the phone."""

    def __init__(self, host: socket.socket, phone: socket.socket) -> None:
        self.host = host
        self.phone = phone

    def ends(self, direction: Direction) -> tuple[socket.socket, socket.socket]:
        """Returns the sockets (source, sink) of a direction."""
        return (self.host, self.phone) if direction is Direction.TO_PHONE else (self.phone, self.host)

    def cut(self) -> None:
        """Ends both directions at both ends; the pumps notice, and close."""
        _end(self.host)
        _end(self.phone)

    def close(self) -> None:
        self.host.close()
        self.phone.close()


class Relay:
    """Relay from a port to the sockets of `connect`; a client is dropped when that fails, and reset if it is not of `clients`."""

    def __init__(self, port: LoopbackPort, clients: Clients, connect: Callable[[], socket.socket]) -> None:
        self._port = port
        self._clients = clients
        self._connect = connect

    def open(self) -> None:
        """Lets clients in, until the port refuses."""
        self._port.open()
        threading.Thread(target=self._accept, name=f"relay at {self._port.number}", daemon=True).start()

    def refuse(self) -> None:
        """Refuses new clients; those that are connected stay so."""
        self._port.refuse()

    def _accept(self) -> None:
        while True:
            try:
                host, _ = self._port.socket.accept()
            except OSError:
                return
            if not self._clients.admits(host):
                _reset(host)
                continue
            try:
                phone = self._connect()
            except OSError:
                host.close()
                continue
            for end in (host, phone):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(host, phone)
            threading.Thread(target=self._serve, args=[connection], name=f"connection at {self._port.number}", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        back = threading.Thread(target=self._pump, args=[connection, Direction.TO_HOST], daemon=True)
        back.start()
        self._pump(connection, Direction.TO_PHONE)
        back.join()
        connection.close()

    def _pump(self, connection: Connection, direction: Direction) -> None:
        source, sink = connection.ends(direction)
        try:
            while chunk := source.recv(_CHUNK_BYTES):
                self.forward(chunk, connection, direction)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # either end is gone, so the other direction is of no use any more
            _end(source)
            _end(sink)

    def forward(self, chunk: bytes, connection: Connection, direction: Direction) -> None:
        """Delivers received bytes.

        Raises:
            OSError: the connection is to end.
        """
        _, sink = connection.ends(direction)
        sink.sendall(chunk)


def _reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
