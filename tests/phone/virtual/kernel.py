"""System calls that Python lacks: mounting, changing the root, and raising the loopback interface of a new network namespace."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Final

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096

_MNT_DETACH: Final = 2
_CLONE_NEWNS: Final = 0x20000
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str | Path, target: Path, kind: str = "", *, flags: int = 0, options: str = "") -> None:
    """Calls mount(2).

    Raises:
        OSError: the mount failed; its file is the target.
    """
    result = _libc.mount(os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """Makes a file or folder appear at another place as well."""
    mount(source, target, flags=MS_BIND)
    if read_only:
        mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def unmount(target: Path) -> None:
    """Unmounts a target and everything below it, even if it is in use."""
    if _libc.umount2(os.fsencode(target), _MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def copy_mounts() -> None:
    """Gives this process a mount namespace of its own; private mounts in it (as after unshare(1)) change in no other namespace."""
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_root(folder: Path) -> None:
    """Makes a mounted folder the root of this mount namespace; files outside of it are out of reach for its processes from then on."""
    os.chdir(folder)
    # With both arguments equal, the old root comes to lie over the new one, from where it is taken away.
    if _libc.pivot_root(b".", b".") != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    unmount(Path())
    os.chdir("/")


def raise_loopback() -> None:
    """Brings up `lo`, which is down in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(control, _SIOCGIFFLAGS, request)
        _, interface_flags = struct.unpack_from("16sh", request)
        struct.pack_into("16sh", request, 0, b"lo", interface_flags | _IFF_UP)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)
