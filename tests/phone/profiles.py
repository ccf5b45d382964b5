"""Profiles of a small model on a phone, and the assertions that hold for each of them after any fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import RealAdbServer
from tests.phone.wires.hosts import Host, assert_no_visit_twice, usable, visits
from tests.phone.wires.proxy import FaultProxy

WAYS = ("direct", "server")
"""Ways by which a host reaches a phone: directly over TCP, or through an adb server."""


def arguments(serial: str, model: Path, out: Path) -> tuple[object, ...]:
    return ("--device", serial, "--model", model, "--out", out, "--quick")


def profile(host: Host, serial: str, model: Path, out: Path) -> dict[str, object]:
    return host.json("profiler.run", *arguments(serial, model, out))


@contextmanager
def reached(way: str, phone: VirtualPhone, folder: Path) -> Iterator[tuple[Host, FaultProxy]]:
    """Yields a host that reaches a phone through a proxy, and the proxy: directly, or with an adb server between host and proxy."""
    with FaultProxy(phone.port) as proxy:
        if way == "direct":
            yield Host(folder / "home"), proxy
            return
        (folder / "adb-home").mkdir()
        with RealAdbServer(folder / "adb-home") as server:
            server.connect(proxy.serial)
            yield Host(folder / "home", adb_port=server.port), proxy


def assert_like(out: Path, undisturbed: Path) -> None:
    """Asserts that a profile has the rows of an undisturbed one, all usable, and for every job at most the rounds of a whole profile,
    each once.
    """
    assert usable(out) == usable(undisturbed)
    assert_no_visit_twice(out)
    counted, expected = visits(out), visits(undisturbed)
    assert set(counted) == set(expected)
    few = {job: count for job, count in counted.items() if count < min(10, expected[job])}
    assert not few
