"""``python -m android_harness.kits.check_runner FILE``: whether a runner that an NDK built can run on every Android from 10 on."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from android_harness.kits.elf import read_elf
from collab.cli import make_app, run_app
from collab.console import say
from collab.errors import DeviceError

PAGE_BYTES: Final = 16384
"""Pages of the largest size that Android devices have; segments must be aligned to it."""
_SYMBOLS: Final = "android-api29-symbols.txt"
_LIBRARIES: Final = frozenset({"libc.so", "libm.so", "libdl.so", "liblog.so", "libandroid.so"})
"""Libraries that every Android has for programs of its NDK."""
_MOST_NAMES: Final = 5


def android_symbols() -> frozenset[str]:
    """Returns the names that libc, libm and libdl of API 29 offer."""
    lines = (files("android_harness.kits") / _SYMBOLS).read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def check_runner(path: Path) -> None:
    """Checks that a program needs nothing that some Android from 10 on lacks.

    Raises:
        DeviceError: it needs a library or a function that is not there, or devices with pages of 16 KiB cannot load it.
    """
    program = read_elf(path)
    strangers = sorted(set(program.needed) - _LIBRARIES)
    if strangers:
        raise DeviceError(f"{path} needs {', '.join(strangers)}, which Android lacks; build it with an NDK, its C++ runtime linked in")
    missing = sorted(program.imports - android_symbols())
    if missing:
        shown = ", ".join(missing[:_MOST_NAMES]) + (" ..." if len(missing) > _MOST_NAMES else "")
        raise DeviceError(f"{path} uses {shown}, which Android 10 does not have; is it built for API 29?")
    if program.alignment < PAGE_BYTES:
        raise DeviceError(
            f"{path} is aligned to {program.alignment} bytes, and devices with pages of {PAGE_BYTES} cannot load it; build it again with"
            " NDK r27 or later"
        )


def main(file: Annotated[Path, typer.Argument(help="The runner that an NDK built.")]) -> None:
    """Check that a runner can run on every Android from 10 on: its libraries, its functions and its alignment."""
    check_runner(file)
    say(f"{file} runs on Android 10 and later, and on devices with pages of 16 KiB")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
