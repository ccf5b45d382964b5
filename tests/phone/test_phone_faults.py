"""Phones whose runner dies, whose storage fills up, that restart, get hot or are slowed down: no sample is lost, and no row is wrong."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.phone.profiles import arguments, assert_like
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import (
    Host,
    failures,
    finish,
    kill_runner,
    rows,
    usable,
    wait_for_visits,
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_the_runner_dies_in_a_job(how: signal.Signals, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host = Host(tmp_path / "home")
    process = host.start("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"), "--json")
    wait_for_visits(tmp_path / "luts", 300, process)
    kill_runner(phone, how)
    assert finish(process).status == 0
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")


def test_storage_that_is_too_small_is_a_sentence(make_phone: Callable[..., VirtualPhone], model: Path, tmp_path: Path) -> None:
    phone = make_phone(storage_bytes=16 << 20)
    done = Host(tmp_path / "home").run("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"))
    assert done.status == 3
    assert "storage is full" in done.stderr
    assert "MB are free" in done.stderr


def test_storage_that_fills_up_while_it_is_measured(
    make_phone: Callable[..., VirtualPhone], model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    # Small, so that it is full before the runner is through.
    phone = make_phone(storage_bytes=160 << 20)
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out))
    wait_for_visits(out, 100, process)
    filler = phone.path("/data/filler")
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while file.write(b"\1" * size):
                    pass
            except OSError:
                continue
    done = finish(process)
    assert done.status == 3
    assert "storage is full" in done.stderr
    journal = (out / "journal.jsonl").read_bytes()
    assert journal.count(b'{"event":"done"') >= 100
    filler.unlink()
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--json")
    assert done.status == 0, done.stderr
    assert (out / "journal.jsonl").read_bytes().startswith(journal[: journal.rindex(b"\n")]), "what was measured before is kept"
    assert_like(out, undisturbed)
    assert not failures(out)


@pytest.mark.parametrize("wipe", [False, True], ids=["storage kept", "storage wiped"])
def test_the_phone_restarts(wipe: bool, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
    wait_for_visits(out, 500, process)
    phone.reboot(wipe=wipe)
    done = finish(process)
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)
    assert not failures(out)


def test_heat_half_way_and_cooling(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out))
    wait_for_visits(out, 300, process)
    phone.set_thermal_status(2)
    journal = out / "journal.jsonl"
    while b'"hot":"thermal status 2 (moderate)"' not in journal.read_bytes():
        assert process.poll() is None, finish(process)
        time.sleep(0.05)
    phone.set_thermal_status(0)
    done = finish(process)
    assert done.status == 0, done.stderr
    assert b'"event":"cooled"' in journal.read_bytes()
    assert re.search(r"Heat: [1-9][0-9]* visits do not count", done.stdout)
    assert_like(out, undisturbed)


def test_a_clock_cap_that_falls_and_recovers(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
    wait_for_visits(out, 300, process)
    big = phone.clusters[-1]
    phone.set_clock_cap_khz(big.cores[0], big.max_khz // 2)
    journal = out / "journal.jsonl"
    while b"the clock cap of core" not in journal.read_bytes():
        assert process.poll() is None, finish(process)
        time.sleep(0.05)
    phone.set_clock_cap_khz(big.cores[0], big.max_khz)
    done = finish(process)
    assert done.status == 0, done.stderr
    dropped = json.loads(done.stdout)["dropped_hot"]
    assert dropped > 0
    assert json.loads((out / "meta.json").read_text())["conditions"]["dropped_hot"] == f"{dropped} visits"
    assert_like(out, undisturbed)


def test_a_phone_that_never_cools(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    phone.set_thermal_status(3)
    done = host.run("profiler.run", *arguments(phone.serial, model, out), "--cool-limit-s", 2)
    assert done.status == 3
    assert "stays hot (thermal status 3 (severe))" in done.stderr
    assert set(usable(out).values()) == {False}
    assert set(rows(out).values()) == {"failed"}
    assert "stays hot" in (out / "blocks.csv").read_text()
    phone.set_thermal_status(0)
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--json")
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)
