"""Calls and constants of Linux that other systems lack, each with the closest thing that they have."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from contextlib import suppress
from typing import Any, Final

PLAIN: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags of every file that is opened: programs that are started do not inherit it, and Windows changes no bytes of it."""
AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)
"""Flag for a file that may be a FIFO: opening does not wait until somebody writes to it. Windows has no such files."""
NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
"""Flag that refuses symbolic links, where the system has it."""
HAS_OPEN_FOLDERS: Final = hasattr(os, "O_DIRECTORY")
"""True where a folder can be opened, to flush it to the disk or to lock it; Windows cannot do that."""


def open_folder(folder: os.PathLike[str]) -> int:
    """Opens a folder, on systems that can, and returns its descriptor.

    Raises:
        OSError: it is no folder or cannot be read.
    """
    return os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | PLAIN)


def usable_cores() -> list[int]:
    """Returns the numbers of the cores that this process may run on; of all cores where the system does not say."""
    ask = getattr(os, "sched_getaffinity", None)
    return sorted(ask(0)) if ask is not None else list(range(os.cpu_count() or 1))


def user_number() -> int | None:
    """Returns the number by which files name their owner; None where the system has no such numbers, as Windows."""
    ask = getattr(os, "getuid", None)
    return int(ask()) if ask is not None else None


def interrupt(process: subprocess.Popen[Any]) -> None:
    """Stops a program that was started in a session of its own as Ctrl-C would; nothing where it has ended.

    On Windows it does nothing: there, programs have no sessions, and Ctrl-C reaches all of them by itself.
    """
    if process.poll() is None and hasattr(os, "killpg"):
        process.send_signal(signal.SIGINT)


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kills a program that was started in a session of its own, with all that it has started; on Windows the program alone."""
    end_group = getattr(os, "killpg", None)
    with suppress(ProcessLookupError, PermissionError):
        if end_group is None:
            process.kill()
        else:
            end_group(process.pid, signal.SIGKILL)


def is_linux() -> bool:
    """Tells whether this computer runs Linux, so that it can be a device itself."""
    return platform.system() == "Linux"


def is_windows() -> bool:
    """Tells whether this is Windows."""
    return platform.system() == "Windows"
