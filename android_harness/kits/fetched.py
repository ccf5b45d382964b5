"""LiteRT for Android, fetched from where Google's own command line gets it, for exactly the version that is installed here.

Each version and ABI has a folder in the user's cache. Its file ``origin.json`` says where each library came from and what its digest is:
a digest that is known is asked for, another one is pinned when the file is first fetched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import msgspec

from android_harness.kits.download import Remote, download, look_at
from android_harness.kits.elf import read_elf
from android_harness.kits.ndk import MACHINES
from android_harness.kits.runtime import LITERT_LIBRARY, LITERT_SYMBOL, litert_version
from collab.documents import read
from collab.errors import DeviceError
from collab.files import sha256_of, write_whole

BUCKET: Final = "https://storage.googleapis.com/litert/binaries"
"""Folder of LiteRT's released libraries: VERSION/PLATFORM/NAME below it."""
LICENCE: Final = "Apache-2.0, https://github.com/google-ai-edge/LiteRT/blob/main/LICENSE"
LIBRARIES: Final = (LITERT_LIBRARY, "libLiteRtClGlAccelerator.so")
_PLATFORMS: Final = {"arm64-v8a": "android_arm64", "x86_64": "android_x86_64"}
_KNOWN: Final = "android_runtime.json"
"""File with the SHA-256 of released libraries, by version, ABI and name, as others had downloaded them. The pointers to prebuilt files in
LiteRT's own repository are of other builds (those of its tag v2.1.6 differ from what is released), so they tell nothing."""
_ORIGIN: Final = "origin.json"
_MAX_ORIGIN_BYTES: Final = 1 << 16
_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Source of a library, and its digest."""

    url: Annotated[str, msgspec.Meta(max_length=4096)]
    sha256: _Digest


@dataclass(frozen=True)
class RuntimePlace:
    """Place in the cache of LiteRT for an Android ABI in one version, and where its files come from."""

    version: str
    android_abi: str
    source: str = BUCKET

    @property
    def folder(self) -> Path:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "syncnas" / "litert" / self.version / self.android_abi

    def url(self, name: str) -> str:
        return f"{self.source.rstrip('/')}/{self.version}/{_PLATFORMS[self.android_abi]}/{name}"

    def known_digest(self, name: str) -> str | None:
        """Returns the digest that is known of a library of this version; None where none is."""
        known = json.loads((files("android_harness.kits") / _KNOWN).read_text(encoding="utf-8"))
        found: str | None = known.get(self.version, {}).get(self.android_abi, {}).get(name)
        return found

    def fetched(self) -> dict[str, Path]:
        """Returns the libraries that lie in the cache as they were fetched, by name; empty where one is missing.

        Raises:
            DeviceError: one of them was altered since.
        """
        origins = self._origins()
        if set(origins) != set(LIBRARIES) or not all((self.folder / name).is_file() for name in LIBRARIES):
            return {}
        for name, origin in origins.items():
            if sha256_of(self.folder / name) != origin.sha256:
                raise DeviceError(
                    f"{self.folder / name} is not what was fetched from {origin.url} (its sha256 is another); remove {self.folder} and"
                    " fetch it anew: python -m android_harness.setup"
                )
        return {name: self.folder / name for name in LIBRARIES}

    def _origins(self) -> dict[str, _Origin]:
        path = self.folder / _ORIGIN
        if not path.exists():
            return {}
        advice = f"remove {self.folder} and fetch it anew: python -m android_harness.setup"
        return read(path, dict[str, _Origin], limit_bytes=_MAX_ORIGIN_BYTES, error=DeviceError, advice=advice)

    def offers(self) -> list[Remote]:
        """Asks the source for the sizes of all libraries.

        Raises:
            DeviceError: the source cannot be reached, or lacks one.
        """
        return [look_at(self.url(name)) for name in LIBRARIES]

    def fetch(self, on_bytes: Callable[[str, int], None] = lambda _name, _bytes: None) -> dict[str, bool]:
        """Downloads all libraries into the cache, checked; returns for each whether its digest was known before (else it is pinned now).

        Raises:
            DeviceError: a library cannot be had, or is not what its name says.
            StorageError: the disk is full.
        """
        pinned = {name: origin.sha256 for name, origin in self._origins().items()}
        origins: dict[str, _Origin] = {}
        for name in LIBRARIES:
            expected = self.known_digest(name) or pinned.get(name)
            target = self.folder / name
            sha256 = download(self.url(name), target, sha256=expected, on_bytes=partial(on_bytes, name))
            try:
                _check_library(target, self.android_abi)
            except DeviceError:
                target.unlink()
                raise
            origins[name] = _Origin(self.url(name), sha256)
        write_whole(self.folder / _ORIGIN, msgspec.json.format(msgspec.json.encode(origins), indent=1))
        return {name: self.known_digest(name) is not None or name in pinned for name in LIBRARIES}


def installed_version() -> str:
    """Returns the version of the installed ai-edge-litert, whose runtime a phone gets as well.

    Raises:
        DeviceError: it is not installed.
    """
    return litert_version().rpartition(" ")[2]


def fetched_runtime(android_abi: str) -> Mapping[str, Path]:
    """Returns the fetched libraries of the installed version for an ABI; empty where they were not fetched.

    Raises:
        DeviceError: they were altered since.
    """
    return RuntimePlace(installed_version(), android_abi).fetched()


def _check_library(path: Path, android_abi: str) -> None:
    library = read_elf(path)
    if library.machine != MACHINES[android_abi]:
        raise DeviceError(f"{path.name} is made for {library.machine}, not for {android_abi}; is the place that it came from right?")
    if path.name == LITERT_LIBRARY and LITERT_SYMBOL not in library.exports:
        raise DeviceError(f"{path.name} lacks {LITERT_SYMBOL}: it takes LiteRT 2.1.6 or newer; pip install --upgrade ai-edge-litert")
