"""LiteRT's libraries for Android as LiteRT's releases offer them for download: addresses, known checksums, and the cache on this machine.

A library is used only if its SHA-256 is the known one of its release, or where none is known (``litert_android.json``), the one that it had
when it was first downloaded.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from android_harness.kits.aar import EngineLibraries, Origin, require_engine
from android_harness.kits.downloads.web import Progress, download
from android_harness.kits.ndk import MACHINES
from android_harness.kits.runtime import LITERT_LIBRARY, LITERT_PACKAGE, litert_version
from collab.documents import Count, Sha256, Text, read
from collab.errors import DeviceError
from collab.files import FolderLock, sha256_of, sync_folder, write_whole, writing
from collab.system.caches import cache_folder
from collab.wording.commands import command_named

SOURCE: Final = "https://storage.googleapis.com/litert/binaries"
"""Where LiteRT's own tools get them: below it lies a folder for each version, in that one for each platform."""
ACCELERATOR: Final = "libLiteRtClGlAccelerator.so"
"""LiteRT's GPU accelerator for Android, by OpenCL or OpenGL."""
LIBRARIES: Final = (LITERT_LIBRARY, ACCELERATOR)
PLATFORMS: Final = {"arm64-v8a": "android_arm64", "x86_64": "android_x86_64"}
"""Android's name of an ABI to the folder's."""
MOST_BYTES: Final = 64 << 20
"""Limit of a library whose size is not known: several times that of the largest one."""

_KNOWN: Final = Path(__file__).with_name("litert_android.json")
_PINS: Final = "pins.json"
_FORMAT: Final = 1
_MAX_FILE_BYTES: Final = 1 << 16
_VERSION: Final = re.compile(r"[0-9]{1,6}(\.[0-9A-Za-z]{1,20}){0,5}")


class KnownFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Checksum of a library of a release, and its size, None where it is not known."""

    sha256: Sha256
    bytes: Count | None = None


class Releases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of ``litert_android.json``: version to ABI to name to library; and the licence of all of them."""

    format: int
    licence: Text
    releases: dict[Text, dict[Text, dict[Text, KnownFile]]]


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Library that was downloaded: its checksum, its size and its address."""

    sha256: Sha256
    bytes: Count
    url: Text


class _Pins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of ``pins.json`` in the cache: name to library."""

    format: int
    files: dict[Text, Pin]


@dataclass(frozen=True)
class Offer:
    """Library that can be downloaded; `known` is what is known of it before, None where its checksum is taken at the first download."""

    name: str
    version: str
    android_abi: str
    url: str
    known: KnownFile | None


@cache
def releases() -> Releases:
    """Returns the releases whose checksums are known.

    Raises:
        DeviceError: the package is damaged.
    """
    return read(_KNOWN, Releases, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice="install the package anew")


def installed_version() -> str:
    """Returns the version of the installed ai-edge-litert, which the runtime for Android has to be of.

    Raises:
        DeviceError: it is not installed, or its version is none that a release can have.
    """
    version = litert_version().rpartition(" ")[2]
    if _VERSION.fullmatch(version) is None:
        raise DeviceError(f"no LiteRT for Android has the version {version}; install a release: pip install {LITERT_PACKAGE}")
    return version


def offers(version: str, android_abi: str, *, source: str = SOURCE) -> tuple[Offer, ...]:
    """Returns the libraries of a version for an ABI that are not in the cache yet."""
    pins = _pins(version, android_abi)
    known = releases().releases.get(version, {}).get(android_abi, {})
    names = [name for name in LIBRARIES if name not in pins or not _is_whole(_path(version, android_abi, name, pins[name]), pins[name])]
    return tuple(
        Offer(name, version, android_abi, f"{source}/{version}/{PLATFORMS[android_abi]}/{name}", known.get(name)) for name in names
    )


def cached_libraries(version: str, android_abi: str) -> EngineLibraries | None:
    """Returns LiteRT's libraries for Android from the cache, without an accelerator where that is not there; None where LiteRT is not.

    Raises:
        DeviceError: a file in the cache is damaged.
    """
    pins = _pins(version, android_abi)
    if LITERT_LIBRARY not in pins:
        return None
    files: dict[str, Path] = {name: _path(version, android_abi, name, pins[name]) for name in LIBRARIES if name in pins}
    for name, path in files.items():
        if not _is_whole(path, pins[name]):
            raise DeviceError(f"{path} is damaged or gone; download it again: {command_named('setup')}")
    return EngineLibraries(LITERT_LIBRARY, files, Origin("litert", version, "download"))


