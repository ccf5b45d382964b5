"""ELF files, read with pyelftools: machine, loader, alignment, needed libraries, and the symbols that come out of a file and go into it.

Files may come from untrusted archives, and pyelftools trusts the sizes in a file. So its reads are limited in total, names are read from
their tables here, and any of its errors on a damaged file becomes one error.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import Section, StringTableSection, SymbolTableSection

from collab.documents import read_bytes
from collab.errors import DeviceError

_MACHINES: Final = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
"""pyelftools' name of a machine to the one of ``uname -m``."""
_IDENTITY: Final = b"\x7fELF\x02\x01"
"""Magic number, 64 bits, little-endian: the only kind that the runner is made for."""
_MAX_FILE_BYTES: Final = 1 << 30
_MAX_READ_BYTES: Final = 1 << 25
"""Limit of all reads; LiteRT's libraries take a tenth of a megabyte. False sizes in headers could otherwise be read for hours."""
_MAX_SECTIONS: Final = 1 << 12
_MAX_SYMBOLS: Final = 1 << 18
_MAX_NEEDED: Final = 1 << 10
_MAX_SEGMENTS: Final = 1 << 8
"""These four limits are several times the counts of the largest libraries."""
_MAX_NAME_BYTES: Final = 255
"""Limit of a name; longer ones are mangled C++ names. Without it, a forged file of some megabytes could ask for gigabytes of names."""


@dataclass(frozen=True)
class ElfFile:
    """Program or shared library.

    `machine` is the name that ``uname -m`` prints, or ``machine N`` for one that the runner is not made for. `loader` is the path of a
    program's loader, empty for a library. `alignment_bytes` is the smallest alignment of a segment that is loaded, 0 where none is:
    systems with larger pages cannot load the file. `needed` are the names of the libraries that the loader has to find, in the file's
    order; `exports` the names of dynamic symbols that the file itself defines, `imports` of those that others have to define (weak ones,
    which may be missing, are not among them); both of up to 255 bytes.
    """

    machine: str
    loader: str
    alignment_bytes: int
    needed: tuple[str, ...]
    exports: frozenset[str]
    imports: frozenset[str]


def read_elf(path: Path) -> ElfFile:
    """Reads headers and dynamic tables of a file.

    Raises:
        DeviceError: the file cannot be read, is no 64-bit little-endian ELF file, or a damaged one.
    """
    content = read_bytes(path, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice="was the right file given?")
    if not content.startswith(_IDENTITY):
        raise DeviceError(f"{path} is not a 64-bit program or library for Linux or Android; was the right file given?")
    try:
        elf = ELFFile(_BoundedReader(content))
        if elf.num_sections() > _MAX_SECTIONS:
            raise ValueError(f"it has more than {_MAX_SECTIONS} sections")
        sections = list(elf.iter_sections())
        machine = elf["e_machine"]
        segments = _segments(elf)
        exports, imports = _symbols(content, sections)
        return ElfFile(
            machine=_MACHINES.get(machine, f"machine {machine}"),
            loader=_loader(content, segments),
            alignment_bytes=min((segment["p_align"] for segment in segments if segment["p_type"] == "PT_LOAD"), default=0),
            needed=tuple(_needed(content, sections)),
            exports=exports,
            imports=imports,
        )
    # pyelftools trusts the file, so it fails in many ways: a missing key, a division by an entry size of 0, an offset out of range.
    except Exception as error:  # noqa: BLE001
        raise DeviceError(f"{path} is damaged ({type(error).__name__}: {error}); get it again") from None


