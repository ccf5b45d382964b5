"""Compiled files for tests of builds and kits: the kit for aarch64, small shared libraries, AARs, and folders shaped like an NDK."""

from __future__ import annotations

import fcntl
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from android_harness.kits.native_build import build_cross_kit
from android_harness.kits.runner_sources import builds_folder
from tests.phone.virtual.programs import program

CROSS_COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64-static"
COMPILERS = {"x86_64": "g++", "aarch64": CROSS_COMPILER}


@contextmanager
def one_build_at_a_time() -> Iterator[None]:
    """Keeps test processes that run side by side from compiling in one build folder at once."""
    builds_folder().mkdir(parents=True, exist_ok=True)
    with (builds_folder() / "tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built_cross_kit(*, tests: bool = False) -> Path:
    """Builds the kit for aarch64, with the runner's own tests on request, and returns its folder; skips without the cross compiler."""
    program(CROSS_COMPILER)
    with one_build_at_a_time():
        return build_cross_kit(tests=tests)


def shared_library(path: Path, machine: str, *functions: str, page_bytes: int = 1 << 16) -> Path:
    """Compiles a shared library that exports these functions and uses one that it does not export; returns its path.

    It can be loaded on memory pages of up to `page_bytes`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".cc")
    bodies = "\n".join(f"void {name}() {{ SomebodyElses(); }}" for name in functions)
    source.write_text(f'extern "C" {{\nvoid SomebodyElses();\n__attribute__((visibility("hidden"))) void Hidden() {{}}\n{bodies}\n}}\n')
    subprocess.run([program(COMPILERS[machine]), "-shared", "-fPIC", f"-Wl,-z,max-page-size={page_bytes}", "-o", path, source], check=True)
    return path


def write_aar(path: Path, members: Mapping[str, Path | bytes]) -> Path:
    """Writes an AAR with these members and those that every AAR has; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AndroidManifest.xml", "<manifest/>")
        archive.writestr("classes.jar", b"PK")
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    return path


def write_ndk(folder: Path, toolchain: str) -> Path:
    """Writes a folder with a CMake toolchain file in the place of an NDK's; returns the folder."""
    file = folder / "build" / "cmake" / "android.toolchain.cmake"
    file.parent.mkdir(parents=True)
    file.write_text(toolchain)
    return folder


STAND_IN_NDK = f"""
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER {CROSS_COMPILER})
set(ANDROID TRUE)
if(ANDROID_ABI)
  file(WRITE "${{CMAKE_BINARY_DIR}}/asked.txt" "${{ANDROID_ABI}} ${{ANDROID_PLATFORM}} ${{ANDROID_STL}}")
endif()
"""
"""Toolchain file that records the arguments which a build gives an NDK, and compiles with Debian's cross compiler."""
