"""The tables of the TFLite format: fields, slots, types and defaults, as the generated code of the installed runtime has them.

The generated code is asked with stand-ins for flatbuffers' builder and table, which note down what it does; so no list of operators and
options has to be kept here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from ai_edge_litert import schema_py_generated as schema

SCALAR: Final = "scalar"
VECTOR: Final = "vector"
TEXT: Final = "text"
TABLE: Final = "table"
TABLES: Final = "tables"
UNION: Final = "union"

_UNIONS: Final = {
    "builtinOptions": "BuiltinOptions",
    "builtinOptions2": "BuiltinOptions2",
    "details": "QuantizationDetails",
    "arraySegments": "SparseIndexVector",
    "arrayIndices": "SparseIndexVector",
}
"""Unions by the names of their fields; the generated code does not connect the two."""
_NOT_TABLES: Final = frozenset({"NONE"})


@dataclass(frozen=True)
class Field:
    """A field of a table.

    Attributes:
        kind: one of `SCALAR`, `VECTOR` (of scalars), `TEXT`, `TABLE`, `TABLES` (a vector of tables), `UNION`.
        dtype: of scalars and vectors, little endian.
        default: value of a scalar that the file leaves out.
        table: name of the table, or of the union's list of tables.
    """

    name: str
    slot: int
    kind: str
    dtype: np.dtype[Any] | None = None
    default: int | float | bool = 0
    table: str = ""


class _AskedBuilder:
    """Stand-in for `flatbuffers.Builder` that notes the slot and the default of a field."""

    def __init__(self) -> None:
        self.slot = -1
        self.default: int | float | bool = 0
        self.is_scalar = False

    def __getattr__(self, name: str) -> Any:
        if not re.fullmatch(r"Prepend\w+Slot", name):
            raise AttributeError(name)

        def note(slot: int, _value: object, default: float) -> None:
            self.slot, self.default, self.is_scalar = slot, default, name != "PrependUOffsetTRelativeSlot"

        return note


class _AskedTable:
    """Stand-in for `flatbuffers.table.Table` in which every field is there; notes which type it is read as."""

    Pos = 0
    Bytes = b""

    def __init__(self) -> None:
        self.kind = ""
        self.flags: Any = None

    def Offset(self, _slot: int) -> int:  # noqa: N802 - named as flatbuffers has it
        return 4

    def Vector(self, _offset: int) -> int:  # noqa: N802
        return 0

    def Indirect(self, _offset: int) -> int:  # noqa: N802
        return 0

    def Get(self, flags: Any, _offset: int) -> int:  # noqa: N802
        self.kind, self.flags = SCALAR, flags
        return 0

    def String(self, _offset: int) -> bytes:  # noqa: N802
        self.kind = TEXT
        return b""

    def Union(self, _table: object, _offset: int) -> None:  # noqa: N802
        self.kind = UNION


@cache
def fields_of(table: str) -> tuple[Field, ...]:
    """Returns all fields of a table, in the order of their slots."""
    prefix = f"{table}Add"
    own = [name.removeprefix(prefix) for name in vars(schema) if name.startswith(prefix)]
    found = (_field(table, name) for name in own if hasattr(getattr(schema, table), name))
    return tuple(sorted(found, key=lambda field: field.slot))


def _field(table: str, own: str) -> Field:
    builder, asked = _AskedBuilder(), _AskedTable()
    getattr(schema, f"{table}Add{own}")(builder, 0)
    reader = getattr(schema, table)()
    reader._tab = asked
    is_vector = hasattr(reader, f"{own}Length")
    got = getattr(reader, own)(0) if is_vector else getattr(reader, own)()
    name = own[0].lower() + own[1:]
    if asked.kind == TEXT and not is_vector:
        return Field(name, builder.slot, TEXT)
    if asked.kind == UNION:
        return Field(name, builder.slot, UNION, table=_UNIONS[name])
    if asked.kind == SCALAR:
        dtype = np.dtype(asked.flags.name).newbyteorder("<")
        return Field(name, builder.slot, VECTOR if is_vector else SCALAR, dtype, builder.default)
    return Field(name, builder.slot, TABLES if is_vector else TABLE, table=type(got).__name__)


@cache
def union_tables(union: str) -> MappingProxyType[int, str]:
    """Returns the tables of a union by their tags; the tag 0, of nothing, is not among them."""
    tags = names_of(union)
    return MappingProxyType({tag: name for tag, name in tags.items() if name not in _NOT_TABLES})


@cache
def names_of(enumeration: str) -> MappingProxyType[int, str]:
    """Returns the names of an enumeration's values, such as ``BuiltinOperator``."""
    members = vars(getattr(schema, enumeration)).items()
    return MappingProxyType({value: name for name, value in members if isinstance(value, int) and not name.startswith("_")})
