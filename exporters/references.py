"""Reference inputs and outputs of a bundle: files that hold the numbers of a tensor and nothing else, little-endian."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from collab.blocks import MAX_TENSOR_BYTES
from collab.documents import read_bytes
from collab.errors import ExportError
from collab.tensors.types import TensorType
from exporters.checking import MAX_ERROR, reference_input, relative_error

Tensor: TypeAlias = npt.NDArray[Any]

SUFFIXES: Final[Mapping[str, str]] = {
    "float32": "f32",
    "float16": "f16",
    "int8": "i8",
    "uint8": "u8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "bool": "bool",
}
"""Suffixes of files by the element type of their numbers."""


def reference_name(what: str, number: int, type: TensorType) -> str:
    """Returns the name of a reference file: ``reference_input.f32``, ``reference_output.1.i8``."""
    counted = f".{number}" if number else ""
    return f"reference_{what}{counted}.{SUFFIXES[type.dtype]}"


def type_of(array: Tensor) -> TensorType:
    """Returns what an array is as a tensor."""
    return TensorType(array.shape, array.dtype.name)


def tensor_bytes(array: Tensor) -> bytes:
    """Returns the numbers as a file holds them."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def read_tensor(path: Path, type: TensorType, *, finite: bool = False) -> Tensor:
    """Reads the numbers of a tensor.

    Args:
        finite: whether NaN and infinities are refused, as in a reference, with which nothing could be compared then.

    Raises:
        ExportError: the file is missing, does not hold just so many numbers, or one that is not finite.
    """
    stored = np.dtype(type.dtype).newbyteorder("<")
    data = read_bytes(path, limit_bytes=MAX_TENSOR_BYTES, error=ExportError, advice="export the bundle again")
    if len(data) != type.size_bytes:
        raise ExportError(f"{path} holds {len(data) / stored.itemsize:g} numbers, {list(type.shape)} takes {type.values}")
    values = np.frombuffer(data, dtype=stored).astype(type.dtype)
    if finite and not np.isfinite(values).all():
        raise ExportError(f"{path} holds numbers that are not finite, with which nothing can be compared; export the bundle again")
    return values.reshape(type.shape)


def seeded_tensor(type: TensorType, *, seed: int, number: int = 0) -> Tensor:
    """Makes a reference input of any network: pictures where it takes pictures, else noise; narrow whole numbers of their whole range.

    Wider whole numbers are 0 or 1, as they may be places in a table.

    Args:
        number: which input of the network it is; each has numbers of its own.

    Raises:
        ExportError: it is too large.
    """
    if type.size_bytes > MAX_TENSOR_BYTES:
        raise ExportError(f"an input of {type.size_bytes / 2**30:.1f} GiB is more than can be made; give the model a smaller one")
    dtype = np.dtype(type.dtype)
    generator = np.random.Generator(np.random.PCG64([seed, number]))
    if dtype == np.float32 and len(type.shape) == 4 and type.shape[0] == 1:
        return reference_input(type.shape, seed=int(generator.integers(2**63)))
    if dtype.kind == "f":
        return np.asarray(generator.standard_normal(type.shape)).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        info = np.iinfo(dtype)
        return np.asarray(generator.integers(info.min, info.max, type.shape, dtype=dtype, endpoint=True))
    return np.asarray(generator.integers(0, 2, type.shape)).astype(dtype)


@dataclass(frozen=True)
class OutputError:
    """Distance of outputs from their references.

    Attributes:
        share: the largest difference, as a fraction of the reference's range; infinite where there is no output.
        is_rounding: whether every output is right up to rounding (`compare_outputs`).
        off_by_one: of the numbers of all outputs of 8 or 16 bits, the fraction that is one step off the reference; 0 where there are none.
    """

    share: float
    is_rounding: bool
    off_by_one: float = 0.0


NO_OUTPUT: Final = OutputError(float("inf"), is_rounding=False)


def compare_outputs(pairs: Iterable[tuple[Tensor, Tensor]]) -> OutputError:
    """Holds outputs against their references, of the same shapes and types.

    An output is right up to rounding where it differs by at most `MAX_ERROR` of its reference's range. Whole numbers of 8 or 16 bits are
    quantised, and kernels round a value that lies between two steps to either: there, no number may be more than one step off.
    Wider whole numbers are counts and places, which have no steps.

    Args:
        pairs: each output with its reference.
    """
    shares, is_rounding, off, quantised = [], True, 0, 0
    for actual, expected in pairs:
        share = difference(actual, expected)
        shares.append(share)
        near = share <= MAX_ERROR  # not when it is NaN
        if _is_quantised(expected):
            steps = np.abs(actual.astype(np.int64) - expected.astype(np.int64))
            near = bool(steps.max(initial=0) <= 1)
            off += int(np.count_nonzero(steps == 1))
            quantised += steps.size
        is_rounding = is_rounding and near
    # NaN, where an output is none, is the largest of all here.
    return OutputError(float(np.max(shares)), is_rounding, off / quantised if quantised else 0.0)


def _is_quantised(array: Tensor) -> bool:
    return array.dtype.kind in "iu" and array.dtype.itemsize <= 2


def difference(actual: Tensor, expected: Tensor) -> float:
    """Returns how far an output is from its reference, as a fraction of the reference's range; 0 where all bits are the same."""
    if actual.dtype == expected.dtype and actual.tobytes() == expected.tobytes():
        return 0.0
    return relative_error(_as_real(actual), _as_real(expected))


def _as_real(array: Tensor) -> Tensor:
    return array if array.dtype == np.float32 else array.astype(np.float64)