def glibc_needed(path: Path) -> tuple[int, ...]:
    """Reads which glibc a program or library needs at least, as in ``(2, 28)``; empty where it needs none.

    Raises:
        DeviceError: the file cannot be read, or is damaged.
    """
    content = read_bytes(path, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice="was the right file given?")
    try:
        elf = ELFFile(_BoundedReader(content))
        tables = [section for section in elf.iter_sections() if isinstance(section, GNUVerNeedSection)]
        names = [version.name for table in tables for _, versions in table.iter_versions() for version in versions]
    except Exception as error:  # noqa: BLE001
        raise DeviceError(f"{path} is damaged ({type(error).__name__}: {error}); get it again") from None
    found = [re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", name) for name in names]
    return max(((int(match[1]), int(match[2])) for match in found if match), default=())


class _BoundedReader(io.BytesIO):
    """Content of a file with a limit on the bytes that are read in total, repeated reads included."""

    _left = _MAX_READ_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads the next bytes.

        Raises:
            ValueError: more was read in total than any sound file needs.
        """
        found = super().read(size)
        self._left -= len(found)
        if self._left < 0:
            raise ValueError("its headers ask for too much")
        return found


def _needed(content: bytes, sections: list[Section]) -> Iterator[str]:
    """Yields the names of the libraries that the file needs (DT_NEEDED), in the file's order."""
    table = next((section for section in sections if isinstance(section, DynamicSection)), None)
    if table is None:
        return
    strings = _strings(content, sections, table)
    for number in range(_entries(table, most=_MAX_NEEDED)):
        entry = _entry(table, table.elfstructs.Elf_Dyn, number)
        if entry["d_tag"] == "DT_NULL":
            return
        if entry["d_tag"] == "DT_NEEDED":
            name = _name(strings, entry["d_val"])
            if name is None:
                raise ValueError("the name of a library that it needs has no end")
            yield name


def _symbols(content: bytes, sections: list[Section]) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the names of the dynamic symbols that the file defines and that are not local, and of those that it must be given."""
    table = next((section for section in sections if section["sh_type"] == "SHT_DYNSYM"), None)
    if not isinstance(table, SymbolTableSection):
        return frozenset(), frozenset()
    strings = _strings(content, sections, table)
    exports: set[str] = set()
    imports: set[str] = set()
    for number in range(_entries(table, most=_MAX_SYMBOLS)):
        symbol = _entry(table, table.structs.Elf_Sym, number)
        bind = symbol["st_info"]["bind"]
        undefined = symbol["st_shndx"] == "SHN_UNDEF"
        if bind == "STB_LOCAL" or (undefined and bind == "STB_WEAK"):
            continue
        name = _name(strings, symbol["st_name"])
        if name is not None:
            (imports if undefined else exports).add(name)
    return frozenset(exports), frozenset(imports)


def _segments(elf: ELFFile) -> list[Any]:
    """Returns the headers of the program's segments.

    Raises:
        ValueError: there are more than `_MAX_SEGMENTS`.
    """
    if elf.num_segments() > _MAX_SEGMENTS:
        raise ValueError(f"it has more than {_MAX_SEGMENTS} segments")
    return [segment.header for segment in elf.iter_segments()]


def _loader(content: bytes, segments: list[Any]) -> str:
    """Returns the path of the loader that a program asks for; empty for a library."""
    header = next((segment for segment in segments if segment["p_type"] == "PT_INTERP"), None)
    if header is None:
        return ""
    begin = header["p_offset"]
    path = content[begin : begin + min(header["p_filesz"], _MAX_NAME_BYTES)]
    return path.partition(b"\0")[0].decode("utf-8")


def _entries(table: Section, *, most: int) -> int:
    """Returns the number of entries of a table.

    Raises:
        ValueError: it is more than `most`.
    """
    count: int = table["sh_size"] // table["sh_entsize"]
    if count > most:
        raise ValueError(f"{table['sh_type']} has {count} entries, more than {most}")
    return count


def _entry(table: Section, form: Any, number: int) -> Any:
    """Reads an entry of a table in one of pyelftools' forms, which raises its own error at the end of the file."""
    table.stream.seek(table["sh_offset"] + number * table["sh_entsize"])
    return form.parse_stream(table.stream)


def _strings(content: bytes, sections: list[Section], table: Section) -> bytes:
    """Returns the table of names that the entries of a table point into."""
    strings = sections[table["sh_link"]]
    if not isinstance(strings, StringTableSection):
        raise TypeError("a table has no names")
    begin, end = strings["sh_offset"], strings["sh_offset"] + strings["sh_size"]
    if end > len(content):
        raise ValueError(f"it ends before offset {end}")
    return content[begin:end]


def _name(strings: bytes, offset: int) -> str | None:
    """Returns the name at an offset of a table of names; None if it is longer than `_MAX_NAME_BYTES`."""
    if offset > len(strings):
        raise ValueError(f"a name lies at {offset}, beyond the end of its table")
    end = strings.find(b"\0", offset, offset + _MAX_NAME_BYTES + 1)
    return None if end < 0 else strings[offset:end].decode("utf-8")
