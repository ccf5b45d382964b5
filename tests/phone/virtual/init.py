"""Process 1 of the virtual phone: it mounts a phone's file systems, runs adbd, and relays a port of the host to it.

Started by `tests.phone.virtual.virtual_phone` inside the phone's namespaces as ``python -m tests.phone.virtual.init SETTINGS``. It obeys
lines of its standard input and answers each with a line of JSON; when the input ends, because whoever holds the phone has let it go or
was killed, it ends too, and with it, as it is process 1, every process of the phone.

Before it starts anything it goes behind the fence: it leaves the host's root for the phone's, in a mount namespace of this boot, and of
root's capabilities keeps only those whose objects the phone's namespaces separate from this machine's. It may import nothing from then
on. The mounts that outlive a boot are in the mount namespace in which it was started, and which no process of the phone can enter.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

from tests.phone.virtual import capabilities, kernel
from tests.phone.virtual.loopback import ADDRESS, LoopbackPort
from tests.phone.wires.clients import Clients
from tests.phone.wires.keyrings import withhold_keyrings
from tests.phone.wires.relay import Relay

START_DAEMON: Final = "start daemon"
KILL_DAEMON: Final = "kill daemon"
START_SU: Final = "start su"
ROOTS_MARK: Final = "PHONE_ROOTS"
"""Environment variable of what su's daemon runs, which no daemon of adbd's takes along when it ends."""

_ADBD: Final = "/usr/lib/android-sdk/platform-tools/adbd"
_ADBD_PORT: Final = 5555
_ADBD_STARTS_WITHIN_S: Final = 30.0
"""Limit of adbd's start, which takes a second under qemu."""
_POLL_S: Final = 0.005

