"""Reserved ports: open or refusing, and in both states out of other users' reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.phone.virtual.loopback import ADDRESS, LoopbackPort


@pytest.fixture(name="port")
def a_reserved_port() -> Iterator[LoopbackPort]:
    port = LoopbackPort.reserve()
    yield port
    port.close()


def greeted(port: LoopbackPort) -> tuple[socket.socket, socket.socket]:
    """Returns both ends of a connection to the port."""
    client = socket.create_connection((ADDRESS, port.number), timeout=60)
    return client, port.socket.accept()[0]


def assert_nobody_else_may_take(port: LoopbackPort) -> None:
    for address in (ADDRESS, "0.0.0.0"):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind((address, port.number))


def test_no_other_socket_listens_in_its_place(port: LoopbackPort) -> None:
    assert_nobody_else_may_take(port)
    for _ in range(2):
        port.open()
        assert_nobody_else_may_take(port)
        client, accepted = greeted(port)
        port.refuse()
        with client, accepted:
            assert_nobody_else_may_take(port)
        assert_nobody_else_may_take(port)


@pytest.mark.parametrize("first", ["nobody", "client", "accepted"])
def test_it_opens_again_whatever_became_of_earlier_connections(port: LoopbackPort, first: str) -> None:
    """Tests ports after earlier connections: `first` closes the connection first, and so keeps its address for a minute; with `nobody` it
    lasts.
    """
    for _ in range(3):
        port.open()
        client, accepted = greeted(port)
        if first != "nobody":
            for end in (accepted, client) if first == "accepted" else (client, accepted):
                end.close()
        port.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((ADDRESS, port.number), timeout=60)
        if first == "nobody":
            port.open()
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
            port.refuse()
            client.close()
            accepted.close()
