"""Files that are sent: they tell how far they were read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from android_harness.device.base import OnSent

_TELL_EVERY_BYTES: Final = 1 << 16


class SentFile(BytesIO):
    """Reader of a file on the disk, which is not held in memory. It is a BytesIO because adb-shell takes no other open file.

    `on_sent` gets the number of bytes that were read, after each 64 KB and at the end. It is called from `read`, so what it raises, such
    as Ctrl-C, ends the sending.
    """

    def __init__(self, source: Path, on_sent: OnSent) -> None:
        super().__init__()
        self._file = source.open("rb")
        self._on_sent = on_sent
        self._read_bytes = self._told_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = self._file.read(-1 if size is None else size)
        self._read_bytes += len(content)
        if self._read_bytes - self._told_bytes >= _TELL_EVERY_BYTES or (not content and self._read_bytes > self._told_bytes):
            self._told_bytes = self._read_bytes
            self._on_sent(self._read_bytes)
        return content

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def sent_file(source: Path, on_sent: OnSent) -> Iterator[SentFile]:
    """Opens a file to be sent, and closes it at the end.

    Raises:
        OSError: the file cannot be read.
    """
    file = SentFile(source, on_sent)
    try:
        yield file
    finally:
        file.close()
