"""Constants as operators see them: given in the file as they are, or unpacked by a DEQUANTIZE of float16 or narrow whole numbers."""

from __future__ import annotations

from dataclasses import dataclass

from graph.network import DTYPES, Network, Operator, Tensor


@dataclass(frozen=True)
class Constant:
    """A constant whose values can be divided.

    Attributes:
        seen: the tensor that operators read.
        stored: the tensor whose values the file has; the same as `seen`, or of the same shape.
        unpacked_by: the DEQUANTIZE between the two, if there is one.
    """

    seen: Tensor
    stored: Tensor
    unpacked_by: Operator | None = None


def constant_of(network: Network, tensor: int) -> Constant | None:
    """Returns the constant behind a tensor; None where it is computed, or its values are packed or have their zeros left out."""
    if tensor == -1:
        return None
    seen = network.tensors[tensor]
    if _is_plain(seen):
        return Constant(seen, seen)
    maker = network.producers.get(tensor)
    if maker is None or network.operators[maker].name != "DEQUANTIZE":
        return None
    operator = network.operators[maker]
    stored = network.tensors[operator.inputs[0]]
    return Constant(seen, stored, operator) if _is_plain(stored) else None


def _is_plain(tensor: Tensor) -> bool:
    return tensor.constant is not None and tensor.dtype in DTYPES and tensor.sparsity is None
