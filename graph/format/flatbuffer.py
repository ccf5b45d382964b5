"""Checked decoding of flatbuffers: every offset, vtable, vector and text is held against the file's bounds before it is followed."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from collab.errors import NetworkError
from graph.format.schema import SCALAR, TABLE, TABLES, TEXT, UNION, VECTOR, Field, fields_of, union_tables

_OFFSET: Final = struct.Struct("<I")
_SIGNED_OFFSET: Final = struct.Struct("<i")
_SHORT: Final = struct.Struct("<H")
_MOST_FILE_BYTES: Final = (1 << 31) - 1
"""Offsets of flatbuffers reach so far; constants may lie beyond."""


@dataclass(frozen=True)
class Span:
    """Bytes of the file that are kept by reference: where they begin, and their number."""

    offset: int
    size_bytes: int


@dataclass(frozen=True, eq=False)
class Record:
    """A table of the file, with all fields that the schema knows.

    Attributes:
        table: the table's name in the schema.
        values: scalars, also those that the file leaves out and that have their default; texts; records; tuples of records; vectors as
            numpy arrays that cannot be written; vectors of bytes as a `Span`. None where a field of another kind than a scalar is absent.
    """

    table: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def vector(self, name: str) -> tuple[Any, ...]:
        """Returns a vector's numbers, none where it is absent."""
        found = self.values[name]
        return () if found is None else tuple(found.tolist())

    def records(self, name: str) -> tuple[Record, ...]:
        """Returns a vector's tables, none where it is absent."""
        return self.values[name] or ()

    def replaced(self, **values: Any) -> Record:
        """Returns the table with other values in some fields."""
        return Record(self.table, MappingProxyType({**self.values, **values}))


def record(table: str, **values: Any) -> Record:
    """Makes a table of values; what is not given is absent, or has its default."""
    return Record(table, MappingProxyType({**_defaults(table), **values}))


def _defaults(table: str) -> dict[str, Any]:
    return {field.name: field.default if field.kind == SCALAR else None for field in fields_of(table)}


