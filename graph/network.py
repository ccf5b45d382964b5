"""A network as values that cannot be changed: operators, tensors, and constants by reference to the file that they lie in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph.format.flatbuffer import Record, Span
from graph.format.source import Source

Shape = tuple[int, ...]

DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "FLOAT32": np.dtype("<f4"),
    "FLOAT16": np.dtype("<f2"),
    "FLOAT64": np.dtype("<f8"),
    "INT8": np.dtype("i1"),
    "UINT8": np.dtype("u1"),
    "INT16": np.dtype("<i2"),
    "UINT16": np.dtype("<u2"),
    "INT32": np.dtype("<i4"),
    "UINT32": np.dtype("<u4"),
    "INT64": np.dtype("<i8"),
    "UINT64": np.dtype("<u8"),
    "BOOL": np.dtype("bool"),
}
"""numpy's types by the names of the format; the others have none, or are packed."""
PACKED_BITS: Final[Mapping[str, int]] = {"INT4": 4, "UINT4": 4, "INT2": 2}
"""Types of which several values share a byte, with their bits."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a network.

    Attributes:
        dtype: as the format calls it, e.g. ``FLOAT32``.
        constant: where its values lie, or None where they are computed or given.
        record: all that the file says of it, quantisation and sparsity with it.
    """

    index: int
    name: str
    shape: Shape
    dtype: str
    constant: Span | None
    record: Record = field(repr=False)

    @property
    def values(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of its values when none is left out."""
        return bytes_of(self.dtype, self.shape)

    @property
    def quantisation(self) -> Record | None:
        """Its scales and zero points, or None where it has none."""
        found: Record | None = self.record["quantization"]
        return found if found is not None and found.vector("scale") else None

    @property
    def sparsity(self) -> Record | None:
        """The form in which its zeros are left out, or None."""
        found: Record | None = self.record["sparsity"]
        return found


def bytes_of(dtype: str, shape: Shape) -> int:
    """Computes the bytes of a dense tensor."""
    count = math.prod(shape)
    if dtype in PACKED_BITS:
        return -(-count * PACKED_BITS[dtype] // 8)
    return count * DTYPES[dtype].itemsize


@dataclass(frozen=True)
class Operator:
    """An operator of a network.

    Attributes:
        name: of the builtin operator, e.g. ``CONV_2D``.
        inputs: indices of tensors; -1 stands for an input that is left out.
        options: its table of options, with defaults where the file has none, or None where the operator has no options.
        record: all that the file says of it.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Record | None = field(repr=False)
    record: Record = field(repr=False)


@dataclass(frozen=True)
class Network:
    """A network of one graph with fixed shapes, whose operators stand in an order in which they can run.

    Attributes:
        inputs, outputs: indices of tensors.
        codes: the format's codes of the operators, which `Operator.record` refers to.
        model: all that the file says, signatures and metadata with it.
    """

    source: Source
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    codes: tuple[Record, ...] = field(repr=False)
    model: Record = field(repr=False)

    @cached_property
    def producers(self) -> Mapping[int, int]:
        """The operator that computes a tensor, by the tensor's index."""
        return {tensor: operator.index for operator in self.operators for tensor in operator.outputs}

    @cached_property
    def readers(self) -> Mapping[int, tuple[int, ...]]:
        """The operators that read a tensor, in order, by the tensor's index."""
        found: dict[int, list[int]] = {}
        for operator in self.operators:
            for tensor in dict.fromkeys(operator.inputs):
                found.setdefault(tensor, []).append(operator.index)
        return {tensor: tuple(operators) for tensor, operators in found.items()}

    def constant_values(self, tensor: int) -> npt.NDArray[Any] | None:
        """Returns a constant's values in its shape, without a copy; None for other tensors and for types that numpy does not have."""
        found = self.tensors[tensor]
        if found.constant is None or found.dtype not in DTYPES or found.sparsity is not None:
            return None
        values = np.frombuffer(self.source.bytes_of(found.constant), DTYPES[found.dtype])
        values.flags.writeable = False
        return values.reshape(found.shape)
