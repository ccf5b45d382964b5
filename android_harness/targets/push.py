"""Pushes of files to a device: missing files only, in archives, checked by checksum, within a storage budget."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from android_harness.device.base import Device, checked, whole_number
from collab import files
from collab.errors import DeviceError
from collab.files import writing
from collab.names import shown
from collab.wording.options import option_named

_BATCH_BYTES: Final = 8 << 20
"""Size of an archive: small, as the archive and its unpacked files are on the device at the same time, and a cut one is sent again."""
_TRIES: Final = 4
LONGEST_NAME_BYTES: Final = 255
"""Longest name of a file or folder that Linux takes."""
_BLOCK_BYTES: Final = 4096
_SPARE_BYTES: Final = 8 << 20
"""Storage that is left free for journals and for the device itself."""
_LIST_LIMIT_S: Final = 120.0

_LIST: Final = """
mkdir -p "$1" && cd "$1" || exit 1
df -Pk . | tail -n 1
find . -type f -exec sha256sum {} +
echo ==
find . -type f -exec stat -c '%s  %n' {} +
"""
_UNPACK: Final = """
cd "$1" && tar -xf "$2"; status=$?
rm -f "$2"
exit $status
"""
_REMOVE: Final = 'cd "$1" && shift && rm -f -- "$@"'


@dataclass(frozen=True)
class Pushed:
    """Number and bytes of the files that had to be sent."""

    files: int
    bytes: int

    def __add__(self, other: Pushed) -> Pushed:
        return Pushed(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True)
class _Listing:
    """Files of a folder on the device (name to sha256 and to size in bytes), and the free storage there."""

    files: Mapping[str, str]
    sizes: Mapping[str, int]
    free_bytes: int


def sha256_of(path: Path) -> str:
    """Returns the checksum of a local file; a file of unchanged size and time is not read again."""
    with writing(path):
        stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=65536)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    return files.sha256_of(path)


def push_files(device: Device, folder: str, files: Mapping[str, Path], *, budget_bytes: int, prune: bool = False) -> Pushed:
    """Makes sure that a folder of the device holds these files, and returns what had to be sent.

    Args:
        folder: absolute path; made where it is missing.
        files: name in the folder (may have slashes) to the local file.
        budget_bytes: limit of the folder's total size.
        prune: whether other files of the folder are removed where the budget or the free storage is too small otherwise.

    Raises:
        DeviceError: the storage is full, the budget exceeded, a name too long, or files repeatedly arrive damaged.
    """
    if too_long := next((name for name in files if max(len(part.encode()) for part in name.split("/")) > LONGEST_NAME_BYTES), None):
        raise DeviceError(
            f"the file name {shown(too_long)} has more than {LONGEST_NAME_BYTES} bytes, the most that a device takes; shorten it"
        )
    wanted = {name: sha256_of(path) for name, path in files.items()}
    pushed = Pushed(0, 0)
    for _ in range(_TRIES):
        listing = _list(device, folder)
        missing = [name for name, digest in wanted.items() if listing.files.get(name) != digest]
        if not missing:
            return pushed
        sizes = {name: files[name].stat().st_size for name in files}
        _make_room(device, folder, listing, sizes, missing, budget_bytes=budget_bytes, prune=prune)
        for batch in _batches(missing, sizes):
            _push_batch(device, folder, {name: files[name] for name in batch})
            pushed += Pushed(len(batch), sum(sizes[name] for name in batch))
    raise DeviceError(
        f"{device.serial}: {missing[0]} arrived damaged {_TRIES} times in a row; try another cable or port, or a cable instead of Wi-Fi"
    )


def _list(device: Device, folder: str) -> _Listing:
    """Lists a folder of the device, which is made where it is missing.

    Raises:
        DeviceError: the device does not tell how much storage is free.
    """
    result = checked(device, _LIST, folder, doing=f"looking into {folder}", timeout_s=_LIST_LIMIT_S)
    space, *lines = result.stdout.decode(errors="replace").splitlines() or [""]
    fields = space.split()
    free_kb = whole_number(fields[3]) if len(fields) > 3 else None
    if free_kb is None:
        raise DeviceError(f"{device.serial}: how much storage is free at {folder} cannot be told (df says '{shown(space)}')")
    middle = lines.index("==") if "==" in lines else len(lines)
    digests, sizes = _by_name(lines[:middle]), _by_name(lines[middle + 1 :])
    known = {name: whole_number(size) for name, size in sizes.items()}
    return _Listing(digests, {name: size for name, size in known.items() if size is not None}, free_kb * 1024)


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    """Parses lines of the form "value  ./name" into name to value."""
    found = (line.partition("  ./") for line in lines)
    return {name: value for value, _, name in found}


def _make_room(
    device: Device, folder: str, listing: _Listing, sizes: Mapping[str, int], missing: Sequence[str], *, budget_bytes: int, prune: bool
) -> None:
    """Checks that the missing files fit into the budget and the free storage, and removes other files for them if it may.

    Raises:
        DeviceError: they do not fit.
    """
    total = sum(map(_on_disk, sizes.values()))
    if total > budget_bytes:
        raise DeviceError(
            f"{device.serial}: {_mega(total)} MB are needed at {folder}, and the budget is {_mega(budget_bytes)} MB; allow more with"
            f" {option_named('--storage-mb')}, or ask for less at a time"
        )
    sending = [_on_disk(sizes[name]) for name in missing]
    needed = sum(sending) + max(min(sum(sending), _BATCH_BYTES), *sending) + _SPARE_BYTES
    unused = [name for name in listing.files if name not in sizes]
    held = sum(_on_disk(listing.sizes.get(name, 0)) for name in unused)
    if prune and unused and (needed > listing.free_bytes or total + held > budget_bytes):
        for start in range(0, len(unused), 100):
            checked(device, _REMOVE, folder, *unused[start : start + 100], doing="removing files that are not used any more")
        listing = _list(device, folder)
    if needed > listing.free_bytes:
        raise DeviceError(
            f"{device.serial}: storage is full: {_mega(needed)} MB are needed at {folder} and {_mega(listing.free_bytes)} MB are free;"
            " make room on the device and try again"
        )


def _on_disk(size: int) -> int:
    """Rounds a size in bytes up to whole blocks of storage."""
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


def _mega(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _batches(names: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Yields the names in batches of at most `_BATCH_BYTES`; a larger file has a batch of its own."""
    batch: list[str] = []
    held = 0
    for name in names:
        if batch and held + sizes[name] > _BATCH_BYTES:
            yield batch
            batch, held = [], 0
        batch.append(name)
        held += sizes[name]
    yield batch


def _push_batch(device: Device, folder: str, files: Mapping[str, Path]) -> None:
    """Sends files in an archive and unpacks it, without a check: the next listing shows which files arrived whole."""
    archive = f"{folder.rstrip('/')}.incoming.tar"
    with writing(Path(tempfile.gettempdir())), tempfile.NamedTemporaryFile(prefix="syncnas-", suffix=".tar") as file:
        # GNU's format, as USTAR has no room for names of more than 100 bytes; toybox reads it on every Android since 10.
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, path in files.items():
                tar.add(path, name, recursive=False, filter=_plain)
        file.flush()
        device.push(Path(file.name), archive)
    # A damaged archive may end tar with an error; the next listing checks the files that it unpacked all the same.
    device.shell(_UNPACK, folder, archive, timeout_s=_LIST_LIMIT_S)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Clears owner and time of an archive's entry and reduces its mode to 755 or 644, so that equal files give equal archives."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry
