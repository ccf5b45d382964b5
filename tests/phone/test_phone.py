"""Virtual phone: it behaves as tests rely on, and no other machine can reach it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_harness.device.adb.device import AdbDevice
from android_harness.device.adb.direct import tcp_transport
from android_harness.device.adb.server import ServerAddress, ServerTransport
from android_harness.device.base import Device, alive, spawn
from android_harness.targets.push import push_files, sha256_of
from tests.phone.virtual.programs import program
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import RealAdbServer


@pytest.fixture(name="device")
def a_device(phone: VirtualPhone) -> Iterator[AdbDevice]:
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    device.connect()
    yield device
    device.close()


def say(device: Device, script: str, *arguments: str) -> str:
    result = device.shell(script, *arguments)
    assert result.status == 0, result
    return result.text


def test_it_answers_like_an_android(phone: VirtualPhone, device: AdbDevice) -> None:
    assert say(device, "getprop ro.build.version.sdk") == "34"
    assert say(device, "getprop no.such.property") == ""
    phone.set_thermal_status(3)
    assert "Thermal Status: 3" in say(device, "dumpsys thermalservice")
    phone.set_battery(level=17, plugged="none")
    assert "level: 17" in say(device, "dumpsys battery")
    say(device, "svc power stayon true")
    assert say(device, "settings get global stay_on_while_plugged_in") == "15"
    say(device, "cmd power set-fixed-performance-mode-enabled true")
    assert phone.read_state("fixed_performance_mode") == "true"
    phone.set_clock_cap_khz(0, 600_000)
    assert say(device, "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq") == "600000"
    assert say(device, "readlink -f /system/bin/sh").endswith("mksh")
    assert device.shell("[ -e /system/bin/linker64 ]").status == 1


def test_its_tools_are_androids(device: AdbDevice) -> None:
    """Tests that nothing of Debian's own userland is in reach by its name, and that regular expressions are bionic's."""
    assert say(device, "echo $PATH") == "/system/bin"
    for tool in ("ls", "stat", "find", "tail", "tar", "sha256sum", "flock", "setsid"):
        assert say(device, f"readlink -f $(command -v {tool})") == "/usr/bin/toybox"
    assert device.shell("command -v perl || command -v python3 || command -v su").status != 0
    for expression in (r"s/a\|b/c/", r"s/a\+/c/"):
        refused = device.shell('echo a | sed "$1"', expression)
        assert (refused.status, b"no basic regular expression on Android" in refused.stderr) == (2, True)
    assert say(device, "echo aab | sed -E 's/a+|b/c/g'") == "cc"


def test_debugging_that_is_switched_off_ends_all_that_it_started(make_phone: Callable[..., VirtualPhone]) -> None:
    phone = make_phone(rooted=False)
    phone.install_su("magisk")
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    say(device, "mkdir -p /data/local/tmp/x")
    spawn(device, "/data/local/tmp/x", ["sleep", "600"])
    phone.switch_debugging_off()
    assert {process.name for process in phone.processes()} == {"su-daemon"}
    phone.restart_daemon()
    assert not alive(device, "/data/local/tmp/x"), "a session of its own does not help"
    assert say(device, "su -c 'id -u'") == "0", "what root's daemon runs lives on"


def test_files_go_there_and_back(device: AdbDevice, phone: VirtualPhone, adb_server: RealAdbServer, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(20 << 20))
    told: list[int] = []
    device.push(source, "/data/local/tmp/file", told.append)
    assert told == sorted(set(told))
    assert (len(told) > 10, told[-1]) == (True, 20 << 20), "on the way, and at the end"
    assert say(device, "sha256sum < /data/local/tmp/file").split()[0] == sha256_of(source)
    device.pull("/data/local/tmp/file", back)
    assert sha256_of(back) == sha256_of(source)
    adb_server.connect(phone.serial)
    adb_server.adb("-s", phone.serial, "pull", "/data/local/tmp/file", str(tmp_path / "adb"))
    assert sha256_of(tmp_path / "adb") == sha256_of(source)
    told.clear()
    ServerTransport(ServerAddress(port=adb_server.port), phone.serial).push(source, "/data/local/tmp/again", told.append)
    assert (len(told) > 10, told[-1]) == (True, 20 << 20)
    assert say(device, "sha256sum < /data/local/tmp/again").split()[0] == sha256_of(source)


def test_files_of_long_names_arrive(device: AdbDevice, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1000))
    names = [f"{'m' * length}.tflite" for length in (76, 94, 101, 248)] + [f"{'d' * 200}/{'e' * 200}"]
    push_files(device, "/data/local/tmp/long", dict.fromkeys(names, source), budget_bytes=1 << 20)
    for name in names:
        assert say(device, f"sha256sum < /data/local/tmp/long/{name}").split()[0] == sha256_of(source)


def test_the_daemon_may_die_and_what_it_started_lives_on(phone: VirtualPhone, device: AdbDevice) -> None:
    say(device, "mkdir -p /data/local/tmp/x")
    spawn(device, "/data/local/tmp/x", ["sleep", "600"])
    phone.kill_daemon()
    phone.restart_daemon()
    assert alive(device, "/data/local/tmp/x")
    phone.kill("sleep", signal.SIGTERM)
    while alive(device, "/data/local/tmp/x"):
        time.sleep(0.02)


def test_a_reboot_ends_processes_and_keeps_storage_unless_it_is_wiped(phone: VirtualPhone, device: AdbDevice) -> None:
    boot = say(device, "cat /proc/sys/kernel/random/boot_id")
    say(device, "mkdir -p /data/local/tmp/x; echo kept > /data/local/tmp/kept")
    spawn(device, "/data/local/tmp/x", ["sleep", "600"])
    phone.reboot()
    assert say(device, "cat /proc/sys/kernel/random/boot_id") != boot
    assert not alive(device, "/data/local/tmp/x")
    assert say(device, "cat /data/local/tmp/kept") == "kept"
    phone.reboot(wipe=True)
    assert device.shell("[ -e /data/local/tmp/kept ]").status == 1


def test_storage_can_be_full(make_phone: Callable[..., VirtualPhone]) -> None:
    phone = make_phone(storage_bytes=4 << 20)
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    result = device.shell("head -c 8000000 /dev/zero > /data/local/tmp/large")
    assert result.status != 0
    assert b"No space left" in result.stderr


def test_only_this_machine_reaches_it(phone: VirtualPhone) -> None:
    listening = subprocess.run([program("ss"), "-Hltn"], capture_output=True, text=True, check=True).stdout
    own = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{phone.port}")]
    assert own == [f"127.0.0.1:{phone.port}"]
    assert not [line for line in listening.splitlines() if line.split()[3].endswith(":5555")], "adbd's own port is in another namespace"


def test_an_unrooted_phone_has_the_user_shell(make_phone: Callable[..., VirtualPhone]) -> None:
    phone = make_phone(rooted=False)
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    assert say(device, "id -u") == "2000"
    assert device.shell("echo 1 > /sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq").status != 0
    assert say(device, "echo x > /data/local/tmp/x && cat /data/local/tmp/x") == "x"


OWNER = """
from tests.phone.virtual.virtual_phone import VirtualPhone
phone = VirtualPhone().__enter__()
print(phone._power.init_pid, flush=True)
input()
"""


def test_nothing_is_left_of_a_phone_whose_process_was_killed(phone_root: Path) -> None:
    assert phone_root.is_dir()
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    init_pid = int(owner.stdout.readline())
    mounts = Path("/proc/self/mounts").read_text()
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{init_pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{init_pid}").exists()
    assert Path("/proc/self/mounts").read_text() == mounts
