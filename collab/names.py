"""Names, bounded where they enter by what their tightest consumer takes.

A model's name becomes a folder on a device and part of file names on the host. A bundle's file becomes a member of a tar archive
(100 bytes) and, with its checksum, a file of the device's store.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from collab.console import one_line

MAX_NAME: Final = 128
"""Characters of a model's name. Those that are derived from others (base, strategy, budget) have to keep within it, too."""
NAME_RULE: Final = f"must be 1 to {MAX_NAME} letters, digits, '_', '.' or '-', and begin with none of '.' and '-'"
_NAME: Final = rf"\A[A-Za-z0-9_][A-Za-z0-9_.\-]{{0,{MAX_NAME - 1}}}\Z"
_MODEL_NAME: Final = re.compile(_NAME)

MAX_FILE_NAME: Final = 76
"""Characters of a file's or folder's name in a bundle."""
MAX_FILE_PATH: Final = 100
"""Characters of a file's path in a bundle."""
FILE_RULE: Final = f"names of at most {MAX_FILE_NAME} characters, {MAX_FILE_PATH} in all, of letters, digits and _+=@~.,- or a space"
_FILE_NAME: Final = rf"[A-Za-z0-9_+=@~][A-Za-z0-9_+=@~.,\- ]{{0,{MAX_FILE_NAME - 1}}}"
_FILE_PATH: Final = re.compile(rf"{_FILE_NAME}(?:/{_FILE_NAME})*")


def is_model_name(text: str) -> bool:
    """Whether a model may be called so; see `NAME_RULE`."""
    return _MODEL_NAME.fullmatch(text) is not None


def derived_name(text: str) -> str:
    """Returns a model's name made of other names: the text itself, or, where that is too long, its beginning and a digest of all of it."""
    if len(text) <= MAX_NAME:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{text[: MAX_NAME - len(digest) - 1]}.{digest}"


def is_file_path(text: str) -> bool:
    """Whether a file of a bundle may lie at this path within the bundle: within it, in one canonical form, with plain names."""
    return len(text) <= MAX_FILE_PATH and _FILE_PATH.fullmatch(text) is not None


def shown(text: str, *, most: int = 120) -> str:
    """Returns a text out of a file or a command line as part of a sentence: on one line, escaped, and cut where it is long."""
    cut = text if len(text) <= most else f"{text[:most]}..."
    return one_line(cut)


def counted(count: int, noun: str) -> str:
    """Returns a number with what it counts: ``1 block``, ``2 blocks``; for nouns whose plural ends with s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
