"""Virtual phones, which run on this machine for the time of a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from collab.errors import DeviceError
from tests.phone.virtual import init, state
from tests.phone.virtual.hardware import Cluster, clusters_of, write_sys
from tests.phone.virtual.loopback import LoopbackPort
from tests.phone.virtual.rootfs import build, cache_folder
from tests.phone.virtual.state import PhoneState
from tests.phone.wires.clients import Clients
from tests.phone.wires.processes import Process, processes_of

_SOURCE: Final = Path(__file__).parents[3]
_STAND_INS: Final = Path(__file__).parent / "stand_ins"
_DRIVERS: Final = "usr/share/vulkan/icd.d"
_LAVAPIPE: Final = f"/{_DRIVERS}/lvp_icd.json"
_SHELL_USER_ID: Final = 2000
_ROOTS_MARK: Final = f"{init.ROOTS_MARK}=1".encode()
_ENDS_WITHIN_S: Final = 10.0


@dataclass
class _Power:
    """Processes and namespaces that exist while the phone is on."""

    machine: subprocess.Popen[str]
    init_pid: int
    """Process 1 of the phone, by its number on this machine."""


class VirtualPhone(PhoneState):
    """Android's adbd in namespaces of its own, reached by a port of 127.0.0.1 whose number stays the same until the phone is closed.

    Only the user who started it may connect, and under sudo the user who called that; for others the port is closed. Its root reaches
    nothing of the host.

    Shells are root's, as on a rooted phone, or with `rooted=False` the user `shell`'s. `/data` holds `storage_bytes`. Everything that is
    written in the phone, also by the host through `path`, is gone when it is closed, or when the process that made it ends in any way.
    """

    def __init__(self, *, arch: str = "amd64", storage_bytes: int = 2 << 30, gpu: bool = True, rooted: bool = True) -> None:
        """Builds the root file system if it is not in the cache; the phone is off until it is started.

        Raises:
            DeviceError: the root file system cannot be built, see `rootfs.build`.
        """
        self._lower = build(arch)
        self._arch = arch
        self._storage_bytes = storage_bytes
        self._gpu = gpu
        self._user_id = 0 if rooted else _SHELL_USER_ID
        self._port = LoopbackPort.reserve()
        self._clients = Clients.of_this_machine()
        self._power: _Power | None = None
        self._namespaces: dict[str, int] = {}
        self.clusters: tuple[Cluster, ...] = clusters_of(sorted(os.sched_getaffinity(0)))
        self.serial: str = self._port.serial
        """Address for `adb connect`, HOST:PORT."""

    def __enter__(self) -> VirtualPhone:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._port.number

    def start(self) -> None:
        """Switches the phone on; gives it new storage if it has none.

        Raises:
            DeviceError: a namespace or mount is refused, or adbd does not start.
        """
        first_boot = not self._namespaces
        self._power = self._boot(first_boot=first_boot)
        if first_boot:
            self._keep_namespaces()
            self._install()
        write_sys(self.path("/sys"), self.clusters)
        self.forget_until_reboot()
        self.restart_daemon()

    def close(self) -> None:
        """Switches the phone off for good: its processes, mounts and storage are gone."""
        self._switch_off()
        self._drop_namespaces()
        self._port.close()
        self._clients.close()

    def kill_daemon(self) -> None:
        """Kills adbd alone: connections end, new ones are refused, and what shells have started in the background lives on."""
        self._command(init.KILL_DAEMON)

    def switch_debugging_off(self) -> None:
        """Ends adbd with all that it has started, in whatever session: Android's init kills its whole control group when USB debugging is
        switched off or the USB mode is changed. What a root daemon runs lives on. `restart_daemon` switches debugging on again.
        """
        self.kill_daemon()
        while started := [process for process in self.processes() if not self._is_roots(process)]:
            for process in started:
                with suppress(ProcessLookupError):
                    os.kill(process.host_pid, signal.SIGKILL)

    def _is_roots(self, process: Process) -> bool:
        with suppress(OSError):
            return _ROOTS_MARK in Path(f"/proc/{process.host_pid}/environ").read_bytes()
        return False

    def restart_daemon(self) -> None:
        """Starts adbd after `kill_daemon` or after it has died."""
        self._command(init.START_DAEMON)

    def install_su(self, kind: str) -> None:
        """Installs `su` as Magisk (`magisk`) or a userdebug build (`aosp`) has it, or one whose user has refused it (`denied`)."""
        self._write_state("su", kind)
        self._install_stand_in("su")
        self._command(init.START_SU)

    def reboot(self, *, wipe: bool = False) -> None:
        """Ends all processes of the phone and boots it again, with another boot id; with `wipe`, as it was when it was new."""
        self._switch_off()
        if wipe:
            self._drop_namespaces()
        self.start()

    def path(self, inside: str) -> Path:
        """Returns the host's path of a file of the phone, to read or to damage it; valid until the next reboot.

        An absolute symbolic link inside would be followed on the host.
        """
        if self._power is None:
            raise DeviceError("the virtual phone is off; start it first")
        return Path(f"/proc/{self._power.init_pid}/root") / inside.lstrip("/")

    def processes(self) -> tuple[Process, ...]:
        """Lists the processes of the phone, without its process 1."""
        if self._power is None:
            return ()
        return processes_of(self._power.init_pid)

    def kill(self, name_or_pid: str | int, sent: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to the process of that number in the phone, or to all of that name.

        Raises:
            DeviceError: there is none.
        """
        chosen = [process for process in self.processes() if name_or_pid in {process.pid, process.name}]
        if not chosen:
            raise DeviceError(f"no process {name_or_pid!r} runs in the virtual phone")
        for process in chosen:
            os.kill(process.host_pid, sent)

    def _boot(self, *, first_boot: bool) -> _Power:
        _mount_point().mkdir(exist_ok=True)
        settings = init.Settings(
            lower=str(self._lower),
            mount_point=str(_mount_point()),
            storage_bytes=self._storage_bytes,
            listening_fd=self._port.socket.fileno(),
            client_table_fds=self._clients.tables,
            client_user_ids=tuple(self._clients.user_ids),
            user_id=self._user_id,
            environment=_environment(),
            boot_id=str(uuid.uuid4()),
            cpu_info=state.arm_cpu_info(self.clusters) if self._arch == "arm64" else None,
            first_boot=first_boot,
        )
        if first_boot:
            enter = ["unshare", "--net", "--mount", "--uts", "--ipc"]
        else:
            kept = [f"--{name}=/proc/self/fd/{descriptor}" for name, descriptor in self._namespaces.items()]
            enter = ["nsenter", *kept, "unshare"]
        machine = subprocess.Popen(
            [*enter, "--pid", "--fork", "--kill-child", sys.executable, "-S", "-m", "tests.phone.virtual.init", settings.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_SOURCE)},
            pass_fds=[self._port.socket.fileno(), *self._clients.tables, *self._namespaces.values()],
            start_new_session=True,
        )
        return _Power(machine, int(_answer_of(machine)["pid"]))

    def _keep_namespaces(self) -> None:
        """Holds the namespaces of storage and network, as these outlive the processes of a boot only while a process holds them.

        They are those of process 1's parent, unshare, as process 1 has gone on to a mount namespace of the boot."""
        assert self._power is not None
        for option, name in (("mount", "mnt"), ("net", "net"), ("uts", "uts"), ("ipc", "ipc")):
            self._namespaces[option] = os.open(f"/proc/{self._power.machine.pid}/ns/{name}", os.O_RDONLY)

    def _drop_namespaces(self) -> None:
        while self._namespaces:
            os.close(self._namespaces.popitem()[1])

    def _install(self) -> None:
        for script in _STAND_INS.iterdir():
            if script.name != "su":
                self._install_stand_in(script.name)
        if not self._gpu:
            for driver in self.path(_DRIVERS).glob("*.json"):
                driver.unlink()
        self.write_new_state(abi="arm64-v8a" if self._arch == "arm64" else "x86_64", serial_number=str(self.port))

    def _install_stand_in(self, name: str) -> None:
        target = self.path(f"/system/bin/{name}")
        target.unlink(missing_ok=True)  # it may be a link to toybox
        target.write_bytes((_STAND_INS / name).read_bytes())
        target.chmod(0o755)

    def _command(self, line: str) -> None:
        if self._power is None:
            raise DeviceError("the virtual phone is off; start it first")
        machine = self._power.machine
        assert machine.stdin is not None
        machine.stdin.write(line + "\n")
        machine.stdin.flush()
        error = _answer_of(machine)["error"]
        if error is not None:
            raise DeviceError(f"the virtual phone does not start: {error}")

    def _switch_off(self) -> None:
        self._port.refuse()
        if self._power is None:
            return
        machine, self._power = self._power.machine, None
        assert machine.stdin is not None
        assert machine.stdout is not None
        machine.stdin.close()
        try:
            machine.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            machine.kill()
            machine.wait()
        machine.stdout.close()


def _mount_point() -> Path:
    return cache_folder() / "mount"


def _environment() -> dict[str, str]:
    """Returns the environment of adbd, which every shell inherits."""
    return {
        "PATH": "/system/bin",
        "HOME": "/",
        "TMPDIR": "/data/local/tmp",
        "ANDROID_ROOT": "/system",
        "ANDROID_DATA": "/data",
        "VK_ICD_FILENAMES": _LAVAPIPE,
        "VK_DRIVER_FILES": _LAVAPIPE,
        "LP_NUM_THREADS": "1",  # or the GPU's threads would be on every core, those of CPU units included
        "MESA_SHADER_CACHE_DISABLE": "true",  # a shader from an earlier test would make a first run fast
    }


def _answer_of(machine: subprocess.Popen[str]) -> dict[str, str]:
    assert machine.stdout is not None
    line = machine.stdout.readline()
    if not line:
        raise DeviceError(f"the virtual phone ended with status {machine.wait()}; are namespaces and overlayfs allowed here?")
    answer: dict[str, str] = json.loads(line)
    return answer