class Decoder:
    """Decodes tables of one file, within bounds of memory and time.

    Args:
        data: the file's bytes.
        origin: names the file in messages.

    Raises (all methods):
        NetworkError: the bytes are not what the format asks for.
    """

    def __init__(self, data: memoryview, *, origin: str) -> None:
        self._data = data
        self._end = min(len(data), _MOST_FILE_BYTES)
        self._origin = origin
        self._done: dict[tuple[int, str], Record] = {}
        # Tables may share parts, so a small file can describe a huge tree: what is decoded is bounded by the file's size.
        self._left_bytes = 8 * self._end + (1 << 16)

    def root(self, table: str, *, identifier: bytes) -> Record:
        """Decodes the file's root table."""
        if self._end < 8 or bytes(self._data[4:8]) != identifier:
            raise NetworkError(f"{self._origin} is no TFLite model: it does not begin as one; give the path of a .tflite file")
        return self._table(self._follow(0), table)

    def _refuse(self, what: str) -> NetworkError:
        return NetworkError(f"{self._origin} is damaged: {what}; get or export the file once more")

    def _require(self, position: int, size: int, alignment: int, what: str) -> None:
        if position < 0 or position + size > self._end:
            raise self._refuse(f"{what} lies beyond the file's end")
        if position % alignment:
            raise self._refuse(f"{what} does not lie at a multiple of {alignment} bytes")

    def _number(self, form: struct.Struct, position: int, what: str) -> int:
        self._require(position, form.size, form.size, what)
        return int(form.unpack_from(self._data, position)[0])

    def _follow(self, position: int) -> int:
        """Returns where an offset leads."""
        distance = self._number(_OFFSET, position, "an offset")
        if distance == 0:
            raise self._refuse("an offset leads nowhere")
        return position + distance

    def _spend(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise self._refuse("its tables share so many parts that it says more than it can hold")

    def _table(self, position: int, table: str) -> Record:
        known = self._done.get((position, table))
        if known is not None:
            # Its place in a vector takes memory once more.
            self._spend(4)
            return known
        slots, size = self._vtable(position, table)
        values = _defaults(table)
        fields = fields_of(table)
        self._spend(4 + size)
        for field in fields:
            at = slots[field.slot] if field.slot < len(slots) else 0
            if at:
                values[field.name] = self._value(position, at, size, field, table)
        for field in fields:
            if field.kind == UNION:
                values[field.name] = self._union(position, slots, size, field, values)
        known_slots = fields[-1].slot + 1 if fields else 0
        if any(slots[known_slots:]):
            raise NetworkError(
                f"{self._origin}: its {table} has fields that the installed runtime does not know; install a newer ai-edge-litert"
            )
        found = Record(table, MappingProxyType(values))
        self._done[position, table] = found
        return found

    def _vtable(self, position: int, table: str) -> tuple[tuple[int, ...], int]:
        """Returns the places of a table's fields within it, and the table's size."""
        what = f"a table of fields ({table})"
        start = position - self._number(_SIGNED_OFFSET, position, f"a table ({table})")
        length = self._number(_SHORT, start, what)
        size = self._number(_SHORT, start + 2, what)
        if length < 4 or length % 2 or size < 4:
            raise self._refuse(f"{what} has no possible size")
        self._require(start, length, 2, what)
        self._require(position, size, 4, f"a table ({table})")
        count = (length - 4) // 2
        self._spend(length)
        return struct.unpack_from(f"<{count}H", self._data, start + 4), size

    def _value(self, position: int, at: int, size: int, field: Field, table: str) -> Any:
        what = f"{field.name} of {table}"
        width = field.dtype.itemsize if field.kind == SCALAR and field.dtype is not None else 4
        if at < 4 or at + width > size:
            raise self._refuse(f"{what} lies outside its table")
        place = position + at
        if field.kind == SCALAR:
            assert field.dtype is not None, "scalars have a type"
            self._require(place, width, width, what)
            return np.frombuffer(self._data, field.dtype, 1, place)[0].item()
        if field.kind == UNION:
            return None
        target = self._follow(place)
        if field.kind == TABLE:
            return self._table(target, field.table)
        if field.kind == TABLES:
            return self._tables(target, field, what)
        if field.kind == TEXT:
            return self._text(target, what)
        assert field.kind == VECTOR
        return self._vector(target, field, what)

    def _tables(self, target: int, field: Field, what: str) -> tuple[Record, ...]:
        count = self._number(_OFFSET, target, what)
        self._require(target + 4, 4 * count, 4, what)
        self._spend(4 * count)
        return tuple(self._table(self._follow(target + 4 + 4 * index), field.table) for index in range(count))

    def _text(self, target: int, what: str) -> str:
        length = self._number(_OFFSET, target, what)
        self._require(target + 4, length + 1, 1, what)
        self._spend(length)
        if self._data[target + 4 + length]:
            raise self._refuse(f"{what} does not end where it should")
        try:
            return bytes(self._data[target + 4 : target + 4 + length]).decode("utf-8")
        except UnicodeDecodeError:
            raise self._refuse(f"{what} is no text") from None

    def _vector(self, target: int, field: Field, what: str) -> Any:
        assert field.dtype is not None, "vectors have a type"
        count = self._number(_OFFSET, target, what)
        start = target + 4
        self._require(start, count * field.dtype.itemsize, field.dtype.itemsize, what)
        if field.dtype.itemsize == 1:
            return Span(start, count)
        self._spend(count * field.dtype.itemsize)
        found = np.frombuffer(self._data, field.dtype, count, start)
        found.flags.writeable = False
        return found

    def _union(self, position: int, slots: tuple[int, ...], size: int, field: Field, values: Mapping[str, Any]) -> Record | None:
        tag = values[f"{field.name}Type"]
        at = slots[field.slot] if field.slot < len(slots) else 0
        if not tag:
            return None
        table = union_tables(field.table).get(tag)
        if table is None:
            raise self._refuse(f"{field.name} is of a kind ({tag}) that the format does not have")
        if not at:
            raise self._refuse(f"{field.name} is announced, and not there")
        if at < 4 or at + 4 > size:
            raise self._refuse(f"{field.name} lies outside its table")
        return self._table(self._follow(position + at), table)
