"""The compiler that a build folder was made with, and the runtime libraries that its programs need on another machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from android_harness.elf import read_elf
from collab.errors import DeviceError

LOADERS: Final = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
"""glibc's program loader, by machine."""


def cache_entry(build: Path, name: str) -> str | None:
    """A value that CMake remembers of a build folder; None where the folder was not configured or does not know it."""
    cache = build / "CMakeCache.txt"
    if not cache.is_file():
        return None
    for line in cache.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.partition(":")[0] == name:
            return value
    return None


def runtime_libraries(files: Iterable[Path], *, build: Path) -> dict[str, Path]:
    """All that the loader needs for these files and that is not among them: the loader itself, glibc's and the compiler's libraries.

    Returns:
        The name under which the loader looks for a library, to where the toolchain of the build folder has it.

    Raises:
        DeviceError: the compiler is gone, or has no such library.
    """
    compiler = cache_entry(build, "SYNCNAS_COMPILER")
    if compiler is None:
        raise DeviceError(f"{build} tells no compiler; build the runner again: python -m android_harness.build")
    given = tuple(files)
    found: dict[str, Path] = {}
    waiting = [*given]
    while waiting:
        elf = read_elf(waiting.pop())
        for name in (*elf.needed, LOADERS[elf.machine]):
            if name not in found and all(path.name != name for path in given):
                found[name] = _library(compiler, name)
                waiting.append(found[name])
    return found


def _library(compiler: str, name: str) -> Path:
    try:
        answer = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeviceError(f"the compiler {compiler}, which the runner was built with, cannot be asked for {name} ({error})") from None
    path = Path(answer.stdout.strip())
    if not path.is_absolute():  # what compilers answer for a file that they do not have: its bare name
        raise DeviceError(f"the toolchain of {compiler} has no {name}; install its runtime libraries")
    return path.resolve()
