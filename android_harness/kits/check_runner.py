"""``python -m android_harness.kits.check_runner FILE``: whether Android can load a runner that an NDK built.

Nothing is run: the file's headers and tables say which loader, libraries and functions it asks for, and for which pages it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import typer

from android_harness.kits.elf import ElfFile, read_elf
from android_harness.kits.ndk import API_LEVEL, MACHINES, PAGE_BYTES
from collab.cli import make_app, print_json, run_app
from collab.console import one_line, say
from collab.errors import ConfigError, DeviceError

LOADER: Final = "/system/bin/linker64"
"""Android's loader of 64-bit programs."""
LIBRARIES: Final = ("libc.so", "libm.so", "libdl.so")
"""Libraries that a runner may need; `api_names` lists what they offer."""
_NAMES: Final = Path(__file__).with_name(f"android-api{API_LEVEL}-symbols.txt")
_MOST_NAMED: Final = 8


@cache
def api_names() -> frozenset[str]:
    """Returns the names that Android's `LIBRARIES` offer at `API_LEVEL`, from AOSP's map files."""
    lines = _NAMES.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def require_android(runner: Path, *, android_abi: str | None = None) -> None:
    """Does nothing where Android can load a runner.

    Raises:
        DeviceError: it cannot, at `API_LEVEL`, on pages of up to `PAGE_BYTES`, or on the machine of this ABI; the message has all reasons.
    """
    reasons = list(_reasons(read_elf(runner), android_abi))
    if reasons:
        raise DeviceError(
            f"{runner} cannot be loaded by Android (API {API_LEVEL}): {'; '.join(reasons)}; build it with an NDK of Android, r27 or later"
        )


def _reasons(runner: ElfFile, android_abi: str | None) -> Iterator[str]:
    if android_abi is not None and runner.machine != MACHINES[android_abi]:
        yield f"it is made for {one_line(runner.machine)}, not for {android_abi}"
    if runner.loader != LOADER:
        yield f"its loader is {one_line(runner.loader) or 'none'}, not {LOADER}"
    if runner.alignment_bytes < PAGE_BYTES:
        yield f"it is aligned to {runner.alignment_bytes} bytes, and pages may have {PAGE_BYTES}"
    if strange := [name for name in runner.needed if name not in LIBRARIES]:
        yield f"it needs {_listed(strange)}, and may need {', '.join(LIBRARIES)} only"
    if unknown := sorted(runner.imports - api_names()):
        yield f"these libraries lack {_listed(unknown)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return one_line(", ".join(names[:_MOST_NAMED])) + more


def main(
    runner: Annotated[Path, typer.Argument(help="The runner for Android, as an NDK built it.")],
    abi: Annotated[str | None, typer.Option(help="The ABI that it has to be for: arm64-v8a or x86_64. Default: any.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell whether Android can load a runner: loader, page alignment, libraries and functions."""
    if abi is not None and abi not in MACHINES:
        raise ConfigError(f"--abi {abi}: one of {', '.join(MACHINES)}")
    require_android(runner, android_abi=abi)
    found = read_elf(runner)
    if json:
        print_json({"runner": str(runner), "machine": found.machine, "alignment_bytes": found.alignment_bytes, "needed": found.needed})
    else:
        say(f"{runner}: Android {API_LEVEL} or later on {found.machine} can load it (aligned to {found.alignment_bytes} bytes)")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
