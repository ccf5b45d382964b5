"""Locks of a device, which has one user at a time."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from android_harness.device.base import alive, spawn
from android_harness.device.layout import Layout
from android_harness.device.local_device import LocalDevice
from android_harness.device.lock import STALE_S, Owner, acquire, release
from collab.errors import DeviceError

ANNA, BERT = Owner("aaaaaaaaaaaaaaaa", "anna@desk"), Owner("bbbbbbbbbbbbbbbb", "bert@lab")


@pytest.fixture(name="layout")
def a_layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path / "syncnas"))


def age(layout: Layout, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(Path(layout.lock) / "owner", (then, then))


def test_the_second_one_is_told_who_the_first_is(layout: Layout) -> None:
    device = LocalDevice()
    acquire(device, layout, ANNA)
    acquire(device, layout, ANNA)
    with pytest.raises(DeviceError, match="in use by anna@desk"):
        acquire(device, layout, BERT)
    release(device, layout, BERT)
    with pytest.raises(DeviceError, match="anna@desk"):
        acquire(device, layout, BERT)
    release(device, layout, ANNA)
    acquire(device, layout, BERT)


def test_a_stale_lock_is_taken_over(layout: Layout) -> None:
    device = LocalDevice()
    acquire(device, layout, ANNA)
    age(layout, STALE_S - 30)
    with pytest.raises(DeviceError, match="anna"):
        acquire(device, layout, BERT)
    age(layout, STALE_S + 30)
    acquire(device, layout, BERT)
    with pytest.raises(DeviceError, match="bert@lab"):
        acquire(device, layout, ANNA)


def test_a_lock_from_before_a_restart_is_stale(layout: Layout) -> None:
    device = LocalDevice()
    acquire(device, layout, ANNA)
    owner = Path(layout.lock) / "owner"
    token, _, name = owner.read_text().splitlines()
    owner.write_text(f"{token}\nanother-boot\n{name}\n")
    acquire(device, layout, BERT)


def test_while_a_runner_measures_its_owner_may_be_away(layout: Layout) -> None:
    device = LocalDevice()
    acquire(device, layout, ANNA)
    phase = Path(layout.phase("0123456789ab"))
    phase.mkdir(parents=True)
    (phase / "owner").write_text(ANNA.token)
    spawn(device, str(phase), ["sleep", "600"])
    try:
        age(layout, STALE_S + 30)
        with pytest.raises(DeviceError, match="is measuring for anna@desk"):
            acquire(device, layout, BERT)
    finally:
        subprocess.run(["kill", (phase / "pid").read_text().split()[0]], check=True)
    while alive(device, str(phase)):
        time.sleep(0.01)
    acquire(device, layout, BERT)


def test_of_many_at_once_one_gets_it(layout: Layout) -> None:
    device = LocalDevice()
    acquire(device, layout, ANNA)
    age(layout, STALE_S + 30)
    got: list[str] = []

    def want(number: int) -> None:
        owner = Owner(f"{number:016x}", f"host{number}")
        try:
            acquire(device, layout, owner)
        except DeviceError:
            return
        got.append(owner.name)

    threads = [threading.Thread(target=want, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert got[0] in (Path(layout.lock) / "owner").read_text()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DeviceError, match="cannot be written"):
        acquire(LocalDevice(), Layout(str(tmp_path / "file" / "syncnas")), ANNA)
