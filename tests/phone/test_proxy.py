"""Faults of the proxy, byte for byte, between a client and an echo server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.phone.virtual.loopback import ADDRESS, LoopbackPort
from tests.phone.wires.proxy import FaultProxy
from tests.phone.wires.relay import Direction
from tests.processes import wait_until

DATA = bytes(range(256)) * 40


@pytest.fixture(name="echo")
def an_echo() -> Iterator[int]:
    port = LoopbackPort.reserve()
    port.open()

    def serve() -> None:
        while True:
            try:
                client, _ = port.socket.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[client], daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client:
            while chunk := client.recv(4096):
                client.sendall(chunk)

    threading.Thread(target=serve, daemon=True).start()
    yield port.number
    port.refuse()
    port.close()


def connect(proxy: FaultProxy) -> socket.socket:
    client = socket.create_connection((ADDRESS, proxy.port))
    client.settimeout(60)
    return client


def read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        try:
            chunk = client.recv(count - len(data))
        except ConnectionResetError:
            break
        if not chunk:
            break
        data += chunk
    return data


def test_without_faults_everything_passes(echo: int) -> None:
    with FaultProxy(echo) as proxy, connect(proxy) as client:
        client.sendall(DATA)
        assert read(client, len(DATA)) == DATA
        assert proxy.bytes == {Direction.TO_PHONE: len(DATA), Direction.TO_HOST: len(DATA)}


def test_a_connection_is_cut_at_the_very_byte(echo: int) -> None:
    with FaultProxy(echo) as proxy:
        proxy.cut_at([100, 300])
        with connect(proxy) as client:
            client.sendall(DATA[:1000])
            assert read(client, 1000) == b"", "100 bytes went one way and none came back"
        assert proxy.bytes[Direction.TO_PHONE] == 100
        with connect(proxy) as client:
            client.sendall(DATA[:150])
            assert len(read(client, 150)) == 50
        assert proxy.cuts == 2
        with connect(proxy) as client:
            client.sendall(DATA)
            assert read(client, len(DATA)) == DATA


def test_one_bit_is_flipped_where_it_is_to_be(echo: int) -> None:
    with FaultProxy(echo) as proxy, connect(proxy) as client:
        proxy.corrupt_at([7, 5000], Direction.TO_HOST)
        client.sendall(DATA)
        got = read(client, len(DATA))
        assert [place for place, (one, other) in enumerate(zip(got, DATA, strict=True)) if one != other] == [7, 5000]


def test_a_silent_connection_stays_open(echo: int) -> None:
    with FaultProxy(echo) as proxy, connect(proxy) as client:
        proxy.fall_silent_after(100)
        client.sendall(DATA[:500])
        # What came through and was echoed is swallowed on its way back.
        wait_until(lambda: proxy.bytes == {Direction.TO_PHONE: 500, Direction.TO_HOST: 100})
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        proxy.speak()
        client.settimeout(60)
        assert read(client, 1) == b""
        with connect(proxy) as again:
            again.sendall(DATA)
            assert read(again, len(DATA)) == DATA


def test_down_refuses_and_up_lets_in(echo: int) -> None:
    with FaultProxy(echo) as proxy:
        with connect(proxy) as client:
            client.sendall(b"x")
            assert read(client, 1) == b"x"
            proxy.down()
            assert read(client, 1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        proxy.up()
        with connect(proxy) as client:
            client.sendall(b"y")
            assert read(client, 1) == b"y"


def test_a_slow_link_delivers_all_the_same(echo: int) -> None:
    with FaultProxy(echo) as proxy, connect(proxy) as client:
        proxy.delay_s, proxy.throttle_bytes_per_s = 0.01, 200_000
        client.sendall(DATA)
        assert read(client, len(DATA)) == DATA
