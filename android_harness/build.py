"""``python -m android_harness.build``: compiling the native runner, for this machine or for a device of another kind."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Annotated

import typer

from android_harness.kits.native_build import ANDROID_ABIS, CROSS_ABI, SANITIZERS, build_cross_kit, build_runner
from android_harness.kits.prebuilt import keep_prebuilt
from android_harness.kits.runner_sources import RUNNER
from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.errors import DeviceError
from collab.system.portable import is_linux


def _checked_abi(abi: str | None) -> str | None:
    """Returns the ABI to build for; None for this machine's own.

    Raises:
        DeviceError: the runner cannot be built for this ABI.
    """
    host = f"linux-{platform.machine()}"
    if abi is None or abi == host:
        return None
    if abi != CROSS_ABI and abi not in ANDROID_ABIS:
        raise DeviceError(f"--abi {abi}: one of {', '.join(sorted({host, CROSS_ABI}))} (Linux), {', '.join(ANDROID_ABIS)} (Android)")
    return abi


def main(
    abi: Annotated[
        str | None, typer.Option(help="linux-aarch64 (with a cross compiler), arm64-v8a or x86_64 (with an NDK). Default: this machine.")
    ] = None,
    ndk: Annotated[
        Path | None, typer.Option(help="Android's NDK. Default: ANDROID_NDK_HOME, ANDROID_NDK_ROOT or ANDROID_HOME/ndk.")
    ] = None,
    sanitizer: Annotated[str, typer.Option(help="none, address or thread; for this machine.")] = "none",
    tests: Annotated[bool, typer.Option("--tests", help="Also compile the runner's own tests.")] = False,
    glibc: Annotated[
        str, typer.Option(help="For Linux: the oldest glibc that the runner has to run with, e.g. 2.28; compiled by zig.")
    ] = "",
    prebuilt: Annotated[bool, typer.Option("--prebuilt", help="Also put the runner into the package, as releases do.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile the native runner.

    The runner is the program that measures: for this machine, or for a device of another kind.
    """
    target = _checked_abi(abi)
    if sanitizer not in SANITIZERS:
        raise DeviceError(f"--sanitizer {sanitizer}: one of {', '.join(SANITIZERS)}")
    if sanitizer != "none" and target is not None:
        raise DeviceError(f"--sanitizer {sanitizer} is for this machine; leave out --abi {abi}")
    if ndk is not None and target not in ANDROID_ABIS:
        raise DeviceError(f"--ndk is for Android; add --abi {ANDROID_ABIS[0]}")
    if glibc and (target in ANDROID_ABIS or sanitizer != "none"):
        raise DeviceError("--glibc is for Linux, without a sanitizer; leave one of them out")
    if glibc and not re.fullmatch(r"2\.\d{1,2}", glibc, re.ASCII):
        raise DeviceError(f"--glibc {glibc}: a version such as 2.28")
    if prebuilt and sanitizer != "none":
        raise DeviceError(f"--sanitizer {sanitizer} is for tests; leave out --prebuilt")
    if target is None and not is_linux():
        raise DeviceError("the runner runs on Linux and Android only; name what to build it for: --abi " + ANDROID_ABIS[0])
    if target == CROSS_ABI and not glibc and not prebuilt:
        kit = build_cross_kit(tests=tests)
        made = {"runner": str(kit / RUNNER), "kit": str(kit)}
    else:
        made = {"runner": str(build_runner(abi=target, ndk=ndk, sanitizer=sanitizer, glibc=glibc, tests=tests))}
        if prebuilt:
            made["prebuilt"] = str(keep_prebuilt(Path(made["runner"]), target or f"linux-{platform.machine()}"))
    if json:
        print_json(made)
    else:
        say("\n".join(f"{name.capitalize()}: {path}" for name, path in made.items()))


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
