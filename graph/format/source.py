"""The bytes of a model's file: small ones read, large ones mapped, so that a gigabyte of weights stays on the disk until it is needed."""

from __future__ import annotations

import mmap
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collab.console import one_line
from collab.errors import NetworkError
from collab.system.portable import AT_ONCE, PLAIN
from graph.format.flatbuffer import Span

_MAPPED_ABOVE_BYTES: Final = 64 << 20
"""A smaller file is read: a map ends the process if somebody cuts the file off meanwhile."""
_ADVICE: Final = "give the path of a .tflite file"


@dataclass(frozen=True)
class Source:
    """The file that a network was read from.

    Attributes:
        data: its bytes; of a large file a map of it, so nothing is read before it is needed.
    """

    origin: str
    data: memoryview = field(repr=False, compare=False)

    def bytes_of(self, span: Span) -> memoryview:
        """Returns the bytes of a span, without a copy."""
        return self.data[span.offset : span.offset + span.size_bytes]


def open_source(path: Path) -> Source:
    """Opens a model's file.

    Raises:
        NetworkError: it cannot be read, or is no regular file.
    """
    origin = one_line(str(path))
    try:
        # Without waiting: opening a FIFO would take until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | PLAIN | AT_ONCE)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise NetworkError(f"{origin} is no regular file; {_ADVICE}")
            if status.st_size > _MAPPED_ABOVE_BYTES:
                return Source(origin, memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return Source(origin, memoryview(file.read(_MAPPED_ABOVE_BYTES + 1)))
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise NetworkError(f"{origin} cannot be read ({problem.strerror}); {_ADVICE}") from problem
    except ValueError as problem:
        # A NUL character, or half of a surrogate pair, in the path.
        raise NetworkError(f"{origin} is no path of a file ({problem}); {_ADVICE}") from problem
