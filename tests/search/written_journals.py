"""Journals with their checks made anew, as somebody would who alters them and knows how."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

_CHECK = re.compile(rb', "check": "[0-9a-f]{16}"\}\Z')


def unchecked(journal: Path) -> list[bytes]:
    """The lines of a journal without their checks."""
    return [_CHECK.sub(b"}", line) for line in journal.read_bytes().splitlines()]


def checked(lines: Iterable[bytes]) -> bytes:
    """A journal of these lines, each with the check that it must have there."""
    text, before = b"", b""
    for line in lines:
        body = line.removesuffix(b"}")
        before = hashlib.sha256(before + body).hexdigest()[:16].encode()
        text += body + b', "check": "' + before + b'"}\n'
    return text


def as_third_format(journal: Path) -> None:
    """Makes of a journal what versions before format 4 wrote: without the base model, and without widths."""
    header, *lines = (json.loads(line) for line in unchecked(journal))
    header.pop("base")
    for line in lines:
        line.pop("widths", None)
    journal.write_bytes(checked(json.dumps(line).encode() for line in ({**header, "format": 3}, *lines)))
