"""What an ELF file says of itself: its machine, the libraries that it needs and the symbols that it exports.

Files may come from archives of others, so nothing in them is believed: every offset and size is held against the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collab.documents import read_bytes
from collab.errors import DeviceError

MACHINES: Final = {62: "x86_64", 183: "aarch64"}
"""ELF's number of a machine to its name as ``uname -m`` says it."""

_IDENTITY: Final = b"\x7fELF\x02\x01"
"""Magic number, 64 bits, little-endian: the only kind that the runner is made for."""
_HEADER: Final = struct.Struct("<16xHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_DYNAMIC: Final = struct.Struct("<qQ")
_SECTION_STRINGS, _SECTION_DYNAMIC, _SECTION_SYMBOLS = 3, 6, 11
_TAG_END, _TAG_NEEDED = 0, 1
_UNDEFINED: Final = 0
_LOCAL: Final = 0
_MAX_FILE_BYTES: Final = 1 << 30
_MAX_SYMBOLS: Final = 1 << 18
_MAX_NEEDED: Final = 1 << 10
"""Several times what the largest libraries have."""
_MAX_NAME_BYTES: Final = 255
"""Longer ones are mangled C++ names. Without a limit, a made-up file of some megabytes could ask for gigabytes of names."""


@dataclass(frozen=True)
class ElfFile:
    """A program or a shared library.

    `machine` is as ``uname -m`` says it, or ``machine N`` for one that is not in `MACHINES`. `needed` are the names of the
    libraries that the loader has to find, in the file's order; `exports` the names of dynamic symbols that the file itself defines,
    of up to 255 bytes.
    """

    machine: str
    needed: tuple[str, ...]
    exports: frozenset[str]


@dataclass(frozen=True)
class _Section:
    kind: int
    offset: int
    size: int
    link: int


def read_elf(path: Path) -> ElfFile:
    """Reads headers and dynamic tables of a file.

    Raises:
        DeviceError: it cannot be read, is no 64-bit little-endian ELF file, or a damaged one.
    """
    content = read_bytes(path, limit_bytes=_MAX_FILE_BYTES, error=DeviceError, advice="was the right file given?")
    if not content.startswith(_IDENTITY):
        raise DeviceError(f"{path} is not a 64-bit program or library for Linux or Android; was the right file given?")
    try:
        machine, sections = _headers(content)
        needed = tuple(_needed(content, sections))
        exports = frozenset(_exports(content, sections))
    except (struct.error, ValueError) as error:
        raise DeviceError(f"{path} is damaged ({error}); get it again") from None
    return ElfFile(MACHINES.get(machine, f"machine {machine}"), needed, exports)


def _headers(content: bytes) -> tuple[int, list[_Section]]:
    _, machine, _, _, _, table, _, _, _, _, entry_bytes, count, _ = _HEADER.unpack_from(content)
    if count and entry_bytes != _SECTION.size:
        raise ValueError(f"its section headers have {entry_bytes} bytes each")
    sections = []
    for number in range(count):
        _, kind, _, _, offset, size, link, _, _, _ = _SECTION.unpack_from(content, _inside(content, table + number * entry_bytes))
        sections.append(_Section(kind, offset, size, link))
    return machine, sections


def _inside(content: bytes, offset: int) -> int:
    """The offset, which `struct` would take as one from the end, or as none at all, where it is out of range."""
    if offset > len(content):
        raise ValueError(f"it ends before offset {offset}")
    return offset


def _bytes_of(content: bytes, section: _Section) -> bytes:
    end = _inside(content, section.offset + section.size)
    return content[section.offset : end]


def _table(content: bytes, sections: list[_Section], kind: int) -> tuple[bytes, bytes]:
    """The first table of a kind (there is at most one) and the names that its entries point into; both empty where there is none."""
    table = next((section for section in sections if section.kind == kind), None)
    if table is None:
        return b"", b""
    if table.link >= len(sections) or sections[table.link].kind != _SECTION_STRINGS:
        raise ValueError("a table has no names")
    return _bytes_of(content, table), _bytes_of(content, sections[table.link])


def _name(strings: bytes, offset: int) -> str | None:
    """A name; None if it is longer than any that is asked for."""
    end = strings.find(b"\0", _inside(strings, offset), offset + _MAX_NAME_BYTES + 1)
    return None if end < 0 else strings[offset:end].decode("utf-8")


def _needed(content: bytes, sections: list[_Section]) -> Iterator[str]:
    table, strings = _table(content, sections, _SECTION_DYNAMIC)
    for number, (tag, value) in enumerate(_DYNAMIC.iter_unpack(table)):
        if number == _MAX_NEEDED:
            raise ValueError(f"its dynamic table has more than {_MAX_NEEDED} entries")
        if tag == _TAG_END:
            break
        if tag == _TAG_NEEDED:
            name = _name(strings, value)
            if name is None:
                raise ValueError("the name of a library that it needs has no end")
            yield name


def _exports(content: bytes, sections: list[_Section]) -> Iterator[str]:
    table, strings = _table(content, sections, _SECTION_SYMBOLS)
    if len(table) > _MAX_SYMBOLS * _SYMBOL.size:
        raise ValueError(f"it has more than {_MAX_SYMBOLS} symbols")
    for offset, info, _, defined_in, _, _ in _SYMBOL.iter_unpack(table):
        if defined_in != _UNDEFINED and info >> 4 != _LOCAL:
            name = _name(strings, offset)
            if name is not None:
                yield name
