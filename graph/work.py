"""The work of operators: multiply-accumulates, bytes that they read and write, and a nominal time that decides how finely to cut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from graph.network import Network, Operator

_BY_WEIGHTS: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_MACS_PER_US: Final = 20_000
_BYTES_PER_US: Final = 30_000
"""A nominal core: no measured one, but near enough to tell a block that is worth a call from one that is not."""


@dataclass(frozen=True)
class Work:
    """Work of one or several operators.

    Attributes:
        macs: multiply-accumulates, of convolutions and matrix products.
        size_bytes: of all inputs and outputs, weights with them; zeros that are left out do not count.
    """

    macs: int
    size_bytes: int

    @property
    def nominal_us(self) -> float:
        """Time of a nominal core: it multiplies, or it moves data, whatever takes longer."""
        return max(self.macs / _MACS_PER_US, moving_us(self.size_bytes))


def moving_us(size_bytes: int) -> float:
    """Computes how long a nominal core would move these bytes."""
    return size_bytes / _BYTES_PER_US


def work_of(network: Network, operator: Operator) -> Work:
    """Counts an operator's work."""
    touched = [tensor for tensor in (*operator.inputs, *operator.outputs) if tensor != -1]
    return Work(_macs(network, operator), sum(_kept_bytes(network, tensor) for tensor in touched))


def _kept_bytes(network: Network, index: int) -> int:
    tensor = network.tensors[index]
    return tensor.constant.size_bytes if tensor.constant is not None else tensor.size_bytes


def _macs(network: Network, operator: Operator) -> int:
    out = network.tensors[operator.outputs[0]]
    if operator.name in _BY_WEIGHTS:
        weights = network.tensors[operator.inputs[1]].shape
        # Each output value is a sum over one filter: all axes of the weights but the one of output channels.
        return out.values * math.prod(weights[1:-1] if operator.name == "DEPTHWISE_CONV_2D" else weights[1:])
    if operator.name == "TRANSPOSE_CONV":
        return network.tensors[operator.inputs[2]].values * math.prod(network.tensors[operator.inputs[1]].shape[:3])
    if operator.name == "BATCH_MATMUL":
        assert operator.options is not None, "its rule asks for them"
        left = network.tensors[operator.inputs[0]].shape
        return out.values * (left[-2] if operator.options["adjX"] else left[-1])
    return 0


def total(works: list[Work]) -> Work:
    """Adds works up."""
    return Work(sum(work.macs for work in works), sum(work.size_bytes for work in works))


@dataclass(frozen=True)
class Place:
    """A place between two operators.

    Attributes:
        tensors, size_bytes: of what crosses it.
        may_be_cut: no two operators that are computed together lie on its two sides.
        live: tensors that cross it, and those that were computed before it for others than these operators: with only one of them, nothing
            on one side is independent of the other.
    """

    tensors: int
    size_bytes: int
    may_be_cut: bool
    live: int
