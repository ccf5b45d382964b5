"""A system that is not Linux, as far as Python shows it: modules and calls that only POSIX has are gone. For scripts of their own process.

What Windows has in their place is made of Linux's calls, which is why this module imports `fcntl` first.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import importlib.abc
import importlib.machinery
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from tests.selection.fast import EXTRAS

MODULES: Final = frozenset({"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "posix_ipc"})
CALLS: Final = (
    *("sched_getaffinity", "sched_setaffinity", "fork", "forkpty", "register_at_fork", "killpg", "getpgid", "setsid", "getuid", "geteuid"),
    *("getgid", "getegid", "sysconf", "confstr", "mkfifo", "fchown", "chown", "fchmod", "statvfs", "getloadavg", "uname", "O_CLOEXEC"),
    *("O_NONBLOCK", "O_DIRECTORY", "O_NOFOLLOW"),
)
_LIBRARIES: Final = ("numpy", "platformdirs.unix", "subprocess", "multiprocessing.context", "shutil", "tempfile", "asyncio")
SIGNALS: Final = ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGALRM", "SIGCHLD", "SIGSTOP", "SIGCONT")


class ByteLocks(ModuleType):
    """Stands in for the module ``msvcrt``: locks ranges of bytes from a file's position on, between processes."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self._fcntl = fcntl

    def locking(self, descriptor: int, mode: int, size_bytes: int) -> None:
        assert mode == self.LK_NBLCK
        try:
            # A lock that belongs to the open file, as on Windows; `lockf`'s would end when any descriptor of the file is closed.
            lock = struct.pack("@hhqqi4x", self._fcntl.F_WRLCK, os.SEEK_SET, os.lseek(descriptor, 0, os.SEEK_CUR), size_bytes, 0)
            self._fcntl.fcntl(descriptor, self._fcntl.F_OFD_SETLK, lock)
        except OSError:
            raise PermissionError(errno.EACCES, "Permission denied") from None


class _Refusal(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.split(".", maxsplit=1)[0] in MODULES | EXTRAS:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return None


def become(system: str) -> None:
    """Makes this process one on another system (``Windows`` or ``Darwin``), without the extras, from here on."""
    # Libraries that choose their calls by sys.platform, which stays as it is.
    for name in _LIBRARIES:
        importlib.import_module(name)
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Refusal())
    if system == "Windows":
        # asked for by the standard library where sys.platform says so, which stays as it is
        sys.modules["msvcrt"] = ByteLocks()
        _remove(os, CALLS)
        _remove(signal, SIGNALS)
    else:
        _remove(os, ("sched_getaffinity", "sched_setaffinity"))
        sys.modules["fcntl"] = fcntl
    platform.system = lambda: system


def _remove(module: ModuleType, names: Sequence[str]) -> None:
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
