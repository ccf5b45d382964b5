"""Checks of what a tensor says of its values: scales and zero points, and the form in which its zeros are left out."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from collab.errors import NetworkError
from graph.checking.rule import Checked
from graph.format.flatbuffer import Record, Span
from graph.format.source import Source
from graph.network import DTYPES, PACKED_BITS, Shape, Tensor

_SMALLEST_SCALE: Final = 2.0**-60
_LARGEST_SCALE: Final = 2.0**40
_LARGEST_MULTIPLIER: Final = 2.0**20
_ADVICE: Final = "so the model cannot be run; export it once more"


def check_quantisation(parameters: Record | None, shape: Shape, dtype: str, *, what: str) -> None:
    """Holds scales and zero points against the tensor's shape and type.

    Args:
        what: the tensor, as the beginning of a sentence.

    Raises:
        NetworkError: they do not fit.
    """
    if parameters is None:
        return
    if parameters["details"] is not None:
        raise NetworkError(f"{what} has a custom quantisation, {_ADVICE}")
    scales, zeros = parameters["scale"], parameters["zeroPoint"]
    count = 0 if scales is None else len(scales)
    if count == 0:
        if zeros is not None and len(zeros):
            raise NetworkError(f"{what} has zero points without scales, {_ADVICE}")
        return
    axis = parameters["quantizedDimension"]
    if count > 1 and not (0 <= axis < len(shape) and shape[axis] == count):
        raise NetworkError(f"{what} has {count} scales along axis {axis} of the shape {list(shape)}, {_ADVICE}")
    if count == 1 and axis and not 0 <= axis < len(shape):
        raise NetworkError(f"{what} has a scale along axis {axis} of the shape {list(shape)}, {_ADVICE}")
    if zeros is None or len(zeros) not in (1, count):
        raise NetworkError(f"{what} has {count} scales and {0 if zeros is None else len(zeros)} zero points, {_ADVICE}")
    if not np.all((scales >= _SMALLEST_SCALE) & (scales <= _LARGEST_SCALE)):
        raise NetworkError(f"{what} has a scale that is zero, negative or absurd, {_ADVICE}")
    if count > 1 and np.any(zeros):
        raise NetworkError(f"{what} has scales for each channel and zero points other than 0, {_ADVICE}")
    least, most = _range_of(dtype)
    if not np.all((zeros >= least) & (zeros <= most)):
        raise NetworkError(f"{what} has a zero point that its type {dtype} does not hold, {_ADVICE}")


def _range_of(dtype: str) -> tuple[int, int]:
    if dtype in PACKED_BITS:
        half = 1 << (PACKED_BITS[dtype] - 1)
        return -half, 2 * half - 1
    if DTYPES[dtype].kind in "iu":
        info = np.iinfo(DTYPES[dtype])
        return int(info.min), int(info.max)
    return 0, 0


def check_multipliers(op: Checked) -> None:
    """Requires factors between the scales of inputs and outputs that runtimes can hold in whole numbers.

    Raises:
        NetworkError: a factor is larger.
    """
    outs = [scale for position in range(op.outputs) for scale in _scales(op.out(position))]
    positions = [position for position in range(op.inputs) if op.has(position) and op.dtype(position) != "INT32"]
    largest = [max(scales) for position in positions if (scales := _scales(op.tensor(position)))]
    if outs and largest:
        factor = max(*largest, math.prod(largest[:2])) / min(outs)
        op.require(factor <= _LARGEST_MULTIPLIER, "has scales that differ by more than a runtime can hold")


def _scales(tensor: Tensor) -> tuple[float, ...]:
    return tensor.quantisation.vector("scale") if tensor.quantisation is not None else ()


def sparse_bytes(tensor: Tensor, source: Source, *, what: str) -> int:
    """Checks a sparse tensor's form, and computes the bytes of the values that it keeps.

    Raises:
        NetworkError: the form does not fit the tensor's shape, or its indices lead outside.
    """
    sparsity = tensor.sparsity
    assert sparsity is not None, "asked for sparse tensors only"
    rank = len(tensor.shape)
    order, blocked = sparsity.vector("traversalOrder"), sparsity.vector("blockMap")
    levels = sparsity.records("dimMetadata")
    if sorted(order) != list(range(rank + len(blocked))) or len(levels) != len(order) or sorted(order[:rank]) != list(range(rank)):
        raise NetworkError(f"{what} goes through its axes in an impossible order, {_ADVICE}")
    if len(set(blocked)) != len(blocked) or not set(blocked) <= set(range(rank)) or rank == 0:
        raise NetworkError(f"{what} has blocks of axes that it does not have, {_ADVICE}")
    if tensor.dtype in PACKED_BITS:
        raise NetworkError(f"{what} is sparse and packed, {_ADVICE}")
    extents = _level_extents(tensor.shape, order, blocked, levels, what)
    count = 1
    for level, extent in zip(levels, extents, strict=True):
        count = _values_of(level, extent, count, source, what)
    return count * DTYPES[tensor.dtype].itemsize


def _level_extents(shape: Shape, order: tuple[int, ...], blocked: tuple[int, ...], levels: tuple[Record, ...], what: str) -> list[int]:
    """Returns the extent of each level of the traversal: of an axis in blocks, or within a block."""
    rank = len(shape)
    within = {axis: int(levels[order.index(rank + at)]["denseSize"]) for at, axis in enumerate(blocked)}
    if any(size < 1 or shape[axis] % size for axis, size in within.items()):
        raise NetworkError(f"{what} has blocks that do not fit its shape {list(shape)}, {_ADVICE}")
    if any(levels[order.index(rank + at)]["format"] != 0 for at in range(len(blocked))):
        raise NetworkError(f"{what} has blocks that are sparse themselves, {_ADVICE}")
    return [shape[axis] // within.get(axis, 1) if axis < rank else within[blocked[axis - rank]] for axis in order]


def _values_of(level: Record, extent: int, count: int, source: Source, what: str) -> int:
    """Computes how many values there are down to a level, of which there are `count` down to the one above."""
    if level["format"] == 0:
        if level["denseSize"] != extent:
            raise NetworkError(f"{what} says {level['denseSize']} where its shape says {extent}, {_ADVICE}")
        return count * extent
    segments, indices = (_indices(level[name], source) for name in ("arraySegments", "arrayIndices"))
    if level["format"] != 1 or segments is None or indices is None:
        raise NetworkError(f"{what} leaves out zeros in an unknown form, {_ADVICE}")
    if len(segments) != count + 1 or segments[0] != 0 or segments[-1] != len(indices) or np.any(np.diff(segments) < 0):
        raise NetworkError(f"{what} has segments of indices that do not fit, {_ADVICE}")
    if len(indices) and not (indices.min() >= 0 and indices.max() < extent):
        raise NetworkError(f"{what} has an index beyond {extent}, {_ADVICE}")
    if math.prod((count, extent)) < len(indices):
        raise NetworkError(f"{what} has more indices than values, {_ADVICE}")
    return len(indices)


def _indices(vector: Record | None, source: Source) -> npt.NDArray[np.int64] | None:
    if vector is None or vector["values"] is None:
        return None
    values = vector["values"]
    if isinstance(values, Span):
        # Vectors of bytes are kept by reference.
        return np.frombuffer(source.bytes_of(values), np.uint8).astype(np.int64)
    return np.asarray(values, np.int64)
