"""Parts of a kit for Linux, on this machine or cross-compiled; cross-compiled kits lie in a folder of their own, ready to be sent."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from android_harness.kits.prebuilt import is_prebuilt
from android_harness.kits.runtime import is_litert_library, litert_libraries, litert_version
from android_harness.kits.toolchain import runtime_libraries
from android_harness.kits.wheel import downloaded, unpack_litert
from collab.documents import Text, read
from collab.errors import DeviceError
from collab.files import writing

FOLDER: Final = "kit"
DESCRIPTION: Final = "kit.json"
FORMAT: Final = 1
_WHEELS: Final = "wheel"
_MAX_DESCRIPTION_BYTES: Final = 1 << 16


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of ``kit.json``: name and version of the LiteRT in the folder."""

    format: int
    litert: Text


@dataclass(frozen=True)
class LinuxParts:
    """Parts of a kit for Linux, as file names to files of this machine.

    `litert` holds LiteRT's library and its accelerators; `support` holds glibc's loader, glibc's libraries and the compiler's; `version`
    is LiteRT's, for people.
    """

    runner: Path
    litert: Mapping[str, Path]
    support: Mapping[str, Path]
    version: str


def host_parts(runner: Path) -> LinuxParts:
    """Returns the parts for machines of this one's kind, from the installed wheel and the compiler that built the runner.

    What a runner that the package brings needs besides is this system's.

    Raises:
        DeviceError: one of the parts is missing.
    """
    litert = litert_libraries()
    build = None if is_prebuilt(runner) else runner.parent
    return LinuxParts(runner, litert, runtime_libraries([runner, *litert.values()], build=build), litert_version())


def assemble(runner: Path, machine: str) -> Path:
    """Makes the kit folder beside a cross-compiled runner: LiteRT's wheel for that machine, the toolchain's glibc, the runner.

    Returns:
        The folder; an earlier one is replaced as a whole.

    Raises:
        DeviceError: the wheel cannot be downloaded, or the toolchain lacks a library.
    """
    build = runner.parent
    litert = unpack_litert(machine, build / _WHEELS)
    support = runtime_libraries([runner, *litert.values()], build=build)
    made = Path(tempfile.mkdtemp(prefix=f"{FOLDER}.", dir=build))
    try:
        for name, source in {runner.name: runner, **litert, **support}.items():
            with writing(made / name):
                shutil.copy(source, made / name)
        with writing(made / DESCRIPTION):
            (made / DESCRIPTION).write_text(json.dumps({"format": FORMAT, "litert": litert_version()}) + "\n", encoding="utf-8")
        made.chmod(0o755)
        shutil.rmtree(build / FOLDER, ignore_errors=True)
        return made.rename(build / FOLDER)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def has_wheel(machine: str, build: Path) -> bool:
    """Tells whether `assemble` finds LiteRT's wheel in a build folder, and so downloads nothing."""
    return downloaded(build / _WHEELS, machine) is not None


def cross_parts(build: Path, runner: str, rebuild: str) -> LinuxParts:
    """Returns the parts that `assemble` left in a build folder; `runner` is the runner's file name, `rebuild` the command that makes them.

    Raises:
        DeviceError: they are missing or damaged, or of another version of LiteRT than the installed one; the message names the command.
    """
    folder = build / FOLDER
    if not (folder / DESCRIPTION).exists():
        raise DeviceError(f"the kit for this device is not built yet; build it with: {rebuild}")
    try:
        path = folder / DESCRIPTION
        description = read(path, _Description, limit_bytes=_MAX_DESCRIPTION_BYTES, error=DeviceError, advice="it is not ours")
        files = {path.name: path for path in sorted(folder.iterdir()) if path.name != DESCRIPTION}
        version, program = description.litert, files.pop(runner)
    except (DeviceError, KeyError, OSError):
        raise DeviceError(f"the kit {folder} is damaged; build it again with: {rebuild}") from None
    if description.format != FORMAT:
        raise DeviceError(f"the kit {folder} is of format {description.format}, not {FORMAT}; build it again with: {rebuild}")
    if version != litert_version():
        raise DeviceError(f"the kit {folder} holds {version}, but {litert_version()} is installed; build it again with: {rebuild}")
    litert = {name: path for name, path in files.items() if is_litert_library(name)}
    return LinuxParts(program, litert, {name: path for name, path in files.items() if name not in litert}, version)
