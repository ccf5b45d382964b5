"""Taking single files out of zip archives (AARs, wheels) that others made: nothing in them is believed."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collab.errors import DeviceError

MAX_MEMBERS: Final = 100_000
MAX_MEMBER_BYTES: Final = 512 << 20
"""Far more than any runtime library has, and little enough to fit on a disk."""

_CHUNK_BYTES: Final = 1 << 20
_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError, ValueError)
"""What `zipfile` raises on archives that are cut off, altered, encrypted, or compressed in a way that it does not know."""


def member_names(archive: Path) -> tuple[str, ...]:
    """Names of the archive's members, as they stand there.

    Raises:
        DeviceError: it is no zip archive, or holds more than `MAX_MEMBERS`.
    """
    with _opened(archive) as opened:
        return tuple(opened.namelist())


def unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Writes members (name in the archive to plain file name) into a folder, which appears whole or not at all.

    A folder that is there already stays as it is. File names must be the caller's own: no part of a path in the archive becomes one
    of this machine.

    Raises:
        DeviceError: the archive is damaged, or a member is missing or larger than `MAX_MEMBER_BYTES`.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        with _opened(archive) as opened:
            for member, name in members.items():
                _write_member(opened, member, partial / name, archive)
        partial.chmod(0o755)
        _rename_unless_there(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename_unless_there(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) > MAX_MEMBERS:
                raise DeviceError(f"{archive} holds more than {MAX_MEMBERS} files; is it the right one?")
            yield opened
    except _DAMAGES as error:
        raise DeviceError(f"{archive} is no readable zip archive ({error}); get it again") from None


def _write_member(opened: zipfile.ZipFile, member: str, path: Path, archive: Path) -> None:
    try:
        source = opened.open(member)
    except KeyError:
        raise DeviceError(f"{archive} holds no {member}") from None
    written = 0
    with source, path.open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > MAX_MEMBER_BYTES:
                raise DeviceError(f"{archive}: {member} has more than {MAX_MEMBER_BYTES >> 20} MiB; is it the right file?")
            target.write(chunk)
