"""Opaque blocks in words: what a row says of one beyond its key, kept with a plan, so that tables need no network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collab.blocks import AnyBlock
from collab.tensors.opaque import Opaque
from lut.tables import shape_text


@dataclass(frozen=True)
class Described:
    """An opaque block's name for readers, and the shapes and types of its inputs and outputs as tables have them."""

    block: Opaque
    label: str
    in_shape: str
    out_shape: str
    dtype: str


@dataclass(frozen=True)
class RowTexts:
    """Texts of a block's row."""

    in_shape: str
    out_shape: str
    dtype: str
    label: str


def row_texts(block: AnyBlock, described: Iterable[Described]) -> RowTexts:
    """Returns what the row of a block says of it; of an opaque block that a plan does not describe, nothing."""
    if not isinstance(block, Opaque):
        return RowTexts(";".join(map(shape_text, block.in_shapes)), shape_text(block.out_shape), "float32", "")
    found = next((entry for entry in described if entry.block == block), None)
    return RowTexts("", "", "", "") if found is None else RowTexts(found.in_shape, found.out_shape, found.dtype, found.label)
