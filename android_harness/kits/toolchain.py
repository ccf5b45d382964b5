"""Toolchain of a build folder: its compiler, and the runtime libraries that its programs need on another machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from android_harness.kits.elf import read_elf
from collab.console import one_line
from collab.documents import read_bytes
from collab.errors import DeviceError
from collab.wording.commands import command_named

LOADERS: Final = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
"""glibc's program loader, by machine."""
_MAX_VALUE_CHARACTERS: Final = 1024
_MAX_CACHE_BYTES: Final = 16 << 20


def cache_entry(build: Path, name: str) -> str | None:
    """Returns a value from CMake's cache of a build folder; None where the folder was not configured or the cache lacks it."""
    cache = build / "CMakeCache.txt"
    if not cache.is_file():
        return None
    text = read_bytes(cache, limit_bytes=_MAX_CACHE_BYTES, error=DeviceError, advice=f"remove {build}, and build the runner again")
    for line in text.decode(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.partition(":")[0] == name:
            return value if len(value) <= _MAX_VALUE_CHARACTERS else None
    return None


def runtime_libraries(files: Iterable[Path], *, build: Path | None) -> dict[str, Path]:
    """Finds the libraries that these files need and that are not among them: the loader, glibc's and the compiler's libraries.

    Returns:
        The name by which the loader looks a library up, to its path in the toolchain of the build folder; without one, on this system.

    Raises:
        DeviceError: the compiler or this system lacks a library, or a file is damaged or of another machine.
    """
    compiler = cache_entry(build, "SYNCNAS_COMPILER") if build is not None else None
    if build is not None and compiler is None:
        raise DeviceError(f"{build} tells no compiler; build the runner again: {command_named('build')}")
    given = tuple(files)
    found: dict[str, Path] = {}
    waiting = [*given]
    while waiting:
        file = waiting.pop()
        elf = read_elf(file)
        if elf.machine not in LOADERS:
            raise DeviceError(f"{file} is made for {elf.machine}; build the runner again: {command_named('build')}")
        for name in (*elf.needed, LOADERS[elf.machine]):
            if "/" in name or not name.isprintable():
                raise DeviceError(f"{file} needs a library '{one_line(name)}', which is no plain file name; get it again")
            if name not in found and all(path.name != name for path in given):
                found[name] = _library(compiler, name) if compiler is not None else _system_library(name, elf.machine)
                waiting.append(found[name])
    return found


def system_folders(machine: str) -> list[str]:
    """Returns the folders in which Linux systems with glibc keep the libraries of a machine, in the order of their loaders."""
    return [f"{top}/{machine}-linux-gnu" for top in ("/lib", "/usr/lib")] + ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]


def _system_library(name: str, machine: str) -> Path:
    """Returns the path of a library on this system.

    Raises:
        DeviceError: it has none of that name for the machine.
    """
    for folder in system_folders(machine):
        path = Path(folder) / name
        # A folder may hold libraries for 32 bits.
        with suppress(DeviceError):
            if path.is_file() and read_elf(path).machine == machine:
                return path.resolve()
    raise DeviceError(f"this system has no {name}; install what brings it (Debian: libstdc++6 and libgcc-s1)")


def _library(compiler: str, name: str) -> Path:
    """Returns the path of a library in the compiler's toolchain.

    Raises:
        DeviceError: the compiler cannot be run, or lacks the library.
    """
    try:
        answer = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        words = error.strerror if isinstance(error, OSError) else one_line(str(error))
        raise DeviceError(f"the compiler {compiler}, which the runner was built with, cannot be asked for {name} ({words})") from None
    path = Path(answer.stdout.strip())
    if not path.is_absolute():  # compilers print the bare name of a file that they lack
        raise DeviceError(f"the toolchain of {compiler} has no {name}; install its runtime libraries")
    return path.resolve()
