"""The ELF reader against binutils, and against damaged files."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.kits.elf import read_elf
from android_harness.kits.kit import GLIBC_LOADERS
from android_harness.kits.runtime import litert_libraries
from collab.errors import DeviceError
from tests.android_harness.cross import program, shared_library


def binutils_exports(path: Path) -> set[str]:
    listing = subprocess.run([program("nm"), "-D", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].partition("@")[0] for line in listing.splitlines()}


def binutils_needed(path: Path) -> list[str]:
    listing = subprocess.run([program("objdump"), "-p", path], capture_output=True, text=True, check=True).stdout
    return [line.split()[1] for line in listing.splitlines() if line.split()[:1] == ["NEEDED"]]


def binutils_imports(path: Path) -> set[str]:
    listing = subprocess.run([program("nm"), "-D", "--undefined-only", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[1].partition("@")[0] for line in listing.splitlines() if line.split()[0] == "U"}


def binutils_alignment(path: Path) -> int:
    listing = subprocess.run([program("readelf"), "-lW", path], capture_output=True, text=True, check=True).stdout
    return min(int(line.split()[-1], 16) for line in listing.splitlines() if line.split()[:1] == ["LOAD"])


@pytest.mark.parametrize("name", sorted(litert_libraries()))
def test_litert_s_own_libraries_are_read_as_binutils_read_them(name: str) -> None:
    path = litert_libraries()[name]
    read = read_elf(path)
    assert read.machine in ("x86_64", "aarch64")
    assert list(read.needed) == binutils_needed(path)
    assert without_versions(read.exports) == {name for name in without_versions(binutils_exports(path)) if len(name) <= 255}
    assert read.imports == binutils_imports(path)
    assert read.alignment_bytes == binutils_alignment(path)
    assert read.loader == ""


def without_versions(names: Iterable[str]) -> set[str]:
    """Returns the names without those of the versions themselves, which listings show in different ways."""
    return {name for name in names if not name.startswith("VERS_")}


def test_a_program_is_read_too(runner: Path) -> None:
    read = read_elf(runner)
    assert list(read.needed) == binutils_needed(runner)
    assert read.imports == binutils_imports(runner)
    assert read.alignment_bytes == binutils_alignment(runner)
    assert read.loader == GLIBC_LOADERS[platform.machine()]


@pytest.fixture(scope="module", name="small")
def small_library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return shared_library(tmp_path_factory.mktemp("elf") / "libsmall.so", "aarch64", "One", "Two").read_bytes()


def test_only_what_the_file_itself_defines_is_exported(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libsmall.so"
    path.write_bytes(small)
    read = read_elf(path)
    assert read.machine == "aarch64"
    assert {"One", "Two"} <= read.exports
    assert not {"SomebodyElses", "Hidden"} & read.exports
    assert "SomebodyElses" in read.imports


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(100), b"\x7fELF\x01\x01" + bytes(100)])
def test_files_of_another_kind_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libother.so"
    path.write_bytes(content)
    with pytest.raises(DeviceError, match=r"libother\.so is not a 64-bit"):
        read_elf(path)


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_a_crash(
    small: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(small)
    tables = st.one_of(st.integers(6, 63), st.integers(len(content) - 2000, len(content) - 1), st.integers(6, len(content) - 1))
    for offset in data.draw(st.lists(tables, min_size=1, max_size=6)):
        content[offset] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "libsmall.so"
    path.write_bytes(content[: data.draw(st.one_of(st.just(len(content)), st.integers(6, len(content))))])
    try:
        read_elf(path)
    except DeviceError as error:
        assert "libsmall.so" in str(error)


def test_headers_that_lie_do_not_take_forever(small: bytes, tmp_path: Path) -> None:
    """Tests entries without a size, more sections than any sound file has, and a table of names without an end."""
    path = tmp_path / "libsmall.so"
    for at, value, size in ((58, 0, 2), (60, 0xFFFF, 2), (60, 0, 2)):
        content = bytearray(small)
        content[at : at + size] = value.to_bytes(size, "little")
        path.write_bytes(content)
        with contextlib.suppress(DeviceError):
            read_elf(path)
    path.write_bytes(small.replace(b"\0", b"\1")[:64] + small[64:] + b"\1" * (1 << 26))
    with pytest.raises(DeviceError, match=r"libsmall\.so is"):
        read_elf(path)