def pin_of(library: Path) -> Pin | None:
    """Returns what the cache knows of a library in it; None for a file from elsewhere."""
    folder = library.parent.parent
    if folder.parent.parent != cache_folder("litert"):
        return None
    return _pins(folder.parent.name, folder.name).get(library.name)


def fetch(offer: Offer, progress: Progress) -> Pin:
    """Downloads a library into the cache, and checks that it is what it should be; a file that is not leaves nothing there.

    Raises:
        DeviceError: it cannot be had, is another file than the known one or than the first one, or none that the runner can use.
        StorageError: the cache cannot be written.
        BusyFolderError: another process downloads it.
    """
    folder = _folder(offer.version, offer.android_abi)
    with FolderLock(folder):
        pins = _pins(offer.version, offer.android_abi)
        partial = folder / "partial"  # of this process alone, as it holds the folder
        with writing(partial):
            partial.mkdir(exist_ok=True)
        try:
            pin = _checked(offer, partial / offer.name, pins.get(offer.name), progress)
            place = _path(offer.version, offer.android_abi, offer.name, pin)
            with writing(place):
                place.parent.mkdir(exist_ok=True)
                (partial / offer.name).replace(place)
                sync_folder(place.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        document = _Pins(_FORMAT, {**pins, offer.name: pin})
        write_whole(folder / _PINS, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    return pin


def _checked(offer: Offer, path: Path, first: Pin | None, progress: Progress) -> Pin:
    """Downloads a library to a path, and returns its checksum and size; `first` is what it was when it was downloaded before.

    Raises:
        DeviceError, StorageError: see `fetch`.
    """
    most_bytes = offer.known.bytes if offer.known is not None and offer.known.bytes is not None else MOST_BYTES
    download(offer.url, path, most_bytes=most_bytes, absent=_absent(offer), progress=progress)
    pin = Pin(sha256_of(path), path.stat().st_size, offer.url)
    _require_same(offer, pin, first)
    require_engine(path, "litert" if offer.name == LITERT_LIBRARY else None, offer.android_abi, said_of=offer.url)
    return pin


def _absent(offer: Offer) -> str:
    """Returns the message that there is no such library, with ways out."""
    known = ", ".join(version for version, abis in releases().releases.items() if offer.android_abi in abis)
    return (
        f"LiteRT {offer.version} has no {offer.name} for {offer.android_abi} at {offer.url}; install a version that has one (known:"
        f" {known}), with: pip install {LITERT_PACKAGE}=={known.rpartition(' ')[2]}, or name LiteRT's AAR with --aar"
    )


def _require_same(offer: Offer, got: Pin, first: Pin | None) -> None:
    """Does nothing where a downloaded library has the checksum that is known of it.

    Raises:
        DeviceError: it has another one.
    """
    if offer.known is not None and got.sha256 != offer.known.sha256:
        raise DeviceError(
            f"{offer.url} is not the file that LiteRT {offer.version} has (its SHA-256 begins with {got.sha256[:12]}, not with"
            f" {offer.known.sha256[:12]}), and was thrown away; name another source with --from, or LiteRT's AAR with --aar"
        )
    if offer.known is None and first is not None and got.sha256 != first.sha256:
        folder = _folder(offer.version, offer.android_abi)
        raise DeviceError(
            f"{offer.url} is another file than at its first download here (its SHA-256 begins with {got.sha256[:12]}, not with"
            f" {first.sha256[:12]}), and was thrown away; if you know why, remove {folder} and give the same command again"
        )


def _folder(version: str, android_abi: str) -> Path:
    assert _VERSION.fullmatch(version), version
    assert android_abi in MACHINES, android_abi
    return cache_folder("litert") / version / android_abi


def _path(version: str, android_abi: str, name: str, pin: Pin) -> Path:
    return _folder(version, android_abi) / pin.sha256 / name


def _is_whole(path: Path, pin: Pin) -> bool:
    return path.is_file() and path.stat().st_size == pin.bytes and sha256_of(path) == pin.sha256


def _pins(version: str, android_abi: str) -> dict[str, Pin]:
    """Returns what was downloaded before, as names to libraries.

    Raises:
        DeviceError: the list is damaged.
    """
    path = _folder(version, android_abi) / _PINS
    if not path.exists():
        return {}
    advice = f"remove {path.parent}, and download again: {command_named('setup')}"
    pins = read(path, _Pins, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice=advice)
    if pins.format != _FORMAT:
        raise DeviceError(f"{path} is of format {pins.format}, not {_FORMAT}; {advice}")
    return {name: pin for name, pin in pins.files.items() if name in LIBRARIES}
