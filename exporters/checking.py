"""Checks of exported models: the input that they get, and how far their output may be from the reference."""

from __future__ import annotations

from typing import Final

import numpy as np

from collab.blocks import MAX_TENSOR_BYTES, feature_bytes
from collab.errors import ExportError
from collab.networks.weights import DEFAULT_SEED, Array
from collab.tensors.types import Shape

MAX_ERROR: Final = 1e-4
"""Largest difference to torch that passes, as a fraction of the output's range. float32 rounding stays below 1e-5."""


def reference_input(shape: Shape, *, seed: int = DEFAULT_SEED) -> Array:
    """Makes a seeded picture-like input (NHWC float32, about -2 to 2): coarse shapes below fine grain.

    Plain noise would do badly: the global average pool makes all noise look alike, and the logits of a broken model right.

    Raises:
        ExportError: more than 1 GiB.
    """
    _, height, width, channels = shape
    if 2 * feature_bytes(shape) > MAX_TENSOR_BYTES:
        raise ExportError(f"an input of {feature_bytes(shape) / 2**30:.1f} GiB is more than can be made; give the model a smaller one")
    generator = np.random.Generator(np.random.PCG64(seed))
    image = 0.3 * generator.standard_normal((height, width, channels))
    for cells in (2, 4, 8, 16):
        coarse = generator.standard_normal((cells, cells, channels))
        rows, columns = np.arange(height) * cells // height, np.arange(width) * cells // width
        image += 0.4 * coarse[rows][:, columns]
    return np.ascontiguousarray(image[None], dtype=np.float32)


def relative_error(actual: Array, expected: Array) -> float:
    """Computes the largest absolute difference as a fraction of the expected output's range (max - min)."""
    span = float(np.max(expected) - np.min(expected))
    return float(np.max(np.abs(actual - expected))) / span if span > 0 else float("inf")


def require_close(actual: Array, expected: Array, *, what: str, route: str) -> None:
    """Refuses an exported model whose output is not torch's.

    Raises:
        ExportError: another shape, a value that is not finite, or a difference above `MAX_ERROR` of the expected output's range.
    """
    if actual.shape != expected.shape:
        raise ExportError(f"{what}: by {route} its output has shape {list(actual.shape)}, in torch {list(expected.shape)}")
    if not np.isfinite(expected).all():
        raise ExportError(f"{what}: torch itself computes values that are not finite, so nothing can be compared")
    error = relative_error(actual, expected)
    if not error <= MAX_ERROR:  # also when it is NaN
        raise ExportError(f"{what}: by {route} its output differs from torch's by {error:.1e} of its range; at most {MAX_ERROR:.0e} passes")
