"""Irrevocable removal of capabilities."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Collection
from typing import Final

NUMBERS: Final = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "net_bind_service": 10,
    "sys_nice": 23,
}
"""Numbers of the capabilities that are kept anywhere here, from linux/capability.h."""

_HIGHEST: Final = 63
_VERSION_3: Final = 0x20080522
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_EINVAL: Final = 22

_libc = ctypes.CDLL(None, use_errno=True)


def keep_only(names: Collection[str]) -> None:
    """Removes all other capabilities from this thread and from programs that it starts, even from root's and set-user-id ones.

    Raises:
        OSError: the kernel refuses.
    """
    kept = {NUMBERS[name] for name in names}
    for number in set(range(_HIGHEST + 1)) - kept:
        if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() != _EINVAL:  # EINVAL: the kernel knows no such one
            raise _error("bounding set")
    _control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _control(_PR_SET_NO_NEW_PRIVS, 1)
    low, high = (sum(1 << number for number in kept) >> shift & 0xFFFFFFFF for shift in (0, 32))
    header = struct.pack("Ii", _VERSION_3, 0)
    if _libc.capset(header, struct.pack("6I", low, low, 0, high, high, 0)) != 0:
        raise _error("capset")


def hide_process() -> None:
    """Hides this process: tracing it, or reading its files, environment and memory, then needs CAP_SYS_PTRACE on this machine.

    Programs that it starts are not hidden.
    """
    _control(_PR_SET_DUMPABLE, 0)


def _control(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise _error(f"prctl {option}")


def _error(what: str) -> OSError:
    return OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)
