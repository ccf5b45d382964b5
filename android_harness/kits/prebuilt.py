"""Runners that a package brings, so that its users need no compiler: for Android's ABIs, and for the Linux machine that it is made for."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Final

import msgspec

from android_harness.kits.check_runner import require_android
from android_harness.kits.elf import glibc_needed, read_elf
from android_harness.kits.ndk import MACHINES
from android_harness.kits.runner_sources import RUNNER, runner_version, sources_digest
from collab.documents import Sha256, Text, read
from collab.errors import DeviceError
from collab.files import write_whole, writing

PREBUILT: Final = Path(__file__).parents[1] / "prebuilt"
"""Folder of the package with a folder for each ABI of Android and ``linux-MACHINE``; it is there in releases only."""
STAMP: Final = "stamp.json"
LINUX: Final = "linux-"
_MAX_STAMP_BYTES: Final = 1 << 12


class _Stamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of ``stamp.json``: the version and digest of the sources that a runner was built from, and the glibc that it needs.

    `glibc` is empty for a runner for Android.
    """

    version: Text
    sources: Sha256
    glibc: str


def prebuilt_runner(abi: str) -> Path | None:
    """Returns the package's own runner for an ABI of Android or ``linux-MACHINE``.

    Returns:
        None where the package brings none, where it was built from other sources than the package's, or where this machine's glibc is
        older than the runner for Linux needs.
    """
    stamp = _stamp(abi)
    if stamp is None or (stamp.glibc and not _is_at_least(_glibc_here(), stamp.glibc)):
        return None
    return PREBUILT / abi / RUNNER


def is_of_these_sources(abi: str) -> bool:
    """Tells whether the package brings a runner for an ABI, and it was built from the package's own sources."""
    return _stamp(abi) is not None


def _stamp(abi: str) -> _Stamp | None:
    """Returns the stamp of a runner that the package brings; None where there is none that was built from the package's sources."""
    path = PREBUILT / abi / STAMP
    if not path.is_file() or not path.with_name(RUNNER).is_file():
        return None
    try:
        stamp = read(path, _Stamp, limit_bytes=_MAX_STAMP_BYTES, error=DeviceError, advice="install the package anew")
    except DeviceError:
        return None
    return stamp if (stamp.version, stamp.sources) == (runner_version(), sources_digest()) else None


def is_prebuilt(runner: Path) -> bool:
    """Tells whether a runner is one that the package brings."""
    return PREBUILT in runner.parents


def keep_prebuilt(runner: Path, abi: str) -> Path:
    """Copies a runner for an ABI of Android or ``linux-MACHINE`` into the package, as releases do, and returns the copy's path.

    Raises:
        DeviceError: it could not be loaded there.
        StorageError: the package's folder cannot be written.
    """
    glibc = ""
    if abi in MACHINES:
        require_android(runner, android_abi=abi)
    else:
        machine = read_elf(runner).machine
        if machine != abi.removeprefix(LINUX):
            raise DeviceError(f"the runner {runner} is for {machine}, not for {abi}; build it again")
        glibc = ".".join(map(str, glibc_needed(runner)))
    place = PREBUILT / abi / RUNNER
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(runner, place)
    stamp = _Stamp(version=runner_version(), sources=sources_digest(), glibc=glibc)
    write_whole(place.with_name(STAMP), json.dumps(msgspec.to_builtins(stamp)) + "\n")
    return place


def _glibc_here() -> str:
    """Returns the version of this system's glibc; empty where it has another C library."""
    ask = getattr(os, "confstr", None)
    try:
        said = ask("CS_GNU_LIBC_VERSION") if ask is not None else None
    except (ValueError, OSError):
        return ""
    return (said or "").removeprefix("glibc ")


def _is_at_least(version: str, least: str) -> bool:
    """Tells whether a version, such as ``2.36``, is another one or newer; False for what is no version."""
    numbers = [[int(number) for number in re.findall(r"\d+", text)] for text in (version, least)]
    return bool(numbers[0]) and numbers[0] >= numbers[1]
