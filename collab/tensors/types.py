"""Types of the tensors that pass between segments: a shape and an element type, as models and bundles name them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Shape: TypeAlias = tuple[int, ...]

DTYPE_BYTES: Final[Mapping[str, int]] = {
    "float32": 4,
    "float16": 2,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "bool": 1,
}
"""Element types that can be handed over, by numpy's names, with the bytes of a value."""


@dataclass(frozen=True)
class TensorType:
    """Shape and element type of a tensor, apart from its values."""

    shape: Shape
    dtype: str = "float32"

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of its values, densely packed."""
        return self.values * DTYPE_BYTES[self.dtype]

    @property
    def text(self) -> str:
        """Its shape as tables write it: ``1x14x14x96``."""
        return "x".join(map(str, self.shape)) or "1"
