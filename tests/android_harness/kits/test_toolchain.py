"""Toolchains of build folders: what CMake's cache says, and the libraries that a real compiler finds."""

from __future__ import annotations

import platform
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits.elf import read_elf
from android_harness.kits.toolchain import LOADERS, cache_entry, runtime_libraries
from collab.errors import DeviceError
from tests.android_harness.cross import COMPILERS, program

NAMES = st.text(string.ascii_uppercase + "_", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=30)


def write_cache(build: Path, entries: dict[str, str]) -> Path:
    """Writes CMake's cache into a build folder; returns the folder."""
    build.mkdir(exist_ok=True)
    lines = [
        "# This is the CMakeCache file.",
        "//Help with = and : in it",
        *(f"{name}:FILEPATH={value}" for name, value in entries.items()),
    ]
    (build / "CMakeCache.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return build


@given(entries=st.dictionaries(NAMES, VALUES, max_size=5), absent=NAMES)
def test_every_entry_of_a_cache_is_found_by_its_whole_name(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str], absent: str
) -> None:
    build = write_cache(tmp_path_factory.mktemp("build"), entries)
    assert {name: cache_entry(build, name) for name in entries} == entries
    assert cache_entry(build, absent) == entries.get(absent)


def test_a_folder_that_was_not_configured_has_no_entries(tmp_path: Path) -> None:
    assert cache_entry(tmp_path, "SYNCNAS_COMPILER") is None
    assert cache_entry(tmp_path / "nowhere", "SYNCNAS_COMPILER") is None


def test_a_value_longer_than_any_path_counts_as_missing(tmp_path: Path) -> None:
    build = write_cache(tmp_path / "build", {"SHORT": "x" * 1024, "LONG": "x" * 1025})
    assert cache_entry(build, "SHORT") == "x" * 1024
    assert cache_entry(build, "LONG") is None


def hello(path: Path, machine: str) -> Path:
    """Compiles a program that needs the libraries of C and C++; returns its path."""
    source = path.with_suffix(".cc")
    source.write_text('#include <iostream>\nint main() { std::cout << "hello\\n"; }\n')
    subprocess.run([program(COMPILERS[machine]), "-o", path, source], check=True)
    return path


@pytest.mark.parametrize("machine", sorted(COMPILERS))
def test_what_the_compiler_finds_needs_nothing_else(machine: str, tmp_path: Path) -> None:
    if machine == "x86_64" and platform.machine() != machine:
        pytest.skip("g++ compiles for this machine")
    build = write_cache(tmp_path / "build", {"SYNCNAS_COMPILER": program(COMPILERS[machine])})
    made = hello(tmp_path / "hello", machine)
    found = runtime_libraries([made], build=build)
    assert {LOADERS[machine], "libc.so.6", "libstdc++.so.6"} <= set(found)
    assert {read_elf(path).machine for path in found.values()} == {machine}
    assert {needed for path in (made, *found.values()) for needed in read_elf(path).needed} <= set(found)
    assert all(path.is_absolute() and path.is_file() for path in found.values())
    rest = runtime_libraries([made, found["libstdc++.so.6"].with_name("libstdc++.so.6")], build=build)
    assert set(rest) == set(found) - {"libstdc++.so.6"}, "what is given is not looked for"


def test_a_build_folder_without_a_compiler_is_to_be_built_again(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"tells no compiler; build the runner again: syncnas build"):
        runtime_libraries([Path("/bin/true")], build=tmp_path)


@pytest.mark.parametrize(("text", "reason"), [(None, "No such file"), ("exit 3", "exit status 3")])
def test_a_compiler_that_does_not_answer_is_named(text: str | None, reason: str, tmp_path: Path) -> None:
    compiler = tmp_path / "g++"
    if text is not None:
        compiler.write_text(f"#!/bin/sh\n{text}\n")
        compiler.chmod(0o755)
    build = write_cache(tmp_path / "build", {"SYNCNAS_COMPILER": str(compiler)})
    with pytest.raises(DeviceError, match=rf"the compiler .*g\+\+, .*cannot be asked for .*{reason}"):
        runtime_libraries([Path("/bin/true")], build=build)


def test_a_toolchain_that_lacks_a_library_is_to_be_completed(tmp_path: Path) -> None:
    compiler = tmp_path / "g++"
    compiler.write_text('#!/bin/sh\necho "${1#-print-file-name=}"\n')
    compiler.chmod(0o755)
    build = write_cache(tmp_path / "build", {"SYNCNAS_COMPILER": str(compiler)})
    with pytest.raises(DeviceError, match=r"the toolchain of .*g\+\+ has no .*; install its runtime libraries"):
        runtime_libraries([Path("/bin/true")], build=build)
