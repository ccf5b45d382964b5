"""Fence of the virtual phone: it serves certain users only, and even its root reaches nothing of this machine."""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_harness.device.adb.device import AdbDevice
from android_harness.device.adb.direct import tcp_transport
from tests.phone.virtual import capabilities
from tests.phone.virtual.loopback import ADDRESS, LoopbackPort
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.clients import Clients
from tests.phone.wires.proxy import FaultProxy

NOBODY = 65534
HOST_GREETING = b"host::\0"
GREETING = struct.pack("<6I", 0x4E584E43, 0x01000000, 4096, len(HOST_GREETING), sum(HOST_GREETING), 0x4E584E43 ^ 0xFFFFFFFF) + HOST_GREETING
"""The first message of the ADB protocol, which a daemon without keys answers."""
CLIENT = """
import socket, sys
with socket.socket() as client:
    client.settimeout(60)
    try:
        client.connect(("127.0.0.1", int(sys.argv[1])))
        client.sendall(bytes.fromhex(sys.argv[2]))
        print("answered" if client.recv(1) else "ended")
    except ConnectionError:
        print("refused")
"""
CAPABILITIES_KEPT = "chown dac_override fowner fsetid kill setgid setuid net_bind_service sys_nice"


@pytest.fixture(name="device")
def a_device(phone: VirtualPhone) -> Iterator[AdbDevice]:
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    device.connect()
    yield device
    device.close()


def greeted_by(user_id: int, port: int) -> str:
    """Connects to the port as that user; returns `answered`, `ended` or `refused`."""
    run_as = ["setpriv", f"--reuid={user_id}", f"--regid={user_id}", "--clear-groups"]
    command = [*run_as, "/usr/bin/env", "python3", "-c", CLIENT, str(port), GREETING.hex()]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", timeout=120).stdout.strip()


def test_only_who_started_it_is_served(phone: VirtualPhone) -> None:
    assert greeted_by(os.getuid(), phone.port) == "answered"
    assert greeted_by(NOBODY, phone.port) == "refused"
    phone.kill_daemon()
    phone.restart_daemon()
    phone.reboot()
    assert greeted_by(NOBODY, phone.port) == "refused"
    assert greeted_by(os.getuid(), phone.port) == "answered"


def test_a_proxy_lets_nobody_else_in(phone: VirtualPhone) -> None:
    with FaultProxy(phone.port) as proxy:
        assert greeted_by(os.getuid(), proxy.port) == "answered"
        assert greeted_by(NOBODY, proxy.port) == "refused"


def test_who_called_sudo_is_served(make_phone: Callable[..., VirtualPhone], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    phone = make_phone()
    assert greeted_by(NOBODY, phone.port) == "answered"
    assert greeted_by(NOBODY - 1, phone.port) == "refused"


@pytest.fixture(name="listening")
def a_port_without_a_phone() -> Iterator[socket.socket]:
    port = LoopbackPort.reserve()
    port.open()
    yield port.socket
    port.close()


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, ADDRESS), (socket.AF_INET6, f"::ffff:{ADDRESS}")])
def test_a_client_is_known_by_the_user_of_its_socket(listening: socket.socket, family: socket.AddressFamily, address: str) -> None:
    own, others = Clients.of_this_machine({os.getuid()}), Clients.of_this_machine({NOBODY})
    with own, others, socket.socket(family) as client:
        client.connect((address, listening.getsockname()[1]))
        accepted, _ = listening.accept()
        with accepted:
            assert own.admits(accepted)
            assert not others.admits(accepted)


def test_a_client_that_has_gone_is_nobody(listening: socket.socket) -> None:
    """Tests a closed connection, whose socket the kernel lists as root's."""
    with Clients.of_this_machine({0, NOBODY}) as clients, socket.socket() as client:
        client.connect(listening.getsockname())
        client.sendall(b"what is to be done without me")
        client.close()
        accepted, _ = listening.accept()
        with accepted:
            assert not clients.admits(accepted)


def test_no_file_of_the_host_is_in_reach(device: AdbDevice, phone: VirtualPhone, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    marker.write_text("the host's")
    places = "/proc/[0-9]*/root /proc/[0-9]*/cwd /proc/[0-9]*/fd/*"
    look = f"for place in '' {places}; do [ -e $place{marker} ] && echo $place; done; [ -d /proc/$$/root/data/local/tmp ]"
    for _ in range(2):
        seen = device.shell(look)
        assert (seen.status, seen.text) == (0, "")
        phone.reboot()


def test_descriptors_of_namespaces_are_not_inherited(device: AdbDevice, phone: VirtualPhone) -> None:
    phone.reboot()
    seen = device.shell("ls -l /proc/$$/fd/ /proc/$PPID/fd/").text
    assert "->" in seen
    assert not [line for line in seen.splitlines() if any(f"{kind}:[" in line for kind in ("mnt", "net", "uts", "ipc"))], seen


def test_no_process_of_the_host_is_seen(device: AdbDevice, tmp_path: Path) -> None:
    program = tmp_path / "of-the-host"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "600"]) as process:
        names = device.shell("cat /proc/[0-9]*/comm").text.split()
        process.kill()
    assert "adbd" in names
    assert "of-the-host" not in names
    assert "PYTEST_CURRENT_TEST" not in device.shell("cat /proc/[0-9]*/environ | tr '\\0' '\\n'").text


