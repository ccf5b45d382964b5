"""Rules of operators that join tensors, or take them apart."""

from __future__ import annotations

import math
from typing import Final

from graph.checking.elementwise import check_activation
from graph.checking.rule import MANY, Checked, Rule
from graph.network import Shape


def _concatenation(op: Checked) -> list[Shape]:
    first = op.most_axes(0, 8)
    check_activation(op)
    op.same_dtypes(*range(op.inputs))
    axis = op.axis(op.option("axis"), len(first))
    for position in range(op.inputs):
        shape = op.shape(position)
        op.require(
            len(shape) == len(first) and all(a == b for at, (a, b) in enumerate(zip(shape, first, strict=True)) if at != axis),
            f"joins shapes that do not fit: {list(first)} and {list(shape)}",
        )
    total = sum(op.shape(position)[axis] for position in range(op.inputs))
    return [(*first[:axis], total, *first[axis + 1 :])]


def _same_outputs(op: Checked, position: int) -> None:
    for index in range(op.outputs):
        op.require(op.out(index).dtype == op.dtype(position), f"makes {op.out(index).dtype} of {op.dtype(position)}")


def _split(op: Checked) -> list[Shape]:
    shape = op.most_axes(1, 8)
    _same_outputs(op, 1)
    axis = op.axis(op.one_number(0), len(shape))
    count = op.option("numSplits")
    op.require(count == op.outputs and shape[axis] % count == 0, f"takes {shape[axis]} apart into {count}, with {op.outputs} outputs")
    return [(*shape[:axis], shape[axis] // count, *shape[axis + 1 :])] * count


def _split_v(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    _same_outputs(op, 0)
    sizes = op.number_list(1, length=op.outputs)
    axis = op.axis(op.one_number(2), len(shape))
    op.require(op.option("numSplits") == op.outputs, f"has numSplits {op.option('numSplits')} and {op.outputs} outputs")
    op.require(all(size >= -1 for size in sizes) and sizes.count(-1) <= 1, f"takes apart into {list(sizes[:8])}")
    rest = shape[axis] - sum(size for size in sizes if size != -1)
    sizes = tuple(rest if size == -1 else size for size in sizes)
    op.require(sum(sizes) == shape[axis] and min(sizes) >= 1, f"takes {shape[axis]} apart into {list(sizes[:8])}")
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def _pack(op: Checked) -> list[Shape]:
    shape = op.shape(0)
    op.same_dtypes(*range(op.inputs))
    op.require(op.option("valuesCount") == op.inputs, f"has valuesCount {op.option('valuesCount')} and {op.inputs} inputs")
    op.require(all(op.shape(position) == shape for position in range(op.inputs)), "stacks different shapes")
    axis = op.axis(op.option("axis"), len(shape) + 1)
    return [(*shape[:axis], op.inputs, *shape[axis:])]


def _unpack(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    _same_outputs(op, 0)
    axis = op.axis(op.option("axis"), len(shape))
    op.require(
        op.option("num") == op.outputs == shape[axis], f"takes {shape[axis]} apart into {op.option('num')}, with {op.outputs} outputs"
    )
    return [(*shape[:axis], *shape[axis + 1 :])] * op.outputs


def _gather(op: Checked) -> list[Shape]:
    shape, picks = op.most_axes(0, 8), op.shape(1)
    op.same_dtypes(0)
    op.require(op.dtype(1) in ("INT16", "INT32", "INT64"), f"picks by values of type {op.dtype(1)}")
    axis = op.axis(op.option("axis"), len(shape))
    batches = op.option("batchDims")
    op.require(0 <= batches <= min(axis, len(picks)), f"has batchDims {batches}")
    op.require(shape[:batches] == picks[:batches], "picks from another number of batches")
    return [(*shape[:axis], *picks[batches:], *shape[axis + 1 :])]


def _gather_nd(op: Checked) -> list[Shape]:
    shape, picks = op.most_axes(0, 8), op.most_axes(1, 8)
    op.same_dtypes(0)
    op.require(op.dtype(1) in ("INT16", "INT32", "INT64"), f"picks by values of type {op.dtype(1)}")
    op.require(1 <= picks[-1] <= len(shape), f"picks by {picks[-1]} axes of {len(shape)}")
    return [(*picks[:-1], *shape[picks[-1] :])]


def _embedding(op: Checked) -> list[Shape]:
    (count,), table = op.rank(0, 1), op.shape(1)
    op.require(len(table) >= 2 and op.dtype(0) == "INT32", "has no table of two axes, or does not look up by INT32")
    op.same_dtypes(1)
    return [(count, *table[1:])]


def _one_hot(op: Checked) -> list[Shape]:
    shape = op.shape(0)
    depth = op.one_number(1)
    op.same_dtypes(2, 3)
    op.require(math.prod(op.shape(2)) == math.prod(op.shape(3)) == 1, "has more than one value for on or off")
    op.require(op.dtype(0) in ("INT32", "INT64") and 1 <= depth <= 1 << 24, f"marks places by {op.dtype(0)} up to {depth}")
    axis = len(shape) if op.option("axis") == -1 else op.axis(op.option("axis"), len(shape) + 1)
    return [(*shape[:axis], depth, *shape[axis:])]


JOINING: Final[dict[str, Rule]] = {
    "CONCATENATION": Rule(_concatenation, (1, MANY), "ConcatenationOptions", scaled=True),
    "SPLIT": Rule(_split, (2, 2), "SplitOptions", outputs=(1, MANY), deciding=frozenset({0})),
    "SPLIT_V": Rule(_split_v, (3, 3), "SplitVOptions", outputs=(1, MANY), deciding=frozenset({1, 2})),
    "PACK": Rule(_pack, (1, MANY), "PackOptions"),
    "UNPACK": Rule(_unpack, (1, 1), "UnpackOptions", outputs=(1, MANY)),
    "GATHER": Rule(_gather, (2, 2), "GatherOptions"),
    "GATHER_ND": Rule(_gather_nd, (2, 2)),
    "EMBEDDING_LOOKUP": Rule(_embedding, (2, 2)),
    "ONE_HOT": Rule(_one_hot, (4, 4), "OneHotOptions", deciding=frozenset({1})),
}
