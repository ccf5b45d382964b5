"""Cables and connections that break off, fall silent, damage or delay data: no sample is lost, and no row is wrong."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.phone.profiles import WAYS, arguments, assert_like, profile, reached
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import (
    ROOT,
    failures,
    finish,
    held_runner,
    is_through,
    wait_for_visits,
)
from tests.phone.wires.relay import Direction


@pytest.mark.parametrize("way", WAYS)
def test_fifty_cuts_at_random_points(way: str, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached(way, phone, tmp_path) as (host, proxy):
        profile(host, proxy.serial, model, tmp_path / "first")
        before = proxy.total_bytes
        profile(host, proxy.serial, model, tmp_path / "second")
        length = proxy.total_bytes - before
        # What is sent again after a cut counts as well, so the last ones come late in the profile, or after it.
        places = sorted(random.Random(7).sample(range(length), 50))
        proxy.cut_at(places)
        process = host.start("profiler.run", *arguments(proxy.serial, model, tmp_path / "luts"), "--json")
        done = finish(process)
    assert done.status == 0, done.stderr
    assert proxy.cuts >= 45
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
def test_damage_on_the_way_back(way: str, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    with reached(way, phone, tmp_path) as (host, proxy):
        profile(host, proxy.serial, model, tmp_path / "first")
        before = proxy.bytes[Direction.TO_HOST]
        profile(host, proxy.serial, model, tmp_path / "second")
        length = proxy.bytes[Direction.TO_HOST] - before
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
        for count in (50, 800, 2500):
            wait_for_visits(tmp_path / "luts", count, process)
            phone.kill_daemon()
            phone.restart_daemon()
        done = finish(process)
    assert done.status == 0, done.stderr
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")
