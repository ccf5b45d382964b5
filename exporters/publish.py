"""Putting a bundle where the user wants it: built beside its place, then swapped with what is there, which only a bundle of ours may be.

Whenever a process is killed, the earlier bundle or the new one is under its name, or the earlier one is beside it as ``.NAME.XXXX.earlier``
and comes back with the next export. Nothing is removed but what a bundle consists of.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from collab.errors import BusyFolderError, ExportError, SyncNasError
from collab.files import LOCK_FILE, holds_nothing, sync_folder, writing
from collab.names import shown
from collab.system.locks import try_lock
from collab.system.portable import HAS_OPEN_FOLDERS, NO_LINK, PLAIN, is_linux
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import document_as_written, earlier_bundle, folders_beside, read_manifest

_Result = TypeVar("_Result")

_OURS: Final = re.compile(
    r"(?:config|manifest|plan)\.json|network\.tflite|reference_(?:input|output)(?:\.\d+)?\.[a-z0-9]+|segments/[^/]+\.(?:tflite|onnx)"
)
"""The files that `exporters.bundle` writes."""
_MAX_NAME_BYTES: Final = 200
"""Bytes of the name of a bundle's folder: its temporary neighbours have longer names, and 255 bytes is the most."""
_LOCK_WAIT_S: Final = 30.0
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def check_target(out: Path) -> Path:
    """Returns where a bundle will be put: a folder that is not there, is empty, or holds a bundle of ours and nothing else.

    Raises:
        ExportError: another place; nothing in it was touched.
    """
    try:
        target = out.parent.resolve() / out.name if out.name not in ("", "..") else out.resolve()
        length_bytes = len(os.fsencode(target.name))
        about = _about(target)
    except (ValueError, OSError, RuntimeError) as problem:
        raise ExportError(f"{shown(str(out))} is no path of a folder ({problem}); name another one") from problem
    if length_bytes > _MAX_NAME_BYTES:
        raise ExportError(f"{shown(str(out))}: a bundle's name may have {_MAX_NAME_BYTES} bytes; name a shorter one")
    if about is None:
        return target
    for place, what in _places_of_the_user():
        if target == place or target in place.parents:
            raise ExportError(f"{out} is {what}, or a folder around it, which no bundle may replace; name a new folder")
    if stat.S_ISLNK(about.st_mode):
        raise ExportError(f"{out} is a symbolic link, and no bundle is written through one; name the folder itself, or another one")
    if not stat.S_ISDIR(about.st_mode):
        raise ExportError(f"{out} exists and is no bundle but a file; name another folder, or remove it first")
    if os.path.ismount(target):
        raise ExportError(f"{out} is where a file system is mounted, which cannot be replaced; name a folder in it")
    if not holds_nothing(target):
        _names_of_bundle(target)
    return target


def _places_of_the_user() -> Iterator[tuple[Path, str]]:
    # Either may be missing: the current folder was removed, or there is no HOME and no such user.
    with contextlib.suppress(OSError):
        yield Path.cwd(), "the current folder"
    with contextlib.suppress(OSError, RuntimeError):
        yield Path.home().resolve(), "your home"


