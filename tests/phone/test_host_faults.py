"""Hosts that are killed, compete for a phone or run out of disk, and phones that a host cannot use: no sample is lost, and the error is a
sentence.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.phone.profiles import WAYS, arguments, assert_like, reached
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import FakeAdbServer, RealAdbServer, UnauthorisedDaemon
from tests.phone.wires.hosts import (
    ROOT,
    Host,
    failures,
    finish,
    held_runner,
    is_through,
    kill_runner,
    wait_for_visits,
)


@pytest.mark.parametrize("wait_for_end", [False, True], ids=["at once", "when the runner is through"])
def test_a_killed_host_is_followed_by_another(
    wait_for_end: bool, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
    wait_for_visits(out, 300, process)
    process.kill()
    process.communicate()
    while wait_for_end and not is_through(phone):
        time.sleep(0.05)
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--json")
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)
    assert not list(phone.path(f"{ROOT}/phases").iterdir())
    assert not phone.path(f"{ROOT}/lock/owner").exists()


def test_two_hosts_at_once(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    first, second = Host(tmp_path / "home1"), Host(tmp_path / "home2")
    process = first.start("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"), "--json")
    wait_for_visits(tmp_path / "luts", 100, process)
    with held_runner(phone):
        done = second.run("profiler.run", *arguments(phone.serial, model, tmp_path / "other"))
    assert done.status == 3
    assert "is measuring for" in done.stderr
    assert finish(process).status == 0
    assert_like(tmp_path / "luts", undisturbed)
    assert second.run("android_harness.doctor", "--device", phone.serial).status == 0, "the lock was given back"


@pytest.mark.parametrize(
    ("state", "reason"), [("unauthorized", "does not trust this computer"), ("offline", "is offline"), ("device", "no device 'another'")]
)
def test_what_a_server_sees_but_cannot_use(state: str, reason: str, tmp_path: Path, model: Path) -> None:
    with FakeAdbServer({"R5CT1234": state}) as server:
        serial = "R5CT1234" if state != "device" else "another"
        done = Host(tmp_path / "home", adb_port=server.port).run("profiler.run", *arguments(serial, model, tmp_path / "luts"))
    assert done.status == 3
    assert reason in done.stderr
    assert not (tmp_path / "luts").exists()


def test_several_phones_and_none_named(tmp_path: Path, model: Path) -> None:
    with FakeAdbServer({"R5CT1234": "device", "R5CT9876": "device"}) as server:
        host = Host(tmp_path / "home", adb_port=server.port)
        done = host.run("profiler.run", "--model", model, "--out", tmp_path / "luts")
        listed = host.run("android_harness.devices")
    assert done.status == 3
    assert "several devices are connected (R5CT1234, R5CT9876)" in done.stderr
    assert "R5CT9876" in listed.stdout


def test_the_only_phone_is_taken(phone: VirtualPhone, adb_server: RealAdbServer, tmp_path: Path) -> None:
    adb_server.connect(phone.serial)
    said = Host(tmp_path / "home", adb_port=adb_server.port).json("android_harness.doctor", "--no-trial")
    assert f"{phone.serial} over the adb server" in said["checks"][0]["found"]


def test_a_phone_that_never_accepts_the_key(tmp_path: Path) -> None:
    from android_harness.device.adb.device import AdbDevice
    from android_harness.device.adb.direct import tcp_transport
    from collab.errors import DeviceError

    with UnauthorisedDaemon() as daemon, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        host, _, port = daemon.serial.partition(":")
        device = AdbDevice(daemon.serial, tcp_transport(host, int(port), accept_s=0.5))
        with pytest.raises(DeviceError, match="accept the key"):
            device.connect()
    assert (tmp_path / ".android" / "adbkey").stat().st_mode & 0o077 == 0


def test_the_settings_are_changed_back_whoever_is_killed(phone: VirtualPhone, model: Path, tmp_path: Path) -> None:
    host = Host(tmp_path / "home")

    def restored() -> bool:
        return (
            phone.read_state("fixed_performance_mode") == "false"
            and phone.read_state("settings/global/stay_on_while_plugged_in") is None
            and _clock(phone) == (str(big.min_khz), str(big.max_khz), "schedutil")
        )

    big = phone.clusters[-1]
    for number, victim in enumerate(("nobody", "host", "runner", "supervisor")):
        process = host.start("profiler.run", *arguments(phone.serial, model, tmp_path / f"luts{number}"), "--root", "--steady", "--json")
        wait_for_visits(tmp_path / f"luts{number}", 100, process)
        assert phone.read_state("fixed_performance_mode") == "true"
        assert phone.read_state("settings/global/stay_on_while_plugged_in") == "15"
        assert _clock(phone) == (str(big.max_khz), str(big.max_khz), "performance")
        if victim == "host":
            process.kill()
            process.communicate()
            going_on = ("--device", phone.serial, "--out", tmp_path / f"luts{number}", "--resume", "--json")
            assert "give the options that it was measured with, such as --root" in host.run("profiler.run", *going_on).stderr
            process = host.start("profiler.run", *going_on, "--root", "--steady")
        elif victim == "runner":
            kill_runner(phone)
        elif victim == "supervisor":
            [folder] = phone.path(f"{ROOT}/phases").iterdir()
            phone.kill(int((folder / "pid").read_text().split()[0]))
        assert finish(process).status == 0
        deadline = time.monotonic() + 20
        while not restored() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert restored(), victim
    assert [entry.name for entry in phone.path("/data/local/tmp").iterdir()] == ["syncnas"]
    assert host.run("android_harness.devices", "--clean", phone.serial).status == 0
    assert not list(phone.path("/data/local/tmp").iterdir())


def _clock(phone: VirtualPhone) -> tuple[str, ...]:
    folder = phone.path(f"/sys/devices/system/cpu/cpu{phone.clusters[-1].cores[0]}/cpufreq")
    return tuple((folder / name).read_text().strip() for name in ("scaling_min_freq", "scaling_max_freq", "scaling_governor"))


def test_a_second_process_in_a_folder_changes_nothing(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
    wait_for_visits(out, 100, process)
    with held_runner(phone):
        for more in ([], ["--block", "add_28_32x2"]):
            done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", *more)
            assert done.status == 2
            assert "another process" in done.stderr
    assert finish(process).status == 0
    assert_like(out, undisturbed)
    assert host.json("profiler.run", "--device", phone.serial, "--out", out, "--resume")["failed"] == 0
    assert_like(out, undisturbed)


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Mounts a file system of `size_bytes` on the folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_of_the_host_loses_no_sample(way: str, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with reached(way, phone, tmp_path) as (host, proxy), small_disk(disk, 400 << 10):
        out = disk / "luts"
        done = host.run("profiler.run", *arguments(proxy.serial, model, out))
        assert done.status == 2
        assert "make room" in done.stderr
        assert str(out) in done.stderr
        assert not failures(out), "no model is to blame"
        subprocess.run(["mount", "-o", f"remount,size={64 << 20}", disk], check=True)
        assert host.json("profiler.run", "--device", proxy.serial, "--out", out, "--resume")["failed"] == 0
        assert_like(out, undisturbed)
