"""Filter that keeps a process from the kernel's keyrings, which only user namespaces separate: root's are those of this machine's root."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_NATIVE: Final = {"x86_64": (0xC000003E, (248, 249, 250)), "aarch64": (0xC00000B7, (217, 218, 219))}
"""By machine: the number by which a filter knows its system calls (linux/audit.h), and those of add_key, request_key and keyctl."""
_X32: Final = 0x40000000
"""On x86-64, system calls from here on are another way to make the same ones."""
_NUMBER_AT, _MACHINE_AT = 0, 4
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def withhold_keyrings() -> None:
    """Refuses the system calls of keyrings, and all those of other machines (32-bit programs), to this thread and to programs that it
    starts.

    Needs no_new_privs, or CAP_SYS_ADMIN.

    Raises:
        OSError: the kernel takes no filters.
    """
    machine, calls = _NATIVE[platform.machine()]
    refused = [(_IF_AT_LEAST, _X32), *((_IF_EQUAL, call) for call in calls)]
    instructions = [_instruction(_LOAD, _MACHINE_AT), _instruction(_IF_EQUAL, machine, if_not=len(refused) + 2)]
    instructions.append(_instruction(_LOAD, _NUMBER_AT))
    for rest, (test, value) in zip(range(len(refused), 0, -1), refused, strict=True):
        instructions.append(_instruction(test, value, if_so=rest))
    instructions += [_instruction(_RETURN, _ALLOW), _instruction(_RETURN, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(instructions))
    program = _Program(len(instructions), ctypes.addressof(code))
    if _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "seccomp filter")


def _instruction(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    """Returns an instruction of a classic BPF program; a test skips `if_so` or `if_not` of the following instructions."""
    return struct.pack("HBBI", code, if_so, if_not, value)
