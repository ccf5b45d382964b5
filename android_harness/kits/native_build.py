"""Builds of the native runner with CMake and Ninja, each in a folder of its own."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sysconfig
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from android_harness.kits import ndk as ndks
from android_harness.kits.check_runner import require_android
from android_harness.kits.linux_kit import assemble, has_wheel
from android_harness.kits.prebuilt import LINUX, prebuilt_runner
from android_harness.kits.runner_sources import RUNNER, SOURCE, builds_folder
from android_harness.kits.toolchain import cache_entry
from collab.errors import DeviceError
from collab.system.portable import is_linux
from collab.wording.commands import command_named
from collab.wording.options import option_named

SANITIZERS: Final = ("none", "address", "thread")
CROSS_ABI: Final = "linux-aarch64"
ANDROID_ABIS: Final = tuple(ndks.MACHINES)

Progress: TypeAlias = Callable[[int, int], None]
"""Function that gets the number of steps that are done, and of all."""

_STEP: Final = re.compile(r"\[(\d{1,6})/(\d{1,6})\] ")
_CROSS_COMPILER: Final = "aarch64-linux-gnu-g++"
_ZIG_TOOLCHAIN: Final = SOURCE / "cmake" / "zig.cmake"
_CROSS_TOOLCHAIN: Final = SOURCE / "cmake" / "linux-aarch64.cmake"


def build_folder(*, abi: str | None = None, sanitizer: str = "none", glibc: str = "") -> Path:
    """Returns the build folder for an ABI (None: this machine), a sanitizer, and a glibc if it is not the compiler's own."""
    name = "host" if abi is None else f"android-{abi}" if abi in ANDROID_ABIS else abi
    kind = f"glibc-{glibc}" if glibc else sanitizer
    return builds_folder() / (name if kind == "none" else f"{name}-{kind}")


def build_command(abi: str | None = None) -> str:
    """Returns the command that builds the runner for an ABI (None: this machine), for messages."""
    options = [] if abi is None else ["--abi", abi, "--ndk", "PATH"] if abi in ANDROID_ABIS else ["--abi", abi]
    return command_named("build", *options)


def require_linux_here() -> None:
    """Does nothing where this computer can be a device itself.

    Raises:
        DeviceError: it runs another system than Linux.
    """
    if not is_linux():
        raise DeviceError(
            f"this computer runs {platform.system() or 'an unknown system'}, and only Linux can be the device 'local';"
            f" measure a phone: {option_named('--device', 'SERIAL')} ({command_named('devices')} lists them)"
        )


def host_runner() -> Path:
    """Returns the path of the runner for this machine: the one that was built here, else the package's own.

    Raises:
        DeviceError: there is neither, or this machine cannot be a device.
    """
    require_linux_here()
    runner = build_folder() / RUNNER
    if runner.is_file():
        return runner
    brought = prebuilt_runner(f"{LINUX}{platform.machine()}")
    if brought is None:
        raise DeviceError(f"the runner is not built yet; build it with: {build_command()}")
    return brought


def android_runner(abi: str) -> Path | None:
    """Returns the runner for an ABI of Android: the one that an NDK built here, else the package's own; None where there is neither."""
    built = build_folder(abi=abi) / RUNNER
    return built if built.is_file() else prebuilt_runner(abi)


def build_runner(
    *,
    abi: str | None = None,
    ndk: Path | None = None,
    sanitizer: str = "none",
    glibc: str = "",
    tests: bool = False,
    on_progress: Progress = lambda *_: None,
) -> Path:
    """Configures and compiles the runner, and returns the path of the program.

    `abi` is None for this machine, `CROSS_ABI`, or one of `ANDROID_ABIS`; `ndk` as in `find_ndk`. `tests` compiles ``runner_tests``
    beside it. Sanitizers work for this machine only. With `glibc`, such as ``2.28``, zig compiles a runner for Linux that runs with every
    glibc from that one on. `on_progress` gets the number of steps that are done, and of all.

    Raises:
        DeviceError: cmake, ninja or a compiler is missing, or the build fails; the message holds the compiler's. Or Android could not load
            what came out, which is removed.
    """
    folder = build_folder(abi=abi, sanitizer=sanitizer, glibc=glibc)
    cmake, ninja = _tool("cmake"), _tool("ninja")
    target = _zig_arguments(abi, glibc) if glibc else _target_arguments(abi, ndk)
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
    _run([cmake, "--build", str(folder), "--target", *targets], "compiling the runner", on_progress)
    if abi in ANDROID_ABIS:
        _require_android(folder / RUNNER, abi)
    return folder / RUNNER


