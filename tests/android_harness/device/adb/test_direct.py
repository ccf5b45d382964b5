"""Direct connections: daemons that speak another language than the one that is asked for."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest

from android_harness.device.adb.device import AdbDevice
from android_harness.device.adb.direct import tcp_transport
from collab.errors import DeviceError

STLS = 0x534C5453
VERSION = 0x01000000


@pytest.fixture(name="tls_port")
def a_port_of_wireless_debugging() -> Iterator[int]:
    """Yields a port that answers as adbd does on the ports of wireless debugging: with A_STLS instead of a banner."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(struct.pack("<6I", STLS, VERSION, 0, 0, 0, STLS ^ 0xFFFFFFFF))
                    client.recv(4096)

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_port_that_wants_tls_is_recognised_and_answered_with_what_helps(tls_port: int) -> None:
    device = AdbDevice(f"127.0.0.1:{tls_port}", tcp_transport("127.0.0.1", tls_port), patience_s=60)
    for attempt in (device.connect, lambda: device.shell("true")):
        with pytest.raises(DeviceError) as caught:
            attempt()
        said = str(caught.value)
        assert all(command in said for command in ("adb pair ", f"adb connect 127.0.0.1:{tls_port}", "adb tcpip 5555")), said
