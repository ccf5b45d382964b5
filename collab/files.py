"""Files as the toolkit writes them: whole or not at all, on the disk before anybody is told, one process per output folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collab.errors import BusyFolderError, StorageError
from collab.system.locks import try_lock
from collab.system.portable import HAS_OPEN_FOLDERS, PLAIN, open_folder

LOCK_FILE: Final = ".lock"
"""In every output folder. It stays there when it is not held: who removes a lock file may remove another process's."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK_BYTES: Final = 1 << 20
_HALF_WRITTEN: Final = re.compile(r"\..{1,64}\.[a-z0-9_]{8}\.new", re.DOTALL)
"""Names that `write_whole` gives to a file until it is whole; `tempfile` chooses the eight characters."""


def reason_of(error: OSError, path: Path | str | None = None) -> str | None:
    """Returns one sentence for a user: which file, what is wrong, and what to do; None if neither the error nor the caller knows a file.

    Writing to a file that is open raises errors without its name, so the caller should give it.
    """
    name = path if path is not None else error.filename
    if is_full(error):
        where = f"{name} cannot be written" if name is not None else "a file cannot be written"
        return f"{where}: the disk, or the quota on it, is full ({error.strerror}); make room and give the same command again"
    if name is None:
        return None
    return f"{name}: {error.strerror or error}; is it the right path, and may it be read and written?"


def is_full(error: OSError) -> bool:
    """Whether a file could not be written because the disk, or a quota on it, is full."""
    return error.errno in _FULL


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file inside into a sentence that names it.

    Raises:
        StorageError: an OSError was raised.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(str(reason_of(error, path))) from error


_PAGE = b"<!doctype html>"
"""The first letters of a page."""


def write_whole(path: Path, content: bytes | str) -> None:
    """Replaces a file as a whole: a reader, or a process that is killed, leaves the old content or the new one, never a part.

    A symbolic link stays, and what it leads to is replaced. The new file has the old one's rights.

    Args:
        content: text is written as UTF-8.

    Raises:
        StorageError: it cannot be written, or there is something else than a file, as a device; what is there is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    with writing(path):
        # A device or a pipe would not be written to but replaced, for all programs.
        if path.exists() and not path.is_file():
            raise StorageError(f"{path} is there and is no file; name another path")
        place = Path(os.path.realpath(path)) if path.is_symlink() else path
        if place.is_symlink():
            raise StorageError(f"{path} is a link that leads back to itself; name another path")
        # File systems count bytes, of which a letter may have four.
        short = os.fsencode(place.name)[:64].decode(errors="ignore") or "file"
        descriptor, name = tempfile.mkstemp(prefix=f".{short}.", suffix=".new", dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                to_disk(file.fileno())
            Path(name).chmod(stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~_umask())
            Path(name).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        sync_folder(place.parent)


def write_page(path: Path, html: str) -> None:
    """Replaces a page of HTML as a whole, and nothing else that may be in its place.

    Raises:
        StorageError: it cannot be written, or what is there is no page.
    """
    write_own(path, html, begin=_PAGE, what="page of HTML")


def write_own(path: Path, content: bytes | str, *, begin: bytes, what: str, skipped: int = 0) -> None:
    """Replaces a file of one kind as a whole, and nothing else that may be in its place but an empty file; see `require_own`.

    Raises:
        StorageError: it cannot be written, or what is there is something else.
    """
    require_own(path, begin=begin, what=what, skipped=skipped)
    write_whole(path, content)


def require_own(path: Path, *, begin: bytes, what: str, skipped: int = 0) -> None:
    """Refuses to replace a file that is not of this kind, nor empty; where no file is, nothing is refused.

    Args:
        begin: first bytes of all such files, in small letters; those of a file count in any.
        what: the kind, in a message.
        skipped: bytes that stand before these.

    Raises:
        StorageError: it cannot be read, or is something else.
    """
    with writing(path):
        if path.is_file():
            with path.open("rb") as file:
                first = file.read(skipped + len(begin))
            if first and first[skipped:].lower() != begin:
                raise StorageError(f"{path} is there and is no {what}; remove it, or name another file")


def append_whole(path: Path, data: bytes) -> None:
    """Appends to a file, which is on the disk when this returns. What a failed write has left of it is taken off again.

    Raises:
        StorageError: it cannot be written whole.
    """
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | PLAIN, 0o666)
        try:
            before = os.fstat(descriptor).st_size
            try:
                _write_all(descriptor, data)
                to_disk(descriptor)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)


def write_new(path: Path, content: bytes) -> None:
    """Writes a file that is not there yet, which is on the disk when this returns.

    Raises:
        StorageError: it is there, or cannot be written whole.
    """
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o666)
        try:
            _write_all(descriptor, content)
            to_disk(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def to_disk(descriptor: int) -> None:
    """Puts what was written to an open file on the disk, where its file system can do so.

    Raises:
        OSError: it cannot be written.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Pipes and some file systems of users' (FUSE) have nothing to flush.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EROFS):
            raise


