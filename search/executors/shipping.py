"""An evaluator with its files, packed to be sent to other machines."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from collab.errors import SyncNasError
from collab.files import sha256_of, write_whole
from collab.system.portable import user_number
from search.evaluators.base import Evaluator

_MOST_BYTES: Final = 4 << 30


@runtime_checkable
class HasFolder(Protocol):
    """An evaluator with files that `prepare` has made, which other machines need as well."""

    @property
    def folder(self) -> Path | None:
        """The folder of these files."""

    def in_folder(self, folder: Path) -> Evaluator:
        """Returns the same evaluator with its files in another folder."""


@dataclass(frozen=True)
class Shipped:
    """An evaluator, and the content of its files by their names; `key` tells such contents apart."""

    evaluator: Evaluator
    files: dict[str, bytes]
    key: str

    def unpacked(self) -> Evaluator:
        """Returns the evaluator with its files on this machine; they are written once."""
        if not self.files or not isinstance(self.evaluator, HasFolder):
            return self.evaluator
        folder = own_folder(f"syncnas-{user_number() or 0}-{self.key}")
        for name, content in self.files.items():
            path = folder / name
            # What is there may be what a full disk, or a program that was killed, has left.
            if not path.is_file() or sha256_of(path) != hashlib.sha256(content).hexdigest():
                write_whole(path, content)
        return self.evaluator.in_folder(folder)


def own_folder(name: str) -> Path:
    """Returns a folder of this user's alone among the temporary files, where others may have put something of that name first.

    Raises:
        SyncNasError: they have.
    """
    folder = Path(tempfile.gettempdir()) / name
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    user = user_number()
    # Where files have no such owners (Windows), each user has temporary files of his own.
    is_open = user is not None and (found.st_uid != user or stat.S_IMODE(found.st_mode) & 0o077 != 0)
    if not stat.S_ISDIR(found.st_mode) or is_open:
        raise SyncNasError(f"{folder} is no folder of this user's alone, which somebody else may have put there; remove it")
    return folder


def ship(evaluator: Evaluator) -> Shipped:
    """Packs an evaluator with its files.

    Raises:
        SyncNasError: the files are too large to be sent.
    """
    files: dict[str, bytes] = {}
    if isinstance(evaluator, HasFolder) and evaluator.folder is not None:
        paths = [path for path in sorted(evaluator.folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
        if sum(path.stat().st_size for path in paths) > _MOST_BYTES:
            raise SyncNasError(f"{evaluator.folder} holds more than {_MOST_BYTES >> 30} GiB, which is too much to send to every machine")
        files = {path.name: path.read_bytes() for path in paths}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return Shipped(evaluator, files, digest.hexdigest()[:32])
