"""Locks on open files, by which processes keep out of each other's way: ``flock`` where there is one, ranges of bytes on Windows."""

from __future__ import annotations

import os
import time
from importlib import import_module
from typing import Any, Final

_LOOK_EVERY_S: Final = 0.05
_LOCKED_BYTE: Final = (1 << 31) - 2
"""Byte that stands for a whole file on Windows, behind the end of any that is locked: nobody can read a byte that is locked there."""


def _module(name: str) -> Any:
    """Imports a module that some systems lack; None where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        return None


_FCNTL: Final = _module("fcntl")
_MSVCRT: Final = _module("msvcrt")


def try_lock(descriptor: int) -> bool:
    """Takes an open file for whoever has its descriptor, until that is closed; False where another process has the file.

    Processes that inherit the descriptor hold the file as well, but not on Windows.

    Raises:
        OSError: files cannot be locked there, as on some network file systems.
    """
    if _FCNTL is None:
        return _try_lock_byte(descriptor)
    try:
        _FCNTL.flock(descriptor, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_byte(descriptor: int) -> bool:
    if _MSVCRT is None:
        raise OSError("this system has no locks on files")
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        _MSVCRT.locking(descriptor, _MSVCRT.LK_NBLCK, 1)
    except PermissionError:
        return False
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    return True


def wait_for_lock(descriptor: int) -> None:
    """Takes an open file as soon as no other process has it.

    Raises:
        OSError: as for `try_lock`.
    """
    while not try_lock(descriptor):
        time.sleep(_LOOK_EVERY_S)
