"""Rules of operators that sum up or weigh along axes."""

from __future__ import annotations

import math
from typing import Final

from graph.checking.elementwise import same
from graph.checking.rule import Checked, Rule
from graph.network import Shape


def axes_of(op: Checked, position: int, rank: int) -> set[int]:
    """Returns the axes that a constant input names."""
    return {op.axis(axis, rank) for axis in op.number_list(position)}


def _reduce(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    op.same_dtypes(0)
    axes = axes_of(op, 1, len(shape))
    if op.option("keepDims"):
        return [tuple(1 if axis in axes else extent for axis, extent in enumerate(shape))]
    return [tuple(extent for axis, extent in enumerate(shape) if axis not in axes)]


def _arg(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    op.require(op.out().dtype in ("INT32", "INT64"), f"gives places as {op.out().dtype}")
    axis = op.axis(op.one_number(1), len(shape))
    return [(*shape[:axis], *shape[axis + 1 :])]


def _normalise(op: Checked) -> list[Shape]:
    op.most_axes(0, 8)
    return same(op)


def _softmax(op: Checked) -> list[Shape]:
    op.require(math.isfinite(op.option("beta")), "has no finite beta")
    op.require(
        op.dtype(0) == op.out().dtype or (op.dtype(0), op.out().dtype) == ("INT8", "INT16"), f"makes {op.out().dtype} of {op.dtype(0)}"
    )
    return [op.most_axes(0, 8)]


def _local_response(op: Checked) -> list[Shape]:
    op.rank(0, 4)
    op.require(0 <= op.option("radius") <= 1 << 16, f"has radius {op.option('radius')}")
    return same(op)


def _cumsum(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    op.axis(op.one_number(1), len(shape))
    return same(op)


def _top(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    count = op.one_number(1)
    op.require(1 <= count <= shape[-1], f"takes the {count} greatest of {shape[-1]}")
    op.same_dtypes(0)
    return [(*shape[:-1], count)] * 2


_REDUCE: Final = Rule(_reduce, (2, 2), "ReducerOptions", scaled=True, deciding=frozenset({1}))
_ARG: Final = frozenset({1})

REDUCING: Final[dict[str, Rule]] = {
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"), _REDUCE),
    "ARG_MAX": Rule(_arg, (2, 2), "ArgMaxOptions", deciding=_ARG),
    "ARG_MIN": Rule(_arg, (2, 2), "ArgMinOptions", deciding=_ARG),
    "SOFTMAX": Rule(_softmax, (1, 1), "SoftmaxOptions", scaled=True),
    "LOG_SOFTMAX": Rule(_normalise, (1, 1), "LogSoftmaxOptions", scaled=True),
    "L2_NORMALIZATION": Rule(_normalise, (1, 1), "L2NormOptions", scaled=True),
    "LOCAL_RESPONSE_NORMALIZATION": Rule(_local_response, (1, 1), "LocalResponseNormalizationOptions"),
    "CUMSUM": Rule(_cumsum, (2, 2), "CumsumOptions", deciding=_ARG),
    "TOPK_V2": Rule(_top, (2, 2), outputs=(2, 2), deciding=_ARG),
}
