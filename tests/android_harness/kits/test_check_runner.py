"""What a runner for Android may need: nothing that some Android from 10 on lacks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from android_harness.kits.check_runner import PAGE_BYTES, android_symbols, check_runner
from android_harness.kits.native_build import build_folder
from collab.errors import DeviceError
from tests.android_harness.cross import COMPILERS
from tests.phone.virtual.programs import program

_OF_GLIBC = {"__errno_location": "__errno", "__libc_single_threaded": None}
"""Names by which only glibc's headers call what the C library of Android calls otherwise, or does not have to have."""
_OF_CPP = re.compile(r"_Z|__cxa_|_Unwind_|__gxx_|__dso_handle|__dynamic_cast|_GLOBAL_OFFSET_TABLE_|__stack_chk_")
"""Names of the C++ runtime, which an NDK's build links in."""


def linked(folder: Path, source: str, *options: str) -> Path:
    """Links a program for aarch64 against a library of the name that Android's has."""
    compiler = program(COMPILERS["aarch64"])
    bare = ["-nostdlib", "-ffreestanding", "-fPIC", "-fno-stack-protector"]
    (folder / "c.cc").write_text('extern "C" { void free(void*) {} void no_such_function() {} }\n')
    subprocess.run([compiler, *bare, "-shared", "-Wl,-soname,libc.so", "-o", folder / "libc.so", folder / "c.cc"], check=True)
    (folder / "main.cc").write_text(source)
    path = folder / "program"
    subprocess.run([compiler, *bare, "-shared", *options, "-o", path, folder / "main.cc", folder / "libc.so"], check=True)
    return path


CALLS = 'extern "C" {{ void {name}({arguments}); void _start() {{ {name}({value}); }} }}\n'
FREES = CALLS.format(name="free", arguments="void*", value="nullptr")


def test_a_program_of_what_android_has_passes(tmp_path: Path) -> None:
    check_runner(linked(tmp_path, FREES, f"-Wl,-z,max-page-size={PAGE_BYTES}"))


def test_a_function_that_android_10_lacks_is_named(tmp_path: Path) -> None:
    source = CALLS.format(name="no_such_function", arguments="", value="")
    with pytest.raises(DeviceError, match="uses no_such_function, which Android 10 does not have"):
        check_runner(linked(tmp_path, source, f"-Wl,-z,max-page-size={PAGE_BYTES}"))


def test_segments_of_small_pages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="is aligned to 4096 bytes, and devices with pages of 16384 cannot load it"):
        check_runner(linked(tmp_path, FREES, "-Wl,-z,max-page-size=4096"))


def test_a_program_of_glibc_is_none_of_androids(runner: Path) -> None:
    with pytest.raises(DeviceError, match=r"needs .*libc\.so\.6.*, which Android lacks"):
        check_runner(runner)


def test_all_that_the_runner_calls_is_there_since_android_10(runner: Path) -> None:
    """Tests the objects that were built for this machine: an NDK is not at hand, and the C library's names are the same."""
    assert runner.is_file()
    build = build_folder()
    objects = [build / "librunner_core.a", *build.rglob("main.cc.o")]
    listed = subprocess.run([program("nm"), "--undefined-only", *objects], capture_output=True, text=True, check=True).stdout
    used = {line.split()[-1] for line in listed.splitlines() if re.match(r"\s+U ", line)}
    plain = {_OF_GLIBC.get(name, name) for name in used if not _OF_CPP.match(name)}
    assert {"pthread_create", "dlopen", "sched_setaffinity"} & plain, "the objects were read"
    assert plain - {None} - android_symbols() == set()
