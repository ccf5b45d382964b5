"""Records to the bytes of a flatbuffer; constants are copied once, as whole blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import flatbuffers
import numpy as np

from graph.format.flatbuffer import Record, Span, record
from graph.format.schema import SCALAR, TABLE, TABLES, TEXT, UNION, Field, fields_of
from graph.format.source import Source

IDENTIFIER: Final = b"TFL3"
ALIGNMENT: Final = 16
"""Of constants: kernels load them directly."""
MOST_INSIDE_BYTES: Final = 1 << 30
"""Constants that are larger together lie behind the flatbuffer, whose offsets end at 2 GiB."""
_BESIDES_BYTES: Final = 1 << 16


def model_bytes(model: Record, source: Source, *, most_inside_bytes: int = MOST_INSIDE_BYTES) -> bytes:
    """Writes a model file.

    Args:
        model: spans in it lie in `source`; the bytes of a buffer may also be given as they are.
        most_inside_bytes: above it, the constants' bytes stand behind the tables, and are referred to by offset and size.
    """
    total = sum(len(_buffer_bytes(buffer, source)) + ALIGNMENT for buffer in model.records("buffers"))
    if total <= most_inside_bytes:
        return _flatbuffer(model, source, total)
    buffers = model.records("buffers")
    # Offsets do not change the length of the tables, so a first go with any of them tells where the constants begin.
    start = len(_flatbuffer(_with_places(model, source, 1 << 40), source, 0))
    head = _flatbuffer(_with_places(model, source, _aligned(start)), source, 0)
    parts: list[Any] = [head, bytes(_aligned(start) - start)]
    for buffer in buffers:
        data = _buffer_bytes(buffer, source)
        parts += [data, bytes(_aligned(len(data)) - len(data))]
    return b"".join(parts)


def inside(buffer: Record) -> Record:
    """Returns a buffer with its bytes in the table, also where the file has them behind all tables."""
    if buffer["offset"] > 1:
        return record("Buffer", data=Span(buffer["offset"], buffer["size"]))
    return buffer


def _with_places(model: Record, source: Source, start: int) -> Record:
    """Returns the model with buffers that say where, from `start` on, their bytes stand."""
    placed, at = [], start
    for buffer in model.records("buffers"):
        size = len(_buffer_bytes(buffer, source))
        placed.append(buffer.replaced(data=None, offset=at if size else 0, size=size))
        at += _aligned(size)
    return model.replaced(buffers=tuple(placed))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _buffer_bytes(buffer: Record, source: Source) -> memoryview:
    return _bytes_of(buffer["data"], source) if buffer["data"] is not None else memoryview(b"")


def _bytes_of(value: Span | bytes, source: Source) -> memoryview:
    return source.bytes_of(value) if isinstance(value, Span) else memoryview(value)


def _flatbuffer(model: Record, source: Source, constant_bytes: int) -> bytes:
    builder = flatbuffers.Builder(constant_bytes + _BESIDES_BYTES)
    root = _Writer(builder, source).table(model)
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _Writer:
    def __init__(self, builder: Any, source: Source) -> None:
        self._builder = builder
        self._source = source
        self._done: dict[int, int] = {}
        """Where records stand that were written already, by their identity: what is shared is written once."""

    def table(self, record: Record) -> int:
        known = self._done.get(id(record))
        if known is not None:
            return known
        fields = fields_of(record.table)
        written = [(field, self._target(record, field)) for field in fields if _is_there(record, field)]
        builder = self._builder
        builder.StartObject(fields[-1].slot + 1 if fields else 0)
        for field, value in written:
            if field.kind == SCALAR:
                assert field.dtype is not None, "scalars have a type"
                name = "Bool" if field.dtype == np.dtype(bool) else field.dtype.name.capitalize()
                getattr(builder, f"Prepend{name}Slot")(field.slot, value, field.default)
            else:
                builder.PrependUOffsetTRelativeSlot(field.slot, value, 0)
        place = int(builder.EndObject())
        self._done[id(record)] = place
        return place

    def _target(self, record: Record, field: Field) -> Any:
        """Writes what a field refers to and returns its place, or the value of a scalar."""
        value = record[field.name]
        if field.kind == SCALAR:
            return value
        if field.kind in (TABLE, UNION):
            return self.table(value)
        if field.kind == TABLES:
            return self._offsets([self.table(entry) for entry in value])
        if field.kind == TEXT:
            return self._builder.CreateString(value)
        if isinstance(value, (Span, bytes)):
            return self._bytes(_bytes_of(value, self._source), ALIGNMENT if record.table == "Buffer" else 4)
        return self._builder.CreateNumpyVector(np.ascontiguousarray(value, field.dtype))

    def _offsets(self, places: Sequence[int]) -> int:
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return int(self._builder.EndVector())

    def _bytes(self, data: memoryview, alignment: int) -> int:
        builder = self._builder
        builder.StartVector(1, len(data), alignment)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        return int(builder.EndVector())


def _is_there(record: Record, field: Field) -> bool:
    value = record[field.name]
    return value is not None and not (field.kind == SCALAR and value == field.default)
