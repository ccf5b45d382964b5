"""The runner's sources, which every package holds: their version, their digest, and where what is built from them lies."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from collab.documents import read_bytes
from collab.errors import DeviceError
from collab.system.caches import cache_folder

SOURCE: Final = Path(__file__).parents[1] / "runner"
RUNNER: Final = "syncnas_runner"
_CHECKOUT: Final = ("pyproject.toml", "setup.cfg")
"""Files beside the packages in a checkout, and in no folder of installed packages."""
_COMPILED: Final = ("CMakeLists.txt", "cmake/*", "src/**/*")
_DIGITS: Final = 12
_MAX_FILE_BYTES: Final = 1 << 20


def runner_version() -> str:
    """Returns the version of the runner's sources.

    Raises:
        DeviceError: the package is damaged.
    """
    text = _content(SOURCE / "CMakeLists.txt").decode()
    found = re.search(r"^project\(syncnas_runner VERSION ([0-9.]+)", text, re.MULTILINE)
    if found is None:
        raise DeviceError(f"{SOURCE / 'CMakeLists.txt'} names no version of the runner; install the package anew")
    return found[1]


def sources_digest() -> str:
    """Computes the SHA-256 of all that a runner is compiled from, with the files' names, in hexadecimal.

    Raises:
        DeviceError: the package is damaged.
    """
    digest = hashlib.sha256()
    paths = {path for pattern in _COMPILED for path in SOURCE.glob(pattern) if path.is_file()}
    for path in sorted(paths, key=lambda path: path.relative_to(SOURCE).as_posix()):
        content = _content(path)
        digest.update(f"{path.relative_to(SOURCE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    return read_bytes(path, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice="install the package anew")


@cache
def builds_folder() -> Path:
    """Returns the folder of all builds: beside the sources in a checkout, else in the user's cache, one for each state of the sources.

    An installed package is never written to: it may belong to another user, and removing it has to remove all of it.

    Raises:
        DeviceError: the package is damaged.
    """
    if all((SOURCE.parents[1] / name).is_file() for name in _CHECKOUT):
        return SOURCE / "build"
    return cache_folder("runner") / f"{runner_version()}-{sources_digest()[:_DIGITS]}"