def _require_android(runner: Path, abi: str) -> None:
    """Removes a runner that Android could not load, so that it does not pass for one that it can.

    Raises:
        DeviceError: Android could not load it.
    """
    try:
        require_android(runner, android_abi=abi)
    except DeviceError:
        runner.unlink()
        raise


def build_cross_kit(*, tests: bool = False, on_progress: Progress = lambda *_: None) -> Path:
    """Compiles the runner for Linux on aarch64, makes the folder of its kit, and returns the folder.

    Raises:
        DeviceError: as for `build_runner`, or LiteRT's wheel for aarch64 cannot be downloaded.
    """
    return assemble(build_runner(abi=CROSS_ABI, tests=tests, on_progress=on_progress), ndks.MACHINES["arm64-v8a"])


def has_cross_compiler() -> bool:
    """Tells whether the compiler for `CROSS_ABI` is on this machine."""
    return shutil.which(_CROSS_COMPILER) is not None


def has_cross_wheel() -> bool:
    """Tells whether `build_cross_kit` has LiteRT's wheel already, and so downloads nothing."""
    return has_wheel(ndks.MACHINES["arm64-v8a"], build_folder(abi=CROSS_ABI))


def _target_arguments(abi: str | None, ndk: Path | None) -> tuple[str, ...]:
    """Returns the arguments of CMake that a build for another machine adds.

    Raises:
        DeviceError: the cross compiler or the NDK is missing.
    """
    if abi is None:
        return ()
    if abi in ANDROID_ABIS:
        return ndks.cmake_arguments(ndks.find_ndk(ndk), abi)
    if not has_cross_compiler():
        raise DeviceError(f"{_CROSS_COMPILER} is missing: apt-get install g++-aarch64-linux-gnu")
    # The kit holds the C++ runtime. GCC 12's, linked statically, would need glibc 2.36; so the runner runs wherever LiteRT does.
    return (f"-DCMAKE_TOOLCHAIN_FILE={_CROSS_TOOLCHAIN}", "-DSYNCNAS_STATIC_RUNTIME=OFF")


def _zig_arguments(abi: str | None, glibc: str) -> tuple[str, ...]:
    """Returns the arguments of CMake for zig, which compiles for a machine with this glibc.

    Raises:
        DeviceError: zig is missing.
    """
    found = importlib.util.find_spec("ziglang")
    zig = Path(found.origin).with_name("zig") if found is not None and found.origin else None
    if zig is None or not zig.is_file():
        raise DeviceError("a runner for another glibc is compiled by zig, which is missing: pip install ziglang")
    machine = platform.machine() if abi is None else abi.removeprefix(LINUX)
    values = {"ZIG": zig, "MACHINE": machine, "GLIBC": glibc, "STATIC_RUNTIME": "OFF"}
    return (f"-DCMAKE_TOOLCHAIN_FILE={_ZIG_TOOLCHAIN}", *(f"-DSYNCNAS_{name}={value}" for name, value in values.items()))


def _forget_other_toolchain(folder: Path, target: tuple[str, ...]) -> None:
    """Removes a build folder that was configured with another toolchain file, as CMake would keep the old compiler."""
    before = cache_entry(folder, "CMAKE_TOOLCHAIN_FILE")
    if before is not None and f"-DCMAKE_TOOLCHAIN_FILE={before}" not in target:
        shutil.rmtree(folder)


def _tool(name: str) -> str:
    """Returns the path of cmake or ninja; this environment's, which the base install brings, before the system's.

    Raises:
        DeviceError: the program is missing.
    """
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise DeviceError(f"{name} is missing: pip install {name}")
    return found


def _run(command: list[str], doing: str, on_progress: Progress = lambda *_: None) -> None:
    """Runs a command to its end; `on_progress` hears of the steps that it counts as ninja does: ``[3/57]``.

    Raises:
        DeviceError: it fails; the message holds its last lines.
    """
    last_lines: deque[str] = deque(maxlen=30)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last_lines.append(line.rstrip("\n"))
                step = _STEP.match(line)
                if step is not None:
                    on_progress(int(step[1]), int(step[2]))
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        tail = "\n".join(last_lines)
        raise DeviceError(f"{doing} failed; is there a C++17 compiler (g++ or clang++)?\n{tail}")