_SU_DAEMON: Final = "/system/bin/su-daemon"
_SU_DOOR: Final = "/dev/su/door"
_SETPRIV: Final = "/usr/bin/setpriv"
_HARMLESS: Final = ("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "net_bind_service", "sys_nice")
"""Capabilities over nothing but the phone's own files, processes and ports."""

_DEVICES: Final = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_DEVICE_LINKS: Final = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1"}


@dataclass(frozen=True)
class Settings:
    """Settings that process 1 receives when it is started."""

    lower: str
    """The shared root file system."""
    mount_point: str
    """A folder of the host over which, in the phone's mount namespace only, everything of the phone is mounted."""
    storage_bytes: int
    listening_fd: int
    client_table_fds: tuple[int, ...]
    """The host's tables of connections, see `Clients`."""
    client_user_ids: tuple[int, ...]
    """Users who may connect."""
    user_id: int
    environment: dict[str, str]
    boot_id: str
    cpu_info: str | None
    """Content of /proc/cpuinfo; None: this machine's."""
    first_boot: bool

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def root(self) -> Path:
        return Path(self.mount_point) / "root"


def main() -> None:
    """Boots, then carries out commands until the standard input ends."""
    settings = Settings(**json.loads(sys.argv[1]))
    _close_all_but({0, 1, 2, settings.listening_fd, *settings.client_table_fds})
    if settings.first_boot:
        _power_on(settings)
    # /proc is still the host's here, so this is the number by which the host knows this process.
    pid = int(Path("/proc/self").readlink().name)
    _go_behind_the_fence(settings)
    phone = Phone(settings)
    _answer(pid=pid)
    phone.obey()


def _close_all_but(kept: set[int]) -> None:
    """Closes all descriptors but these, so that no process of the phone inherits others, such as those of the entered namespaces."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) not in kept:
            with contextlib.suppress(OSError):  # the one by which the folder was listed
                os.close(int(entry.name))


def _go_behind_the_fence(settings: Settings) -> None:
    kernel.copy_mounts()
    _mount_proc(settings)
    kernel.make_root(Path(settings.mount_point))
    # To a process whose root is a folder of its namespace's root, the kernel refuses user namespaces, in which it would have all
    # capabilities again. Around the folder are the phone's own layers, and nothing of the host.
    os.chroot(settings.root.name)
    os.chdir("/")
    capabilities.keep_only(_HARMLESS)
    withhold_keyrings()
    capabilities.hide_process()


def _power_on(settings: Settings) -> None:
    """Mounts the file systems that last as long as the phone has power, or as its storage is kept."""
    socket.sethostname("localhost")
    kernel.raise_loopback()
    base = Path(settings.mount_point)
    kernel.mount("tmpfs", base, "tmpfs", options="mode=0755")
    root = settings.root
    for folder in ("upper", "work", "root"):
        (base / folder).mkdir()
    kernel.mount("overlay", root, "overlay", options=f"lowerdir={settings.lower},upperdir={base / 'upper'},workdir={base / 'work'}")
    kernel.mount("tmpfs", root / "data", "tmpfs", flags=kernel.MS_NOSUID, options=f"mode=0771,size={settings.storage_bytes}")
    (root / "data/local/tmp").mkdir(parents=True)
    os.chown(root / "data/local/tmp", settings.user_id, settings.user_id)
    # Android has no /tmp: a phone on which it can be written would hide that somebody relies on it.
    kernel.mount("tmpfs", root / "tmp", "tmpfs", flags=kernel.MS_RDONLY, options="mode=0555")
    _make_devices(root / "dev")


def _make_devices(folder: Path) -> None:
    kernel.mount("tmpfs", folder, "tmpfs", flags=kernel.MS_NOSUID, options="mode=0755")
    for name, numbers in _DEVICES.items():
        os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(*numbers))
        (folder / name).chmod(0o666)
    for name, target in _DEVICE_LINKS.items():
        (folder / name).symlink_to(target)
    (folder / "pts").mkdir()
    kernel.mount("devpts", folder / "pts", "devpts", options="newinstance,ptmxmode=0666,mode=0620")
    (folder / "shm").mkdir()
    kernel.mount("tmpfs", folder / "shm", "tmpfs", flags=kernel.MS_NOSUID, options="mode=1777")


def _mount_proc(settings: Settings) -> None:
    """Mounts /proc of this boot's processes. Its other files are the host's: they cannot be changed, and those for root alone are empty."""
    proc = settings.root / "proc"
    kernel.mount("proc", proc, "proc")
    for entry in proc.iterdir():
        if entry.is_symlink() or entry.name.isdecimal():
            continue
        mode = entry.stat().st_mode
        if stat.S_ISREG(mode) and not mode & stat.S_IROTH:
            kernel.bind(settings.root / "dev/null", entry)
        elif stat.S_ISDIR(mode) or mode & stat.S_IWUSR:
            kernel.bind(entry, entry, read_only=True)
    _replace(proc / "sys/kernel/random/boot_id", settings.boot_id + "\n", Path(settings.mount_point) / "boot_id")
    if settings.cpu_info is not None:
        _replace(proc / "cpuinfo", settings.cpu_info, Path(settings.mount_point) / "cpuinfo")


def _replace(file: Path, content: str, stand_in: Path) -> None:
    stand_in.write_text(content, encoding="ascii")
    kernel.bind(stand_in, file)


class Phone:
    """Daemon of the phone, and the relay to it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._daemon: int | None = None
        listening = socket.socket(fileno=settings.listening_fd)
        listening.set_inheritable(False)
        clients = Clients(settings.client_table_fds, settings.client_user_ids)
        for table in clients.tables:
            os.set_inheritable(table, False)
        self._relay = Relay(LoopbackPort(listening), clients, _connect_to_daemon)
        self._wakeup, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def obey(self) -> None:
        """Carries out commands and buries the dead, until the standard input ends."""
        commands = sys.stdin.fileno()
        while True:
            readable, _, _ = select.select([commands, self._wakeup], [], [])
            if self._wakeup in readable:
                os.read(self._wakeup, 4096)
                self._bury()
            if commands in readable:
                line = sys.stdin.readline().strip()
                if not line:
                    return
                if line == START_DAEMON:
                    _answer(error=self._start_daemon())
                elif line == START_SU:
                    self._start_su()
                    _answer(error=None)
                else:
                    self._kill_daemon()
                    _answer(error=None)

    def _start_daemon(self) -> str | None:
        """Starts adbd; returns None once it listens, else the reason why it could not be started."""
        settings = self._settings
        run_as = ["--reuid", str(settings.user_id), "--regid", str(settings.user_id), "--clear-groups"] if settings.user_id else []
        command = [_SETPRIV, *run_as, _ADBD] if run_as else [_ADBD]
        log = os.memfd_create("adbd.log")
        with os.fdopen(log, encoding="utf-8", errors="replace") as words:
            self._daemon = os.posix_spawn(
                command[0],
                command,
                {**settings.environment, "ADBD_PORT": str(_ADBD_PORT)},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGCHLD],
            )
            return self._error_unless_it_listens(words)

    def _start_su(self) -> None:
        """Starts the daemon that runs as root what ``su`` asks for."""
        environment = {**self._settings.environment, ROOTS_MARK: "1"}
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        os.posix_spawn(_SU_DAEMON, [_SU_DAEMON], environment, file_actions=null, setsid=True, setsigdef=[signal.SIGPIPE, signal.SIGCHLD])
        while not stat.S_ISFIFO(_mode_of(_SU_DOOR)):
            time.sleep(_POLL_S)

    def _error_unless_it_listens(self, log: TextIO) -> str | None:
        deadline = time.monotonic() + _ADBD_STARTS_WITHIN_S
        while self._daemon_lives() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                _connect_to_daemon().close()
                self._relay.open()
                return None
            time.sleep(_POLL_S)
        log.seek(0)
        words = log.read().strip().splitlines()
        return f"adbd does not listen ({words[-1] if words else 'it says nothing'})"

    def _kill_daemon(self) -> None:
        if self._daemon is not None:
            os.kill(self._daemon, signal.SIGKILL)
            while self._daemon is not None:
                self._bury()
                time.sleep(_POLL_S)

    def _daemon_lives(self) -> bool:
        self._bury()
        return self._daemon is not None

    def _bury(self) -> None:
        """Collects ended children, orphaned ones included, and closes the port when the daemon is gone."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                if pid == self._daemon:
                    self._daemon = None
                    self._relay.refuse()


def _connect_to_daemon() -> socket.socket:
    daemon = socket.socket()
    try:
        daemon.connect((ADDRESS, _ADBD_PORT))
    except OSError:
        daemon.close()
        raise
    return daemon


def _mode_of(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_mode
    return 0


def _answer(**fields: int | str | None) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    main()
