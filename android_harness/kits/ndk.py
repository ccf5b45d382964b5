"""Android's NDK: its folder, and the arguments with which CMake compiles with it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from collab.errors import DeviceError

MACHINES: Final = {"arm64-v8a": "aarch64", "x86_64": "x86_64"}
"""Android's name of an ABI to the machine's name as ``uname -m`` prints it; LiteRT exists for no other ABIs."""

ABIS: Final = {machine: abi for abi, machine in MACHINES.items()}
"""The machine's name to Android's name of its ABI."""

API_LEVEL: Final = 29
"""API level of Android 10, the oldest version that the runner supports."""

PAGE_BYTES: Final = 16 << 10
"""Largest memory page of Android, since version 15: what is loaded has to be aligned to it."""

_VARIABLES: Final = ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT")
_TOOLCHAIN: Final = Path("build/cmake/android.toolchain.cmake")


def find_ndk(given: Path | None) -> Path:
    """Returns the given NDK, else that of ANDROID_NDK_HOME or ANDROID_NDK_ROOT, else the newest under ANDROID_HOME/ndk.

    Raises:
        DeviceError: the first of these that is set is no NDK, or none is set.
    """
    if given is not None:
        return _checked(given, "--ndk")
    for variable in _VARIABLES:
        if value := os.environ.get(variable):
            return _checked(Path(value), variable)
    if home := os.environ.get("ANDROID_HOME"):
        installed = [folder for folder in (Path(home) / "ndk").glob("*") if (folder / _TOOLCHAIN).is_file()]
        if installed:
            return max(installed, key=lambda folder: [int(number) for number in re.findall(r"\d+", folder.name)]).resolve()
    raise DeviceError(
        f"no NDK was found; install one (sdkmanager --install 'ndk;27.2.12479018') and name it with --ndk PATH or {_VARIABLES[0]}"
    )


def cmake_arguments(ndk: Path, android_abi: str) -> tuple[str, ...]:
    """Returns definitions for CMake: the C++ runtime is linked statically, and segments are aligned to `PAGE_BYTES`.

    NDKs before r27 do not know the switch for flexible pages, so the linker is told the size as well.
    """
    return (
        f"-DCMAKE_TOOLCHAIN_FILE={ndk / _TOOLCHAIN}",
        f"-DANDROID_ABI={android_abi}",
        f"-DANDROID_PLATFORM=android-{API_LEVEL}",
        "-DANDROID_STL=c++_static",
        "-DANDROID_SUPPORT_FLEXIBLE_PAGE_SIZES=ON",
        f"-DSYNCNAS_PAGE_BYTES={PAGE_BYTES}",
    )


def _checked(folder: Path, said_by: str) -> Path:
    """Returns the absolute path of an NDK; `said_by` names the option or variable that it comes from.

    Raises:
        DeviceError: the folder is no NDK.
    """
    if not (folder / _TOOLCHAIN).is_file():
        raise DeviceError(
            f"{said_by} {folder} is no NDK: it has no {_TOOLCHAIN}; name the folder that holds the NDK's build/ and toolchains/"
        )
    return folder.resolve()
