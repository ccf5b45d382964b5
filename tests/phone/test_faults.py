"""What phones and cables do, against the real daemon: nothing is lost, no row is wrong, and what cannot be measured says why."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.models import tiny
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import FakeAdbServer, RealAdbServer, UnauthorisedDaemon
from tests.phone.wires.hosts import (
    ROOT,
    Host,
    assert_no_visit_twice,
    failures,
    finish,
    held_runner,
    kill_runner,
    rows,
    usable,
    visits,
    wait_for_visits,
)
from tests.phone.wires.proxy import FaultProxy
from tests.phone.wires.relay import Direction

WAYS = ("direct", "server")


@pytest.fixture(scope="module", name="model")
def a_tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.json"
    path.write_text(tiny().to_json())
    return path


@pytest.fixture(scope="module", name="undisturbed")
def an_undisturbed_profile(runner: Path, phone_root: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of the tiny model, measured on a phone that nothing happens to."""
    assert runner.is_file()
    assert phone_root.is_dir()
    folder = tmp_path_factory.mktemp("undisturbed")
    with VirtualPhone() as phone:
        said = profile(Host(folder / "home"), phone.serial, model, folder / "luts")
    assert said["failed"] == 0
    assert_no_visit_twice(folder / "luts")
    return folder / "luts"


def arguments(serial: str, model: Path, out: Path) -> tuple[object, ...]:
    return ("--device", serial, "--model", model, "--out", out, "--quick")


def profile(host: Host, serial: str, model: Path, out: Path) -> dict[str, object]:
    return host.json("profiler.run", *arguments(serial, model, out))


@contextmanager
def reached(way: str, phone: VirtualPhone, folder: Path) -> Iterator[tuple[Host, FaultProxy]]:
    """A host that reaches a phone through a proxy: directly, or with an adb server between itself and the proxy."""
    with FaultProxy(phone.port) as proxy:
        if way == "direct":
            yield Host(folder / "home"), proxy
            return
        (folder / "adb-home").mkdir()
        with RealAdbServer(folder / "adb-home") as server:
            server.connect(proxy.serial)
            yield Host(folder / "home", adb_port=server.port), proxy


def assert_like(out: Path, undisturbed: Path) -> None:
    """The same rows, all of them usable, and every job has its rounds: at most those of a whole profile, each once."""
    assert usable(out) == usable(undisturbed)
    assert_no_visit_twice(out)
    counted, expected = visits(out), visits(undisturbed)
    assert set(counted) == set(expected)
    few = {job: count for job, count in counted.items() if count < min(10, expected[job])}
    assert not few


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
            assert not _ended(phone), "so much is left to measure"
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_the_runner_dies_in_a_job(how: signal.Signals, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host = Host(tmp_path / "home")
    process = host.start("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"), "--json")
    wait_for_visits(tmp_path / "luts", 300, process)
    kill_runner(phone, how)
    assert finish(process).status == 0
    assert_like(tmp_path / "luts", undisturbed)
    assert not failures(tmp_path / "luts")


@pytest.mark.parametrize("wait_for_end", [False, True], ids=["at once", "when the runner is through"])
def test_a_killed_host_is_followed_by_another(
    wait_for_end: bool, phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
    wait_for_visits(out, 300, process)
    process.kill()
    process.communicate()
    while wait_for_end and not _ended(phone):
        time.sleep(0.05)
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--json")
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)
    assert not list(phone.path(f"{ROOT}/phases").iterdir())
    assert not phone.path(f"{ROOT}/lock/owner").exists()


def _ended(phone: VirtualPhone) -> bool:
    [folder] = phone.path(f"{ROOT}/phases").iterdir()
    return (folder / "exit").exists() and (folder / "exit").read_text().strip() == "0"


def test_storage_that_is_too_small_is_a_sentence(make_phone: Callable[..., VirtualPhone], model: Path, tmp_path: Path) -> None:
    phone = make_phone(storage_bytes=16 << 20)
    done = Host(tmp_path / "home").run("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"))
    assert done.status == 2
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
    assert done.status == 2
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
    process = host.start("profiler.run", *arguments(phone.serial, model, out), "--json")
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
    assert finish(process).status == 0
    assert_like(out, undisturbed)


def test_a_phone_that_never_cools(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    phone.set_thermal_status(3)
    done = host.run("profiler.run", *arguments(phone.serial, model, out), "--cool-limit-s", 2)
    assert done.status == 2
    assert "stays hot (thermal status 3 (severe))" in done.stderr
    assert set(usable(out).values()) == {False}
    assert set(rows(out).values()) == {"failed"}
    assert "stays hot" in (out / "blocks.csv").read_text()
    phone.set_thermal_status(0)
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--json")
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)


def test_two_hosts_at_once(phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path) -> None:
    first, second = Host(tmp_path / "home1"), Host(tmp_path / "home2")
    process = first.start("profiler.run", *arguments(phone.serial, model, tmp_path / "luts"), "--json")
    wait_for_visits(tmp_path / "luts", 100, process)
    with held_runner(phone):
        done = second.run("profiler.run", *arguments(phone.serial, model, tmp_path / "other"))
    assert done.status == 2
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
    assert done.status == 2
    assert reason in done.stderr
    assert not (tmp_path / "luts").exists()


def test_several_phones_and_none_named(tmp_path: Path, model: Path) -> None:
    with FakeAdbServer({"R5CT1234": "device", "R5CT9876": "device"}) as server:
        host = Host(tmp_path / "home", adb_port=server.port)
        done = host.run("profiler.run", "--model", model, "--out", tmp_path / "luts")
        listed = host.run("android_harness.devices")
    assert done.status == 2
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
        process = host.start("profiler.run", *arguments(phone.serial, model, tmp_path / f"luts{number}"), "--root", "--json")
        wait_for_visits(tmp_path / f"luts{number}", 100, process)
        assert phone.read_state("fixed_performance_mode") == "true"
        assert phone.read_state("settings/global/stay_on_while_plugged_in") == "15"
        assert _clock(phone) == (str(big.max_khz), str(big.max_khz), "performance")
        if victim == "host":
            process.kill()
            process.communicate()
            process = host.start("profiler.run", "--device", phone.serial, "--out", tmp_path / f"luts{number}", "--resume", "--json")
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
    """A file system of its own of so many bytes."""
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
