"""Checks `kits.check_runner`: it accepts programs that Android can load, refuses others, and finds every function that the runner calls."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_harness.kits.check_runner import api_names, app, require_android
from collab.errors import DeviceError
from tests.android_harness.cross import program
from tests.android_harness.kits.android_programs import LINKED, android_program

GLIBC_NAMES = {"__errno_location": "__errno"}
"""glibc's names, in compiled code, of what Android's C library names otherwise."""
COMPILER_NAMES = re.compile(r"_Z.*|__cxa_.*|_Unwind_.*|__gxx_personality_v0|__dynamic_cast|__dso_handle|_GLOBAL_OFFSET_TABLE_")
"""Names of the C++ runtime and of the linker, which the NDK puts into the program itself."""
HEADER_NAMES = {"__libc_single_threaded"}
"""Names that only the headers of GCC's C++ library use."""


def android_name(name: str) -> str:
    """Returns the name in Android's C library of what code compiled against glibc asks for by this name."""
    plain = re.sub(r"^__isoc\d+_", "", name)
    fortified = re.fullmatch(r"__(\w+)_chk", plain)
    return GLIBC_NAMES.get(name, fortified[1] if fortified and plain not in api_names() else plain)


def test_a_program_for_android_passes_and_the_command_says_so(tmp_path: Path) -> None:
    made = android_program(tmp_path)
    require_android(made, android_abi="arm64-v8a")
    result = CliRunner().invoke(app, [str(made), "--abi", "arm64-v8a", "--json"])
    said = {"runner": str(made), "machine": "aarch64", "alignment_bytes": 16384, "needed": ["libc.so"]}
    assert json.loads(result.stdout) == {"schema_version": 1, **said}
    assert "can load it (aligned to 16384 bytes)" in CliRunner().invoke(app, [str(made)]).stdout


@pytest.mark.parametrize(
    ("changed", "abi", "reason"),
    [
        ({}, "x86_64", "it is made for aarch64, not for x86_64"),
        ({"options": (*LINKED[:3], "-Wl,--dynamic-linker=/lib/ld-linux-aarch64.so.1")}, None, "its loader is /lib/ld-linux-aarch64"),
        ({"options": (*LINKED[:4], "-Wl,-z,max-page-size=4096")}, None, "it is aligned to 4096 bytes, and pages may have 16384"),
        ({"library": "libstdc++.so.6"}, None, r"it needs libstdc\+\+\.so\.6, and may need libc\.so, libm\.so, libdl\.so only"),
        ({"calls": "pthread_setaffinity_np"}, None, "these libraries lack pthread_setaffinity_np"),
        ({"calls": "__isoc99_sscanf"}, None, "these libraries lack __isoc99_sscanf"),
    ],
    ids=["machine", "loader", "pages", "library", "function", "glibc"],
)
def test_what_android_cannot_load_is_said_with_the_reason(changed: dict[str, object], abi: str | None, reason: str, tmp_path: Path) -> None:
    made = android_program(tmp_path, **changed)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match=rf"cannot be loaded by Android \(API 29\): .*{reason}.*build it with an NDK"):
        require_android(made, android_abi=abi)


def test_this_machine_s_runner_is_not_one_for_android(runner: Path) -> None:
    with pytest.raises(DeviceError, match=r"libc\.so\.6.*these libraries lack .*"):
        require_android(runner)
    result = CliRunner().invoke(app, [str(runner), "--abi", "mips"])
    assert str(result.exception) == "--abi mips: one of arm64-v8a, x86_64"


def test_every_function_that_the_runner_s_own_code_needs_is_there_at_api_29(runner: Path) -> None:
    objects = [*runner.parent.rglob("runner_core.dir/**/*.o"), *runner.parent.rglob("syncnas_runner.dir/**/*.o")]
    assert len(objects) > 40
    listing = subprocess.run([program("nm"), "--undefined-only", *objects], capture_output=True, text=True, check=True).stdout
    needed = {line.split()[1] for line in listing.splitlines() if line.split()[:1] == ["U"]}
    functions = {name for name in needed if not COMPILER_NAMES.fullmatch(name)} - HEADER_NAMES
    assert {"dlopen", "sched_setaffinity", "clock_gettime"} <= functions, "it is the runner's code that is looked at"
    assert {android_name(name) for name in functions} <= api_names()


def test_names_of_glibc_are_read_as_android_s() -> None:
    assert [android_name(name) for name in ("__isoc99_sscanf", "__isoc23_strtol", "__errno_location", "__printf_chk", "mmap")] == [
        *("sscanf", "strtol", "__errno", "printf", "mmap")
    ]
    assert "pthread_setaffinity_np" not in api_names()
