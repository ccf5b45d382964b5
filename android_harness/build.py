"""``python -m android_harness.build``: compile the native runner, for this machine or for a device of another kind."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Annotated, Final

import typer

from android_harness import ndk as ndks
from android_harness.linux_kit import assemble
from android_harness.toolchain import cache_entry
from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.errors import DeviceError

SOURCE: Final = Path(__file__).parent / "runner"
BUILDS: Final = SOURCE / "build"
RUNNER: Final = "syncnas_runner"
SANITIZERS: Final = ("none", "address", "thread")
CROSS_ABI: Final = "linux-aarch64"
ANDROID_ABIS: Final = tuple(ndks.MACHINES)

_CROSS_COMPILER: Final = "aarch64-linux-gnu-g++"
_CROSS_TOOLCHAIN: Final = SOURCE / "cmake" / "linux-aarch64.cmake"


def build_folder(*, abi: str | None = None, sanitizer: str = "none") -> Path:
    """Where the runner is built, beside the sources: one folder per ABI (None: this machine) and sanitizer."""
    name = "host" if abi is None else f"android-{abi}" if abi in ANDROID_ABIS else abi
    return BUILDS / (name if sanitizer == "none" else f"{name}-{sanitizer}")


def build_command(abi: str | None = None) -> str:
    """The command that builds the runner for an ABI (None: this machine), for messages."""
    options = "" if abi is None else f" --abi {abi} --ndk PATH" if abi in ANDROID_ABIS else f" --abi {abi}"
    return f"python -m android_harness.build{options}"


def host_runner() -> Path:
    """The runner for this machine.

    Raises:
        DeviceError: it was not built yet.
    """
    runner = build_folder() / RUNNER
    if not runner.is_file():
        raise DeviceError(f"the runner is not built yet; build it with: {build_command()}")
    return runner


def build_runner(*, abi: str | None = None, ndk: Path | None = None, sanitizer: str = "none", tests: bool = False) -> Path:
    """Configures and compiles the runner; gives the path of the program.

    `abi` is None for this machine, `CROSS_ABI`, or one of `ANDROID_ABIS`; `ndk` as in `find_ndk`. `tests` compiles ``runner_tests``
    beside it. Sanitizers are for this machine.

    Raises:
        DeviceError: cmake, ninja or a compiler is missing, or the build fails; carries the compiler's words.
    """
    folder = build_folder(abi=abi, sanitizer=sanitizer)
    cmake, ninja = _tool("cmake"), _tool("ninja")
    target = _target_arguments(abi, ndk)
    _forget_other_toolchain(folder, target)
    configure = [
        cmake,
        "-S",
        str(SOURCE),
        "-B",
        str(folder),
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={ninja}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        f"-DSYNCNAS_SANITIZE={'' if sanitizer == 'none' else sanitizer}",
        *target,
    ]
    _run(configure, "configuring the runner")
    targets = [RUNNER, "runner_tests"] if tests else [RUNNER]
    _run([cmake, "--build", str(folder), "--target", *targets], "compiling the runner")
    return folder / RUNNER


def build_cross_kit(*, tests: bool = False) -> Path:
    """Compiles the runner for Linux on aarch64 and makes the folder of its kit, whose path it gives.

    Raises:
        DeviceError: as `build_runner`, and where LiteRT's wheel for aarch64 cannot be had.
    """
    return assemble(build_runner(abi=CROSS_ABI, tests=tests), ndks.MACHINES["arm64-v8a"])


def _target_arguments(abi: str | None, ndk: Path | None) -> tuple[str, ...]:
    """What CMake is told beyond a build for this machine."""
    if abi is None:
        return ()
    if abi in ANDROID_ABIS:
        return ndks.cmake_arguments(ndks.find_ndk(ndk), abi)
    if shutil.which(_CROSS_COMPILER) is None:
        raise DeviceError(f"{_CROSS_COMPILER} is missing: apt-get install g++-aarch64-linux-gnu")
    # The C++ runtime travels in the kit. Linked in, GCC 12's would ask for glibc 2.36; so the runner runs wherever LiteRT does.
    return (f"-DCMAKE_TOOLCHAIN_FILE={_CROSS_TOOLCHAIN}", "-DSYNCNAS_STATIC_RUNTIME=OFF")


def _forget_other_toolchain(folder: Path, target: tuple[str, ...]) -> None:
    """Removes a build folder that was configured with another toolchain file: CMake would go on with the old compiler."""
    before = cache_entry(folder, "CMAKE_TOOLCHAIN_FILE")
    if before is not None and f"-DCMAKE_TOOLCHAIN_FILE={before}" not in target:
        shutil.rmtree(folder)


def _tool(name: str) -> str:
    """cmake and ninja come with the base install; those of this environment are taken before the system's."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise DeviceError(f"{name} is missing: pip install {name}")
    return found


def _run(command: list[str], doing: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-30:])
        raise DeviceError(f"{doing} failed; is there a C++17 compiler (g++ or clang++)?\n{tail}")


def _checked_abi(abi: str | None) -> str | None:
    """The ABI to build for; None where it is this machine's own."""
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
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile the native runner."""
    target = _checked_abi(abi)
    if sanitizer not in SANITIZERS:
        raise DeviceError(f"--sanitizer {sanitizer}: one of {', '.join(SANITIZERS)}")
    if sanitizer != "none" and target is not None:
        raise DeviceError(f"--sanitizer {sanitizer} is for this machine; leave out --abi {abi}")
    if ndk is not None and target not in ANDROID_ABIS:
        raise DeviceError(f"--ndk is for Android; add --abi {ANDROID_ABIS[0]}")
    if target == CROSS_ABI:
        kit = build_cross_kit(tests=tests)
        made = {"runner": str(kit / RUNNER), "kit": str(kit)}
    else:
        made = {"runner": str(build_runner(abi=target, ndk=ndk, sanitizer=sanitizer, tests=tests))}
    if json:
        print_json(made)
    else:
        say("\n".join(f"{name.capitalize()}: {path}" for name, path in made.items()))


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
