"""``python -m android_harness.build``: compiling the native runner, for this machine or for a device of another kind."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Annotated

from android_harness.kits.native_build import ANDROID_ABIS, CROSS_ABI, SANITIZERS, build_cross_kit, build_runner
from android_harness.kits.prebuilt import keep_prebuilt
from android_harness.kits.runner_sources import RUNNER
from android_harness.options import Ndk
from collab.cli import keeping, make_app, print_json, run_app
from collab.command_line.progress import work_bar
from collab.console import say
from collab.errors import ConfigError
from collab.options import EXPERT, AsJson, flag, option
from collab.system.portable import is_linux


def _checked_abi(abi: str | None) -> str | None:
    """Returns the ABI to build for; None for this machine's own.

    Raises:
        ConfigError: the runner cannot be built for this ABI.
    """
    host = f"linux-{platform.machine()}"
    if abi is None or abi == host:
        return None
    if abi != CROSS_ABI and abi not in ANDROID_ABIS:
        raise ConfigError(f"--abi {abi}: one of {', '.join(sorted({host, CROSS_ABI}))} (Linux), {', '.join(ANDROID_ABIS)} (Android)")
    return abi


def main(
    abi: Annotated[
        str | None,
        option(
            value="ABI",
            complete=(CROSS_ABI, *ANDROID_ABIS),
            help="linux-aarch64 (with a cross compiler), arm64-v8a or x86_64 (with an NDK). Default: this machine.",
        ),
    ] = None,
    ndk: Ndk = None,
    json: AsJson = False,
    sanitizer: Annotated[
        str, option(value="NAME", complete=SANITIZERS, panel=EXPERT, help="none, address or thread; for this machine.")
    ] = "none",
    tests: Annotated[bool, flag("--tests", panel=EXPERT, help="Also compile the runner's own tests.")] = False,
    glibc: Annotated[
        str,
        option(
            value="VERSION", panel=EXPERT, help="For Linux: the oldest glibc that the runner must run with, e.g. 2.28; compiled by zig."
        ),
    ] = "",
    prebuilt: Annotated[bool, flag("--prebuilt", panel=EXPERT, help="Also put the runner into the package, as releases do.")] = False,
) -> None:
    """Compile the native runner.

    The runner is the program that measures: for this machine, or for a device of another kind.
    """
    target = _checked_abi(abi)
    if sanitizer not in SANITIZERS:
        raise ConfigError(f"--sanitizer {sanitizer}: one of {', '.join(SANITIZERS)}")
    if sanitizer != "none" and target is not None:
        raise ConfigError(f"--sanitizer {sanitizer} is for this machine; leave out --abi {abi}")
    if ndk is not None and target not in ANDROID_ABIS:
        raise ConfigError(f"--ndk is for Android; add --abi {ANDROID_ABIS[0]}")
    if glibc and (target in ANDROID_ABIS or sanitizer != "none"):
        raise ConfigError("--glibc is for Linux, without a sanitizer; leave one of them out")
    if glibc and not re.fullmatch(r"2\.\d{1,2}", glibc, re.ASCII):
        raise ConfigError(f"--glibc {glibc}: a version such as 2.28")
    if prebuilt and sanitizer != "none":
        raise ConfigError(f"--sanitizer {sanitizer} is for tests; leave out --prebuilt")
    if target is None and not is_linux():
        raise ConfigError(f"the runner runs on Linux and Android only; name what to build it for: --abi {ANDROID_ABIS[0]}")
    with keeping("What was compiled is kept; the same command goes on."), work_bar("Compiling the runner", "steps", quiet=json) as show:
        if target == CROSS_ABI and not glibc and not prebuilt:
            kit = build_cross_kit(tests=tests, on_progress=show)
            made = {"runner": str(kit / RUNNER), "kit": str(kit)}
        else:
            runner = build_runner(abi=target, ndk=ndk, sanitizer=sanitizer, glibc=glibc, tests=tests, on_progress=show)
            made = {"runner": str(runner)}
    if prebuilt:
        made["prebuilt"] = str(keep_prebuilt(Path(made["runner"]), target or f"linux-{platform.machine()}"))
    if json:
        print_json(made)
    else:
        say("\n".join(f"{name.capitalize()}: {path}" for name, path in made.items()))


app = make_app(
    main,
    examples=(
        "syncnas build",
        "syncnas build --abi arm64-v8a --ndk ~/android-ndk",
    ),
)

if __name__ == "__main__":
    run_app(app)
