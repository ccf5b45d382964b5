"""The adb server's address, as the environment gives it; what a server says is tested with the borders and the phone."""

from __future__ import annotations

import socket

import pytest

from android_harness.device.adb.server import DEFAULT_PORT, ServerAddress, ServerTransport, server_entries
from collab.errors import ConnectionLostError, DeviceError
from tests.borders.fuzzing import check_sentence


@pytest.fixture(autouse=True)
def adbs_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADDRESS", "HOST", "PORT"):
        monkeypatch.delenv(f"ANDROID_ADB_SERVER_{name}", raising=False)


def test_the_environment_sets_the_address_as_for_adb_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerAddress.from_environment() == ServerAddress("127.0.0.1", DEFAULT_PORT)
    monkeypatch.setenv("ANDROID_ADB_SERVER_HOST", "old.example")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "6000")
    assert ServerAddress.from_environment() == ServerAddress("old.example", 6000)
    monkeypatch.setenv("ANDROID_ADB_SERVER_ADDRESS", "new.example")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "")
    assert ServerAddress.from_environment() == ServerAddress("new.example", DEFAULT_PORT)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "9" * 5000, "\u0661"])
def test_a_port_that_is_none_is_one_sentence(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(DeviceError, match="which is no port") as refused:
        ServerAddress.from_environment()
    check_sentence(str(refused.value), "a port")


@pytest.mark.parametrize("host", ["x" * 120, "a..b", "[red]"])
def test_nothing_listens_at_a_host_that_cannot_be(host: str) -> None:
    assert server_entries(ServerAddress(host)) == []


def test_a_server_is_up_while_something_listens_and_none_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = ServerAddress("127.0.0.1", listening.getsockname()[1])
        assert address.is_up
    transport = ServerTransport(address, "S1")
    for request in (transport.open, lambda: transport.run("true", timeout_s=1)):
        assert not address.is_up
        with pytest.raises(ConnectionLostError, match=f"the adb server on port {address.port} does not answer"):
            request()
