"""Runtime libraries for Android, from the AARs in which LiteRT and TensorFlow Lite are published.

AARs are found where builds of apps leave them, in Gradle's and Maven's caches. They are untrusted archives: only libraries of known
names are unpacked, and each is checked to be the library that its name says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from android_harness.kits.archives import member_names, unpack
from android_harness.kits.elf import ElfFile, read_elf
from android_harness.kits.ndk import MACHINES
from android_harness.kits.runtime import LITERT_LIBRARY, is_accelerator, is_litert_library
from collab.errors import DeviceError
from collab.files import sha256_of
from collab.system.caches import cache_folder
from collab.wording.commands import command_named
from collab.wording.options import option_named


@dataclass(frozen=True)
class _Engine:
    """Library of an engine, and the AARs (group and name) that hold it, in the order of preference.

    `symbol` is a function that the runner needs and older libraries lack; `source` names AARs whose library has it, for messages.
    """

    library: str
    symbol: str
    source: str
    artifacts: tuple[tuple[str, str], ...]


_LITERT_GROUP: Final = "com.google.ai.edge.litert"
_TFLITE_GROUP: Final = "org.tensorflow"
_ENGINES: Final[Mapping[str, _Engine]] = {
    "litert": _Engine(
        LITERT_LIBRARY,
        "LiteRtCreateModelFromFd",
        f"{_LITERT_GROUP}:litert 2.1.6 or newer",
        ((_LITERT_GROUP, "litert"),),
    ),
    "classic": _Engine(
        "libtensorflowlite_jni.so",
        "TfLiteInterpreterCreate",
        f"{_LITERT_GROUP}:litert 1.x or {_TFLITE_GROUP}:tensorflow-lite",
        ((_LITERT_GROUP, "litert"), (_TFLITE_GROUP, "tensorflow-lite")),
    ),
    "classic_gpu": _Engine(
        "libtensorflowlite_gpu_jni.so",
        "TfLiteGpuDelegateV2Create",
        f"{_LITERT_GROUP}:litert-gpu or {_TFLITE_GROUP}:tensorflow-lite-gpu, of the classic engine's version",
        ((_LITERT_GROUP, "litert-gpu"), (_TFLITE_GROUP, "tensorflow-lite-gpu")),
    ),
}
ENGINES: Final = tuple(_ENGINES)
_SHARED_CPP_RUNTIME: Final = "libc++_shared.so"
_NAMED: Final = re.compile(r"(?P<artifact>[A-Za-z][A-Za-z0-9-]*?)-(?P<version>[0-9][A-Za-z0-9.-]*)")


@dataclass(frozen=True)
class Origin:
    """Release that libraries come from, and its form; `version` is None where it is not known."""

    artifact: str
    version: str | None
    form: str

    @property
    def title(self) -> str:
        """Name for people, e.g. ``litert 2.1.6 (AAR)``."""
        return f"{self.artifact} {self.version or 'of unknown version'} ({self.form})"


@dataclass(frozen=True)
class Aar:
    """AAR on this machine; `version` is None where its file name holds none."""

    path: Path
    artifact: str
    version: str | None

    @property
    def origin(self) -> Origin:
        return Origin(self.artifact, self.version, "AAR")


@dataclass(frozen=True)
class EngineLibraries:
    """Library of an engine with the files that have to lie beside it; `files` maps names to files, `library` is one of the names."""

    library: str
    files: Mapping[str, Path]
    origin: Origin

    @property
    def accelerated(self) -> bool:
        """Whether a GPU accelerator is among the files."""
        return any(is_accelerator(name) for name in self.files)


def setup_command() -> str:
    """Returns the command that fetches what a device needs, for messages."""
    return command_named("setup", "--device", "SERIAL")


def how_to_get(engine: str) -> str:
    """Returns the advice on getting an engine for Android, as the end of a sentence."""
    if engine == "litert":
        return f"fetch it with: {setup_command()}, or name the AAR of {_ENGINES[engine].source} with {option_named('--aar')}"
    return (
        f"have an app's build fetch {_ENGINES[engine].source} into Gradle's or Maven's cache, or name the AAR with {option_named('--aar')}"
    )


def given_aar(path: Path) -> Aar:
    """Returns the AAR at a path that a user gave.

    Raises:
        DeviceError: there is no such file.
    """
    if not path.is_file():
        raise DeviceError(f"there is no AAR {path}; give the path of the file")
    named = _NAMED.fullmatch(path.stem)
    return Aar(path, named["artifact"], named["version"]) if named else Aar(path, path.stem, None)


def cached_aars(engine: str) -> Iterator[Aar]:
    """Yields the AARs in Gradle's and Maven's caches that may hold an engine, preferred artifacts first, newest version first.

    The engine is ``litert``, ``classic`` or ``classic_gpu``. `engine_libraries` checks whether its library can be used.
    """
    gradle = Path(os.environ.get("GRADLE_USER_HOME") or Path.home() / ".gradle") / "caches" / "modules-2" / "files-2.1"
    maven = Path.home() / ".m2" / "repository"
    for group, artifact in _ENGINES[engine].artifacts:
        found = [(path.parents[1].name, path) for path in (gradle / group / artifact).glob("*/*/*.aar")]
        found += [(path.parent.name, path) for path in maven.joinpath(*group.split("."), artifact).glob("*/*.aar")]
        whole = [(version, path) for version, path in found if path.name == f"{artifact}-{version}.aar"]
        for version, path in sorted(whole, key=lambda entry: _version_key(entry[0]), reverse=True):
            yield Aar(path, artifact, version)


def engines_in(aar: Aar, android_abi: str) -> tuple[str, ...]:
    """Lists the engines whose library for this ABI the AAR holds.

    Raises:
        DeviceError: the AAR is no readable archive.
    """
    names = set(member_names(aar.path))
    return tuple(engine for engine, about in _ENGINES.items() if f"jni/{android_abi}/{about.library}" in names)


def engine_libraries(aar: Aar, engine: str, android_abi: str) -> EngineLibraries:
    """Unpacks an engine that `engines_in` listed and returns its libraries; files unpacked earlier are used again.

    Raises:
        DeviceError: the archive is damaged, or the library is of another ABI or too old.
    """
    about = _ENGINES[engine]
    unpacked = _unpacked(aar.path, android_abi)
    names = [about.library, *(name for name in sorted(unpacked) if engine == "litert" and is_accelerator(name))]
    libraries = {
        name: require_engine(unpacked[name], engine if name == about.library else None, android_abi, said_of=aar.path) for name in names
    }
    if any(_SHARED_CPP_RUNTIME in library.needed for library in libraries.values()) and _SHARED_CPP_RUNTIME in unpacked:
        names.append(_SHARED_CPP_RUNTIME)
    return EngineLibraries(about.library, {name: unpacked[name] for name in names}, aar.origin)


def require_engine(path: Path, engine: str | None, android_abi: str, *, said_of: Path | str) -> ElfFile:
    """Reads a library for an ABI; with `engine`, that engine's, which has to have the functions that the runner needs.

    `said_of` is the archive or the address that the library comes from, for messages.

    Raises:
        DeviceError: it is damaged, of another ABI or too old.
    """
    try:
        library = read_elf(path)
    except DeviceError as error:
        raise DeviceError(f"{said_of}: {error}") from None
    if library.machine != MACHINES[android_abi]:
        raise DeviceError(f"{path.name} for {android_abi} in {said_of} is made for {library.machine}; get it again")
    if engine is not None and _ENGINES[engine].symbol not in library.exports:
        raise DeviceError(f"{path.name} in {said_of} cannot be used, as it lacks {_ENGINES[engine].symbol}; {how_to_get(engine)}")
    return library


def _unpacked(archive: Path, android_abi: str) -> dict[str, Path]:
    """Unpacks all libraries of known names for this ABI into a folder that is named by the archive's checksum; returns name to file."""
    prefix = f"jni/{android_abi}/"
    names = {member.removeprefix(prefix) for member in member_names(archive) if member.startswith(prefix)}
    wanted = {f"{prefix}{name}": name for name in names if _is_wanted(name)}
    folder = cache_folder("aar") / sha256_of(archive) / android_abi
    unpack(archive, wanted, folder)
    return {name: folder / name for name in wanted.values()}


def _is_wanted(name: str) -> bool:
    return is_litert_library(name) or name == _SHARED_CPP_RUNTIME or any(name == about.library for about in _ENGINES.values())


def _version_key(version: str) -> tuple[list[int], bool, str]:
    """Returns a sort key that puts 2.0.9 before 2.0.10, and 2.1.0-rc1 before 2.1.0."""
    rest = version.lstrip("0123456789.")
    numbers = version.removesuffix(rest).split(".")
    return [int(number) for number in numbers if number], not rest, rest
