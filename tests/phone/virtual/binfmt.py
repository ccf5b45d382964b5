"""arm64 programs on this machine: qemu-user through the kernel's binfmt_misc."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path
from typing import Final

from collab.errors import DeviceError

_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
_ELF_ARM64: Final = b"\x7fELF\x02\x01\x01\x00" + bytes(8) + b"\x02\x00\xb7\x00"
_MASK: Final = b"\xff\xff\xff\xff\xff\xff\xff\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
"""Any OS ABI; executables (2) and position-independent ones (3)."""


def emulate_arm64() -> None:
    """Makes the kernel run arm64 programs by qemu, also in a chroot without qemu (flag F: qemu is opened when it is registered).

    Raises:
        DeviceError: qemu-user-static is missing, or the kernel has no binfmt_misc.
    """
    if platform.machine() == "aarch64" or _is_registered():
        return
    qemu = shutil.which("qemu-aarch64-static")
    if qemu is None:
        raise DeviceError("qemu-aarch64-static is missing, which runs the arm64 virtual phone: apt-get install qemu-user-static")
    register = _BINFMT / "register"
    if not register.exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)], check=False, capture_output=True)
    try:
        register.write_bytes(b":qemu-aarch64:M::%b:%b:%b:F" % (_escaped(_ELF_ARM64), _escaped(_MASK), qemu.encode()))
    except OSError as error:
        raise DeviceError(f"the kernel takes no program to run arm64 with ({register}: {error.strerror}); use --arch amd64") from error


def _is_registered() -> bool:
    return (_BINFMT / "qemu-aarch64").exists()


def _escaped(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)
