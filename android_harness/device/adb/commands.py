"""Framing of shell commands over ADB, by which the end of a command is told from the end of the connection.

ADB's plain shell service has no exit status and one output for both streams, ends in the same way when the daemon dies under a
command as when the command ends (adb then exits with 0), and newer daemons send no checksums. So every command carries its own frame:
the status, both outputs apart, and last a line with a token, the length and the CRC of what came before. Output without that
line, or with a wrong one, is discarded as a whole.
"""

from __future__ import annotations

import secrets
import shlex
import zlib
from dataclasses import dataclass
from typing import Final

from android_harness.device.base import ShellResult, whole_number
from collab.errors import ConnectionLostError

_MAX_STATUS: Final = 255

# mksh, Android's shell, has no printf of its own, and an external one is limited in what it takes; dash and bash have no print. The inner
# substitution gathers stderr while stdout goes past it on descriptor 3. Nothing is written to files: storage may be full.
_FRAME: Final = """syncnas_script={script}
syncnas_say() {{ printf %s "$1"; }}
[ -n "$KSH_VERSION" ] && syncnas_say() {{ print -rn -- "$1"; }}
syncnas_all=$( {{ syncnas_err=$( {{ sh -c "$syncnas_script" sh {arguments} </dev/null; }} 2>&1 >&3 3>&- ); syncnas_status=$?
syncnas_say "{token}${{syncnas_status}}{token}$syncnas_err"; }} 3>&1 )
syncnas_say "$syncnas_all"
syncnas_sum=$(syncnas_say "$syncnas_all" | cksum)
syncnas_say "
{token} $syncnas_sum"
"""


@dataclass(frozen=True)
class Command:
    """Shell script with its arguments, and the random token that marks the end of its output."""

    script: str
    arguments: tuple[str, ...]
    token: str

    @classmethod
    def of(cls, script: str, *arguments: str) -> Command:
        """Returns the command with a token of its own."""
        return cls(script, arguments, secrets.token_hex(12))

    @property
    def text(self) -> str:
        """Text for the device's shell. Arguments are quoted, so that none can become a part of the script."""
        return _FRAME.format(script=shlex.quote(self.script), arguments=" ".join(map(shlex.quote, self.arguments)), token=self.token)

    def result(self, output: bytes) -> ShellResult:
        """Returns the status and the outputs that a device's answer holds.

        Raises:
            ConnectionLostError: the output is cut off or damaged.
        """
        token = self.token.encode()
        frame, found, trailer = output.rpartition(b"\n" + token + b" ")
        numbers = [whole_number(word) for word in trailer.split()[:2]]
        if not found or len(numbers) < 2 or None in numbers:
            raise ConnectionLostError("the connection broke under a command")
        if numbers != [posix_cksum(frame), len(frame)]:
            raise ConnectionLostError("what the device said arrived damaged")
        parts = frame.split(token)
        status = whole_number(parts[1]) if len(parts) == 3 else None
        if status is None or status > _MAX_STATUS:
            raise ConnectionLostError("what the device said cannot be read")
        return ShellResult(status, parts[0], parts[2])


def posix_cksum(data: bytes) -> int:
    """Returns the CRC that the program ``cksum`` prints (POSIX.1-2017, cksum): over the bytes and then their number, least significant byte
    first.

    zlib's CRC has the same polynomial but takes bits in the other order, starts with all ones and complements its result.
    """
    count = len(data).to_bytes((len(data).bit_length() + 7) // 8, "little")
    reflected = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF)
    reflected = zlib.crc32(count.translate(_REVERSED), reflected)
    return int(f"{reflected:032b}"[::-1], 2)


_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