def _about(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def publish(out: Path, fill: Callable[[Path], _Result]) -> _Result:
    """Makes a bundle and puts it in its place as a whole.

    Args:
        out: see `check_target`.
        fill: writes the bundle into the folder that it is given, by `collab.files.write_new`.

    Raises:
        ExportError: `out` is no place for a bundle.
        BusyFolderError: another process is writing there.
        StorageError: it cannot be written; what was there is as it was.
    """
    target = check_target(out)
    with writing(out):
        target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with writing(out), _held(target.parent, wait_s=_LOCK_WAIT_S):
            staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
            stack.callback(_remove_ours, staging)
            stack.enter_context(_held(staging))
        with writing(out):
            result = fill(staging)
            for folder in [*(path for path in staging.iterdir() if path.is_dir()), staging]:
                sync_folder(folder)
            os.chmod(staging, 0o755)  # noqa: PTH101, S103 -- as `mkdir` makes it; every step goes through os, where a test can stop it
            with _held(target.parent, wait_s=_LOCK_WAIT_S):
                _restore_or_clear(target)
                _put_in_place(staging, check_target(target))
    return result


def _put_in_place(staging: Path, target: Path) -> None:
    """Puts `staging` under the name of `target`; an earlier bundle lies at `staging` or is gone afterwards."""
    if not target.exists():
        os.rename(staging, target)  # noqa: PTH104
        return sync_folder(target.parent)
    names = set() if holds_nothing(target) else _names_of_bundle(target)
    with _lock_file_held(target):
        if not swap_names(staging, target):
            staging = _swap_in_two_steps(staging, target)
        sync_folder(target.parent)
        _remove(staging, {*names, LOCK_FILE})
    return None


def swap_names(one: Path, other: Path) -> bool:
    """Swaps the names of two folders in one step; False where the system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if is_linux() else None
    if call is None or call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        if call is not None and code not in (errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code), str(other))
        return False
    return True


def _swap_in_two_steps(staging: Path, target: Path) -> Path:
    """Puts a bundle in its place, and returns where the earlier one is then.

    Between the steps nothing is at `target`; whoever looks for a bundle then is told by `earlier_bundle` where it is.
    """
    earlier = staging.with_suffix(".earlier")
    os.rename(target, earlier)  # noqa: PTH104
    try:
        os.rename(staging, target)  # noqa: PTH104
    except BaseException:
        os.rename(earlier, target)  # noqa: PTH104
        raise
    return earlier


def _names_of_bundle(folder: Path) -> set[str]:
    """The files of a folder that is a bundle, as we write it, and nothing else.

    Raises:
        ExportError: it is no bundle, or holds something besides.
    """
    advice = "name another folder, or remove it first"
    try:
        document, manifest = read_manifest(folder)
        is_ours = document == document_as_written(manifest, document["format"])
    except SyncNasError as problem:
        raise ExportError(f"{folder} exists and is no bundle ({problem}); {advice}") from problem
    if not is_ours:
        raise ExportError(f"{folder} exists and is no bundle of this toolkit: its {MANIFEST} says more than ours do; {advice}")
    names = {MANIFEST, LOCK_FILE, *(entry.file for entry in manifest.files)}
    folders = {str(parent) for name in names for parent in Path(name).parents}
    for name, is_folder in _entries(folder):
        if name not in (folders if is_folder else names):
            raise ExportError(f"{folder} is a bundle, but no bundle of ours holds {shown(name)} as well; {advice}")
    return names


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """Everything below a folder: its path from there, and whether it is a folder. Anything but plain files and folders has an odd name."""
    for owner, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(owner) / name
            mode = os.lstat(path).st_mode
            is_plain = (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and not os.path.ismount(path)
            yield (str(path.relative_to(folder)) if is_plain else f"{path.relative_to(folder)} (no plain file)"), stat.S_ISDIR(mode)


def _restore_or_clear(target: Path) -> None:
    """After an export that was killed: an earlier bundle comes back, and what was not finished goes."""
    earlier = earlier_bundle(target)
    if earlier is not None:
        os.rename(earlier, target)  # noqa: PTH104
    for path in [*folders_beside(target, "new"), *folders_beside(target, "earlier")]:
        with contextlib.suppress(BusyFolderError, OSError), _held(path, is_certain=True):
            _remove_ours(path)


def _remove_ours(folder: Path) -> None:
    with contextlib.suppress(OSError):
        _remove(folder, {name for name, is_folder in _entries(folder) if not is_folder and _OURS.fullmatch(name)})


def _remove(folder: Path, names: set[str]) -> None:
    """Removes these files and the folders that are empty then. Whatever else is there stays."""
    for name in names:
        with contextlib.suppress(OSError):
            os.unlink(folder / name)  # noqa: PTH108
    inner = {folder / parent for name in names for parent in Path(name).parents}
    for path in sorted({folder, folder / "segments", *inner}, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)  # noqa: PTH106


@contextlib.contextmanager
def _held(path: Path, *, wait_s: float = 0.0, is_certain: bool = False) -> Iterator[None]:
    """Holds a folder or file against others that ask by a lock too, without a lock file that would stay behind.

    Some file systems (NFS) and Windows lock no folders. There two exports at once are not told apart, unless it must be `is_certain`.
    """
    if path.is_dir() and not HAS_OPEN_FOLDERS:
        if is_certain:
            raise BusyFolderError(f"{path} cannot be locked on this system; remove it if no export is running")
        yield
        return
    descriptor = os.open(path, os.O_RDONLY | PLAIN | NO_LINK)
    try:
        until = time.monotonic() + wait_s
        while not _locked(descriptor, is_certain=is_certain):
            if time.monotonic() >= until:
                raise BusyFolderError(f"{path} is being written by another process; wait until it has ended, or name another folder")
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, is_certain: bool) -> bool:
    try:
        return try_lock(descriptor)
    except OSError:
        return not is_certain


@contextlib.contextmanager
def _lock_file_held(folder: Path) -> Iterator[None]:
    """Holds a folder's lock file; does nothing where no command has ever locked the folder."""
    if not os.path.lexists(folder / LOCK_FILE):
        yield
        return
    with _held(folder / LOCK_FILE):
        yield
