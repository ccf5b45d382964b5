"""Proxy between a client and a phone that cuts, delays, throttles, truncates and corrupts the passing bytes, at exact places."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final

from tests.phone.virtual.loopback import ADDRESS, LoopbackPort
from tests.phone.wires.clients import Clients
from tests.phone.wires.relay import Connection, Direction, Relay

_SLICE_S: Final = 0.01


class FaultProxy(Relay):
    """Proxy from `serial` to a port of this machine. Bytes are counted over all connections, in both directions."""

    def __init__(self, target_port: int) -> None:
        port = LoopbackPort.reserve()
        clients = Clients.of_this_machine()
        super().__init__(port, clients, lambda: socket.create_connection((ADDRESS, target_port)))
        self.serial: str = port.serial
        self.port: int = port.number
        self.connections = 0
        self.cuts = 0
        self.bytes: dict[Direction, int] = dict.fromkeys(Direction, 0)
        self.delay_s = 0.0
        self.throttle_bytes_per_s: int | None = None
        self._lock = threading.Lock()
        self._open_connections: list[Connection] = []
        self._ended: set[Connection] = set()
        self._cuts: list[int] = []
        self._flips: dict[Direction, list[int]] = {direction: [] for direction in Direction}
        self._silent_from: int | None = None
        self._listening = port
        self._admitted = clients

    def __enter__(self) -> FaultProxy:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()
        self._listening.close()
        self._admitted.close()

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes.values())

    def up(self) -> None:
        """Lets clients in again after `down`."""
        self.open()

    def down(self) -> None:
        """Refuses new clients and cuts all that are connected."""
        self.refuse()
        self.cut()

    def cut(self) -> None:
        """Cuts all connections now."""
        with self._lock:
            connections, self._open_connections = self._open_connections, []
            self._ended.update(connections)
        for connection in connections:
            connection.cut()

    def cut_at(self, totals: Iterable[int]) -> None:
        """Cuts the connection by which the byte of each of these numbers passes, counted from now on; the byte itself does not arrive."""
        with self._lock:
            self._cuts = sorted(self.total_bytes + total for total in totals)

    def corrupt_at(self, offsets: Iterable[int], direction: Direction) -> None:
        """Flips a bit of the byte of each of these numbers in that direction, counted from now on."""
        with self._lock:
            self._flips[direction] = sorted(self.bytes[direction] + offset for offset in offsets)

    def fall_silent_after(self, total: int) -> None:
        """Drops all bytes after `total` more, without closing a connection; until `speak`, which cuts all connections."""
        with self._lock:
            self._silent_from = self.total_bytes + total

    def speak(self) -> None:
        with self._lock:
            self._silent_from = None
        self.cut()

    def forward(self, chunk: bytes, connection: Connection, direction: Direction) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        with self._lock:
            if connection in self._ended:
                raise ConnectionResetError("cut")
            if connection not in self._open_connections:
                self._open_connections.append(connection)
                self.connections += 1
            chunk, is_cut = self._spoiled(chunk, direction)
            if is_cut:
                self._ended.add(connection)
        self._deliver(chunk, connection, direction)
        if is_cut:
            connection.cut()
            raise ConnectionResetError("cut")

    def _spoiled(self, chunk: bytes, direction: Direction) -> tuple[bytes, bool]:
        """Returns the bytes of a chunk that are to arrive, and whether the connection ends with them."""
        begin, total = self.bytes[direction], self.total_bytes
        is_cut = bool(self._cuts) and self._cuts[0] < total + len(chunk)
        if is_cut:
            chunk = chunk[: max(self._cuts.pop(0) - total, 0)]
            self._cuts = [place for place in self._cuts if place >= total + len(chunk)]
            self.cuts += 1
        damaged = bytearray(chunk)
        while self._flips[direction] and self._flips[direction][0] < begin + len(chunk):
            place = self._flips[direction].pop(0) - begin
            if place >= 0:
                damaged[place] ^= 1
        self.bytes[direction] += len(chunk)
        if self._silent_from is not None:
            damaged = damaged[: max(self._silent_from - total, 0)]
        return bytes(damaged), is_cut

    def _deliver(self, chunk: bytes, connection: Connection, direction: Direction) -> None:
        if self.throttle_bytes_per_s is None:
            super().forward(chunk, connection, direction)
            return
        step = max(int(self.throttle_bytes_per_s * _SLICE_S), 1)
        for start in range(0, len(chunk), step):
            time.sleep(_SLICE_S)
            super().forward(chunk[start : start + step], connection, direction)
