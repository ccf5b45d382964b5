"""Users of this machine at the other ends of TCP connections, and the decision whether they are served."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

_TABLES: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"
"""Prefix of an IPv4 address in a socket of IPv6."""
_ESTABLISHED: Final = 1
_FIN_WAITS: Final = (4, 5)
_CLOSE_WAIT: Final = 8
_LOOK_UPS: Final = 3
"""Number of look-ups: the kernel walks its table while connections come and go, so one may be missed."""
_READ_BYTES: Final = 1 << 16


class Clients:
    """Users whose connections are served. Connections are looked up in the network namespace in which the tables were opened."""

    def __init__(self, tables: Collection[int], user_ids: Collection[int]) -> None:
        """Takes ownership of the tables' descriptors."""
        self.tables = tuple(tables)
        self.user_ids = frozenset(user_ids)
        self._lock = threading.Lock()

    @classmethod
    def of_this_machine(cls, user_ids: Collection[int] | None = None) -> Clients:
        """Returns clients of these users; None: the user who runs this process and, under sudo, the one who called it."""
        tables = [os.open(path, os.O_RDONLY) for path in _TABLES if path.exists()]
        return cls(tables, _own_user_ids() if user_ids is None else user_ids)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the tables, after which no connection is admitted."""
        with self._lock:
            tables, self.tables = self.tables, ()
            for table in tables:
                os.close(table)

    def admits(self, accepted: socket.socket) -> bool:
        """Tells whether the client of a connection is a living process of one of the users; in doubt False."""
        try:
            ends = (accepted.getpeername(), accepted.getsockname())
        except OSError:
            return False
        users = next((found for _ in range(_LOOK_UPS) if (found := set(self._users_of(ends)))), set())
        # Were this end closed, the client's end might be gone, and another connection have its numbers.
        return users != set() and users <= self.user_ids and _state_of(accepted) in (_ESTABLISHED, _CLOSE_WAIT)

    def _users_of(self, ends: tuple[tuple[str, int], tuple[str, int]]) -> Iterator[int]:
        wanted = {tuple(_written(prefix + socket.inet_aton(address), port) for address, port in ends) for prefix in (b"", _MAPPED_PREFIX)}
        with self._lock:
            contents = [_content_of(table) for table in self.tables]
        for content in contents:
            for line in content.splitlines()[1:]:
                _, local, remote, state, _, _, _, user, _, inode, *_ = line.split()
                # Without an inode it is what a process has left behind, listed as root's.
                if (local, remote) in wanted and int(state, 16) in (_ESTABLISHED, *_FIN_WAITS) and inode != b"0":
                    yield int(user)


def _own_user_ids() -> set[int]:
    caller = os.environ.get("SUDO_UID", "")
    return {os.getuid(), os.geteuid()} | ({int(caller)} if caller.isdecimal() else set())


def _written(address: bytes, port: int) -> bytes:
    """Returns an address as the kernel's tables write it: words of 32 bits in this machine's byte order."""
    words = (int.from_bytes(address[start : start + 4], sys.byteorder) for start in range(0, len(address), 4))
    return "".join(f"{word:08X}" for word in words).encode() + f":{port:04X}".encode()


def _content_of(table: int) -> bytes:
    os.lseek(table, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(table, _READ_BYTES), b""))


def _state_of(connection: socket.socket) -> int:
    state: int = struct.unpack("B", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0]
    return state
