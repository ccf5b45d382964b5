"""Unpacking of single files from untrusted zip archives (AARs, wheels)."""

from __future__ import annotations

import errno
import io
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collab.console import one_line
from collab.errors import DeviceError
from collab.files import sync_folder, to_disk, writing

MAX_MEMBERS: Final = 100_000
MAX_MEMBER_BYTES: Final = 512 << 20
"""Limit of a member's size, and of all members together that are unpacked from one archive: several times the largest runtime library."""

_MAX_DIRECTORY_BYTES: Final = 64 << 20
_CHUNK_BYTES: Final = 1 << 20
_DAMAGES: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, LookupError, ArithmeticError, MemoryError),
)
"""Errors that `zipfile` raises on archives that are cut off, altered, encrypted, or compressed in a way that it does not know."""
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods of all AARs and wheels. Archives of other methods can exhaust the memory: `zipfile` unpacks a whole read at once."""
_MAX_WORDS: Final = 200


def member_names(archive: Path) -> tuple[str, ...]:
    """Lists the names of an archive's members, unchecked.

    Raises:
        DeviceError: the archive cannot be read, is no zip archive, or holds more than `MAX_MEMBERS`.
    """
    with _opened(archive) as opened:
        return tuple(opened.namelist())


def unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Writes members (name in the archive to plain file name) into a folder, which appears whole or not at all.

    A folder that exists stays as it is. The caller chooses the file names, so that no path in the archive becomes a path of this machine.

    Raises:
        DeviceError: the archive is damaged, a member is missing, or one member or all together are larger than `MAX_MEMBER_BYTES`.
        StorageError: the folder cannot be written.
    """
    if folder.is_dir():
        return
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name[:64]}.", dir=folder.parent))
    try:
        room = MAX_MEMBER_BYTES
        with _opened(archive) as opened:
            for member, name in members.items():
                room -= _write_member(opened, member, partial / name, archive, room)
        with writing(folder):
            sync_folder(partial)
            partial.chmod(0o755)
            _rename_unless_there(partial, folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename_unless_there(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


class _WaryFile(io.FileIO):
    """File that refuses to read as many bytes at once as an archive with a false directory size asks for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise ValueError(f"its directory has more than {_MAX_DIRECTORY_BYTES >> 20} MiB")
        data = super().read(-1 if size is None else size)
        assert data is not None, "files block"
        return data


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with _WaryFile(archive) as file, zipfile.ZipFile(file) as opened:
            if len(opened.infolist()) > MAX_MEMBERS:
                raise DeviceError(f"{archive} holds more than {MAX_MEMBERS} files; is it the right one?")
            yield opened
    except _DAMAGES as error:
        words = one_line(str(error))[:_MAX_WORDS] or type(error).__name__
        raise DeviceError(f"{archive} is no readable zip archive ({words}); get it again") from None
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise DeviceError(f"{archive} is no readable zip archive (an offset in it is impossible); get it again") from None
        raise DeviceError(f"{archive} cannot be read ({error.strerror}); is it the right file, and may it be read?") from None


def _write_member(opened: zipfile.ZipFile, member: str, path: Path, archive: Path, room: int) -> int:
    """Writes a member of at most `room` bytes, flushes it to the disk, and returns its size in bytes.

    Raises:
        DeviceError: the member is missing or larger than `room`.
    """
    try:
        about = opened.getinfo(member)
    except KeyError:
        raise DeviceError(f"{archive} holds no {member}") from None
    if about.compress_type not in _METHODS:
        raise NotImplementedError(f"{member} is compressed in a way that no such archive is")
    written = 0
    with opened.open(about) as source, _created(path) as target:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if max(written, about.file_size) > room:
                raise DeviceError(f"{archive}: {member} has more than {room >> 20} MiB; is it the right file?")
            rest = memoryview(chunk)
            with writing(path):
                while rest:
                    rest = rest[target.write(rest) :]
        with writing(path):
            to_disk(target.fileno())
    return written


@contextmanager
def _created(path: Path) -> Iterator[io.FileIO]:
    with writing(path):
        file = io.FileIO(path, "xb")
    with file:
        yield file