def test_root_has_only_the_capabilities_that_stay_in_the_phone(device: AdbDevice) -> None:
    kept = sum(1 << capabilities.NUMBERS[name] for name in CAPABILITIES_KEPT.split())
    for process in ("self", "1"):
        status = dict(line.split(":\t") for line in device.shell(f"cat /proc/{process}/status").text.splitlines() if ":\t" in line)
        for name in ("CapBnd", "CapEff", "CapPrm"):
            assert int(status[name], 16) == kept, (process, name)
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
        assert status["NoNewPrivs"] == "1"


KEY = "syncnas-fence"
KEYRING_CALLS = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}
OF_THE_USER, UNLINK = -4, 9


@pytest.fixture(name="key_of_the_host")
def a_key_of_this_machine_s_root() -> Iterator[int]:
    add, _, control = KEYRING_CALLS[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    key = libc.syscall(add, b"user", KEY.encode(), b"the host's", 10, OF_THE_USER)
    if key < 0:
        pytest.skip(f"this machine gives root no keyring ({os.strerror(ctypes.get_errno())})")
    yield key
    libc.syscall(control, UNLINK, key, OF_THE_USER, 0, 0)


def test_keys_of_the_host_are_not_found(device: AdbDevice, key_of_the_host: int) -> None:
    add, request, control = KEYRING_CALLS[platform.machine()]
    find = f"my ($t, $n, $b) = (qq(user\\0), qq({KEY}\\0), qq(\\0) x 64);"
    for call in (f"{request}, $t, $n, 0, 0", f"{control}, 11, {key_of_the_host}, $b, 64, 0", f"{add}, $t, $n, $b, 9, {OF_THE_USER}"):
        result = device.shell(f"/usr/bin/perl -e '{find} print syscall({call}), qq( ), $!{{EPERM}} ? 1 : 0'")
        assert (result.status, result.text) == (0, "-1 1"), (call, result)


FORBIDDEN = {
    "mounting": "mount -t tmpfs none /mnt",
    "making a writable proc": "mount -o remount,rw /proc/sys",
    "unmounting": "umount /data",
    "mknod": "rm -f /data/local/tmp/mem; mknod /data/local/tmp/mem c 1 1",
    "chroot": "chroot / true",
    "another mount namespace": "unshare -m true",
    "a user namespace, in which root may do all that": "unshare --user true",
    "the host's control groups": "unshare --user --mount --cgroup mount -t cgroup2 none /mnt",
    "the namespaces of process 1": "nsenter -t 1 -n -m true",
    "setting the clock": "date -s @$(date +%s.%N)",
    "the host's name": "hostname another",
    "a setting of the kernel": "v=$(cat /proc/sys/kernel/panic) && echo $v > /proc/sys/kernel/panic",
    "interrupts": "v=$(cat /proc/irq/default_smp_affinity) && echo $v > /proc/irq/default_smp_affinity",
    "sysrq": "echo h > /proc/sysrq-trigger",
    "memory": "cat /dev/mem || cat /proc/kcore | head -c 1 | grep -q .",
    "the kernel's messages": "dmesg | grep -q .",
    "devices": "ls /dev/vd* /dev/sd* /dev/nvme* /dev/kmsg /dev/fuse /dev/kvm 2>/dev/null | grep -q .",
    "the host's sysfs": "[ -e /sys/kernel ] || [ -e /sys/fs/cgroup ] || mount -t sysfs none /mnt",
    "process 1's root": "ls /proc/1/root/",
    "process 1's files": "ls -l /proc/1/fd/",
    "process 1's environment": "cat /proc/1/environ",
    "tracing process 1": "/usr/bin/perl -e 'exit(syscall(101, 16, 1, 0, 0) == 0 ? 0 : 1)'",
    "raw packets": "/usr/bin/perl -e 'use Socket; socket(my $s, AF_INET, SOCK_RAW, 1) or exit 1'",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_root_may_not_do(device: AdbDevice, what: str) -> None:
    assert device.shell("id -u").text == "0"
    result = device.shell(FORBIDDEN[what])
    assert result.status not in (0, 127), (what, result)


def test_set_user_id_programs_gain_nothing(make_phone: Callable[..., VirtualPhone]) -> None:
    phone = make_phone(rooted=False)
    program = phone.path("/data/local/tmp/become-root")
    program.write_bytes(phone.path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    bare = phone.path("/usr/bin/become-root")
    bare.write_bytes(program.read_bytes())
    bare.chmod(0o4755)
    device = AdbDevice(phone.serial, tcp_transport("127.0.0.1", phone.port), patience_s=20)
    assert device.shell("/data/local/tmp/become-root -u").text == "2000"
    assert device.shell("/usr/bin/become-root -u").text == "2000"