def sync_folder(folder: Path) -> None:
    """Puts a folder's entries on the disk, where the system can, so that a file renamed there is found again after a power cut."""
    if not HAS_OPEN_FOLDERS:
        return
    descriptor = open_folder(folder)
    try:
        to_disk(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Computes the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        StorageError: it cannot be read.
    """
    digest = hashlib.sha256()
    with writing(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def lock_file(path: Path, descriptor: int) -> bool:
    """Takes a file that is open, as `collab.system.locks.try_lock` does; False where another process has it.

    Raises:
        StorageError: its file system has no locks.
    """
    try:
        return try_lock(descriptor)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be locked ({error.strerror or error}), as on some network drives; name a folder on another drive"
        ) from error


class FileLock:
    """Holds a file for this process until it is closed, and for every process that inherits its descriptor.

    Take it before anything is read. The file is made if it is not there, and otherwise left as it is.

    Raises:
        BusyFolderError: another process has it.
        StorageError: it cannot be made, written or locked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)
        try:
            is_held = lock_file(path, self._descriptor)
        except StorageError:
            os.close(self._descriptor)
            raise
        if not is_held:
            os.close(self._descriptor)
            raise BusyFolderError(
                f"{self._shown(path)} is being written by another process (a command, or a runner that one has left behind);"
                " wait until it has ended, or name another"
            )
        _HELD[self._path] = self._descriptor

    @staticmethod
    def _shown(path: Path) -> Path:
        return path

    @property
    def descriptor(self) -> int:
        """The descriptor of the lock, for `pass_fds`: a child that has it holds the file as well."""
        return self._descriptor

    def close(self) -> None:
        _HELD.pop(self._path, None)
        os.close(self._descriptor)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FolderLock(FileLock):
    """Holds an output folder, which is made if it is not there. See `FileLock`.

    What a process that was killed had half written there is removed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / LOCK_FILE)
        _remove_half_written(folder)

    @staticmethod
    def _shown(path: Path) -> Path:
        return path.parent


def existing_folder_lock(folder: Path) -> contextlib.AbstractContextManager[object]:
    """Holds a folder that a command goes on with; a folder that is not there is not made, so that the command can say what is missing."""
    return FolderLock(folder) if folder.is_dir() else contextlib.nullcontext()


_HELD: Final[dict[Path, int]] = {}
"""The files that this process holds, resolved, with their descriptors."""


def _held_descriptors(path: Path) -> list[int]:
    resolved = path.resolve()
    return [_HELD[held] for held in (resolved, resolved.parent / LOCK_FILE) if held in _HELD]


@contextlib.contextmanager
def holding(path: Path) -> Iterator[list[int]]:
    """Holds a file, unless this process holds it already; gives the descriptors of the locks on it and on its folder.

    Raises:
        BusyFolderError, StorageError: see `FileLock`.
    """
    with contextlib.nullcontext() if path.resolve() in _HELD else FileLock(path):
        yield _held_descriptors(path)


def in_the_way_of(folder: Path) -> Path | None:
    """Returns what keeps a folder from being made: the nearest thing on its path, if it is no folder that may be written; else None."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return None if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else there


def holds_nothing(folder: Path) -> bool:
    """Whether a folder is empty but for its lock file and what was half written when a process was killed, or not there at all."""
    if not folder.exists():
        return True
    with writing(folder):
        return folder.is_dir() and all(entry.name == LOCK_FILE or _HALF_WRITTEN.fullmatch(entry.name) for entry in folder.iterdir())


def _remove_half_written(folder: Path) -> None:
    with writing(folder):
        for entry in folder.iterdir():
            if _HALF_WRITTEN.fullmatch(entry.name) and entry.is_file() and not entry.is_symlink():
                entry.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
