"""Cables and connections that break off, fall silent, damage or delay data: no sample is lost, and no row is wrong."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.phone.profiles import WAYS, arguments, assert_like, profile, reached
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import (
    ROOT,
    Host,
    failures,
    finish,
    held_runner,
    is_through,
    wait_for_visits,
)
from tests.phone.wires.relay import Direction

CUTS: Final = int(os.environ.get("SYNCNAS_LINK_CUTS", "20"))
"""Number of cuts of the link in a profile; `.ci/full` asks for 50."""


@dataclass(frozen=True)
class Traffic:
    """Counts the bytes that a profile sends after its files have been sent."""

    both_ways: int
    to_host: int


@pytest.fixture(scope="module", name="traffic")
def of_an_undisturbed_profile(phone_root: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Traffic]:
    """Returns a function that tells what goes over a link of a way; each way is measured once."""
    assert phone_root.is_dir()

    @cache
    def measured(way: str) -> Traffic:
        folder = tmp_path_factory.mktemp(f"traffic-{way}")
        with VirtualPhone() as phone, reached(way, phone, folder) as (host, proxy):
            send_files(host, proxy.serial, folder)
            before = Traffic(proxy.total_bytes, proxy.bytes[Direction.TO_HOST])
            profile(host, proxy.serial, model, folder / "luts")
            return Traffic(proxy.total_bytes - before.both_ways, proxy.bytes[Direction.TO_HOST] - before.to_host)

    return measured


def send_files(host: Host, serial: str, folder: Path) -> None:
    """Brings the runner and its libraries onto a phone, by a profile of one block."""
    host.json("profiler.run", "--device", serial, "--block", "add_8_4x2", "--out", folder / "first", "--quick")


@pytest.mark.parametrize("way", WAYS)
def test_many_cuts_at_random_points(
    way: str, phone: VirtualPhone, model: Path, undisturbed: Path, traffic: Callable[[str], Traffic], tmp_path: Path
) -> None:
    length = traffic(way).both_ways
    with reached(way, phone, tmp_path) as (host, proxy):
        send_files(host, proxy.serial, tmp_path)
        # What is sent again after a cut counts as well, so the last ones come late in the profile, or after it.
        places = sorted(random.Random(7).sample(range(length), CUTS))
        proxy.cut_at(places)
        process = host.start("profiler.run", *arguments(proxy.serial, model, tmp_path / "luts"), "--json")
        done = finish(process)
    assert done.status == 0, done.stderr
    assert proxy.cuts >= 0.9 * CUTS
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")
    assert "is back" in done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_cuts_and_damage_while_files_are_sent(way: str, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached(way, phone, tmp_path) as (host, proxy):
        proxy.cut_at([40_000, 3_000_000, 9_000_000])
        proxy.corrupt_at([2_000_000, 15_000_000, 22_000_000], Direction.TO_PHONE)
        profile(host, proxy.serial, model, tmp_path / "luts")
        assert proxy.cuts == 3
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")


@pytest.mark.parametrize("way", WAYS)
def test_damage_on_the_way_back(
    way: str, phone: VirtualPhone, model: Path, undisturbed: Path, traffic: Callable[[str], Traffic], tmp_path: Path
) -> None:
    length = traffic(way).to_host
    with reached(way, phone, tmp_path) as (host, proxy):
        send_files(host, proxy.serial, tmp_path)
        proxy.corrupt_at(random.Random(3).sample(range(length), 12), Direction.TO_HOST)
        profile(host, proxy.serial, model, tmp_path / "luts")
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")


def test_a_connection_that_falls_silent(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached("direct", phone, tmp_path) as (host, proxy):
        process = host.start("profiler.run", *arguments(proxy.serial, model, tmp_path / "luts"), "--json")
        wait_for_visits(tmp_path / "luts", 100, process)
        proxy.fall_silent_after(0)
        time.sleep(2)
        proxy.speak()
        assert finish(process).status == 0
    assert_like(tmp_path / "luts", undisturbed)


def test_a_slow_and_late_link(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached("direct", phone, tmp_path) as (host, proxy):
        proxy.delay_s, proxy.throttle_bytes_per_s = 0.002, 8_000_000
        profile(host, proxy.serial, model, tmp_path / "luts")
    assert_like(tmp_path / "luts", undisturbed)


def test_unplugged_for_a_while_and_measured_all_the_same(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached("direct", phone, tmp_path) as (host, proxy):
        process = host.start("profiler.run", *arguments(proxy.serial, model, tmp_path / "luts"), "--json")
        wait_for_visits(tmp_path / "luts", 100, process)
        journal = next(phone.path(f"{ROOT}/phases").glob("*/journal.jsonl"))
        with held_runner(phone):
            proxy.down()
            size = journal.stat().st_size
        while journal.stat().st_size < size + 100_000:
            assert not is_through(phone), "so much is left to measure"
            time.sleep(0.05)
        proxy.up()
        assert finish(process).status == 0
    assert_like(tmp_path / "luts", undisturbed)


@pytest.mark.parametrize("way", WAYS)
def test_the_daemon_is_killed_and_comes_back(way: str, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached(way, phone, tmp_path) as (host, proxy):
        process = host.start("profiler.run", *arguments(proxy.serial, model, tmp_path / "luts"), "--json")
        for count in (50, 400, 1200):
            wait_for_visits(tmp_path / "luts", count, process)
            phone.kill_daemon()
            phone.restart_daemon()
        done = finish(process)
    assert done.status == 0, done.stderr
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")
