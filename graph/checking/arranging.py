"""Rules of operators that give values another place, shape or size."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from graph.checking.elementwise import same
from graph.checking.reducing import axes_of
from graph.checking.rule import Checked, Rule, broadcast
from graph.network import Shape

_LARGEST_EXTENT: Final = 1 << 24
_FIRST: Final = frozenset({1})
_BOTH: Final = frozenset({1, 2})
_ALL: Final = frozenset({1, 2, 3})


def _reshape(op: Checked) -> list[Shape]:
    op.same_dtypes(0)
    wanted = op.number_list(1) if op.has(1) else op.options("newShape")
    values = math.prod(op.shape(0))
    op.require(all(-1 <= extent <= _LARGEST_EXTENT for extent in wanted) and wanted.count(-1) <= 1, f"makes the shape {list(wanted[:8])}")
    if -1 in wanted:
        rest = math.prod(extent for extent in wanted if extent != -1)
        op.require(rest > 0 and values % rest == 0, f"makes the shape {list(wanted[:8])} of {values} values")
        wanted = tuple(values // rest if extent == -1 else extent for extent in wanted)
    op.require(len(wanted) <= 8 and math.prod(wanted) == values, f"makes the shape {list(wanted[:8])} of {values} values")
    return [wanted]


def _squeeze(op: Checked) -> list[Shape]:
    shape = op.shape(0)
    op.same_dtypes(0)
    axes = {op.axis(axis, len(shape)) for axis in op.options("squeezeDims")} or {at for at, extent in enumerate(shape) if extent == 1}
    op.require(all(shape[axis] == 1 for axis in axes), "takes out axes that are longer than 1")
    return [tuple(extent for at, extent in enumerate(shape) if at not in axes)]


def _expand_dims(op: Checked) -> list[Shape]:
    shape = op.shape(0)
    op.same_dtypes(0)
    axis = op.axis(op.one_number(1), len(shape) + 1)
    return [(*shape[:axis], 1, *shape[axis:])]


def _transpose(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 6)
    op.same_dtypes(0)
    order = [op.axis(axis, len(shape)) for axis in op.number_list(1, length=len(shape))]
    op.require(len(set(order)) == len(order), f"has the order {order}")
    return [tuple(shape[axis] for axis in order)]


def _paddings(op: Checked, position: int, axes: int) -> list[tuple[int, int]]:
    values = op.numbers(position)
    op.require(values.shape == (axes, 2), f"has amounts of shape {list(values.shape)} for {axes} axes")
    pairs = [(int(before), int(after)) for before, after in values]
    op.require(all(0 <= amount <= _LARGEST_EXTENT for pair in pairs for amount in pair), "has amounts below 0, or absurdly large")
    return pairs


def _pad(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 5)
    op.same_dtypes(0)
    if op.has(2):
        op.same_dtypes(0, 2)
        op.require(math.prod(op.shape(2)) == 1, "pads with more than one value")
    pairs = _paddings(op, 1, len(shape))
    return [tuple(extent + before + after for extent, (before, after) in zip(shape, pairs, strict=True))]


def _mirror_pad(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 5)
    op.same_dtypes(0)
    pairs = _paddings(op, 1, len(shape))
    op.require(op.option("mode") in (0, 1), f"has mode {op.option('mode')}")
    edge = 1 if op.option("mode") == 0 else 0
    op.require(all(max(pair) <= extent - edge for extent, pair in zip(shape, pairs, strict=True)), "mirrors more than there is")
    return [tuple(extent + before + after for extent, (before, after) in zip(shape, pairs, strict=True))]


def _slice(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 5)
    op.same_dtypes(0)
    begins, sizes = op.number_list(1, length=len(shape)), op.number_list(2, length=len(shape))
    found = tuple(extent - begin if size == -1 else size for extent, begin, size in zip(shape, begins, sizes, strict=True))
    op.require(
        all(begin >= 0 and size >= 1 and begin + size <= extent for extent, begin, size in zip(shape, begins, found, strict=True)),
        f"takes {list(sizes)} from {list(begins)} on out of {list(shape)}",
    )
    return [found]


def _strided_slice(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 5)
    op.same_dtypes(0)
    begins, ends, strides = (op.number_list(position) for position in (1, 2, 3))
    op.require(len(begins) == len(ends) == len(strides) <= len(shape), "has bounds for other axes than there are")
    op.require(not (op.option("ellipsisMask") or op.option("newAxisMask") or op.option("offset")), "has an ellipsis, new axes or offsets")
    op.require(0 not in strides and all(abs(stride) <= _LARGEST_EXTENT for stride in strides), f"has strides {list(strides)}")
    found = []
    for axis, extent in enumerate(shape):
        if axis >= len(begins):
            found.append(extent)
            continue
        bit = 1 << axis
        if op.option("shrinkAxisMask") & bit:
            op.require(-extent <= begins[axis] < extent and strides[axis] > 0, f"takes place {begins[axis]} of {extent}")
            continue
        begin = None if op.option("beginMask") & bit else begins[axis]
        end = None if op.option("endMask") & bit else ends[axis]
        count = len(range(extent)[begin : end : strides[axis]])
        op.require(count >= 1, f"takes nothing of axis {axis}")
        found.append(count)
    return [tuple(found)]


def _tile(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    op.same_dtypes(0)
    times = op.number_list(1, length=len(shape))
    op.require(all(1 <= count <= _LARGEST_EXTENT for count in times), f"repeats {list(times)} times")
    return [tuple(extent * count for extent, count in zip(shape, times, strict=True))]


def _broadcast_to(op: Checked) -> list[Shape]:
    op.same_dtypes(0)
    wanted = op.number_list(1)
    op.require(1 <= len(wanted) <= 8 and all(1 <= extent <= _LARGEST_EXTENT for extent in wanted), f"makes the shape {list(wanted[:8])}")
    op.require(broadcast(op, op.shape(0), wanted) == wanted, f"makes the shape {list(wanted)} of {list(op.shape(0))}")
    return [wanted]


def _fill(op: Checked) -> list[Shape]:
    wanted = op.number_list(0)
    op.same_dtypes(1)
    op.require(math.prod(op.shape(1)) == 1, "fills with more than one value")
    op.require(len(wanted) <= 8 and all(1 <= extent <= _LARGEST_EXTENT for extent in wanted), f"makes the shape {list(wanted[:8])}")
    return [wanted]


def _shape(op: Checked) -> list[Shape]:
    op.require(op.out().dtype in ("INT32", "INT64"), f"gives a shape as {op.out().dtype}")
    return [(len(op.shape(0)),)]


def _space_to_depth(op: Checked) -> list[Shape]:
    batch, height, width, channels = op.rank(0, 4)
    op.same_dtypes(0)
    (size,) = op.step("blockSize")
    op.require(height % size == 0 and width % size == 0, f"has blocks of {size} on {height} x {width}")
    return [(batch, height // size, width // size, channels * size * size)]


def _depth_to_space(op: Checked) -> list[Shape]:
    batch, height, width, channels = op.rank(0, 4)
    op.same_dtypes(0)
    (size,) = op.step("blockSize")
    op.require(channels % (size * size) == 0, f"makes blocks of {size} out of {channels} channels")
    return [(batch, height * size, width * size, channels // (size * size))]


def _space_to_batch(op: Checked) -> list[Shape]:
    shape = op.rank(0, 3, 4)
    op.same_dtypes(0)
    sizes = op.number_list(1, length=len(shape) - 2)
    pairs = _paddings(op, 2, len(sizes))
    op.require(all(1 <= size <= _LARGEST_EXTENT for size in sizes), f"has blocks of {list(sizes)}")
    inner = [extent + before + after for extent, (before, after) in zip(shape[1:-1], pairs, strict=True)]
    op.require(all(extent % size == 0 for extent, size in zip(inner, sizes, strict=True)), f"has blocks of {list(sizes)} on {inner}")
    return [(shape[0] * math.prod(sizes), *(extent // size for extent, size in zip(inner, sizes, strict=True)), shape[-1])]


def _batch_to_space(op: Checked) -> list[Shape]:
    shape = op.rank(0, 3, 4)
    op.same_dtypes(0)
    sizes = op.number_list(1, length=len(shape) - 2)
    pairs = _paddings(op, 2, len(sizes))
    op.require(all(1 <= size <= _LARGEST_EXTENT for size in sizes), f"has blocks of {list(sizes)}")
    op.require(shape[0] % math.prod(sizes) == 0, f"makes blocks of {list(sizes)} out of {shape[0]} batches")
    inner = [extent * size - before - after for extent, size, (before, after) in zip(shape[1:-1], sizes, pairs, strict=True)]
    op.require(min(inner) >= 1, "crops more than there is")
    return [(shape[0] // math.prod(sizes), *inner, shape[-1])]


def _resize(op: Checked) -> list[Shape]:
    batch, _, _, channels = op.rank(0, 4)
    op.same_dtypes(0)
    height, width = op.number_list(1, length=2)
    op.require(0 < height <= _LARGEST_EXTENT and 0 < width <= _LARGEST_EXTENT, f"makes {height} x {width}")
    op.require(not (op.option("alignCorners") and op.option("halfPixelCenters")), "has both alignCorners and halfPixelCenters")
    return [(batch, height, width, channels)]


def _reverse(op: Checked) -> list[Shape]:
    shape = op.most_axes(0, 8)
    axes_of(op, 1, len(shape))
    return same(op)


ARRANGING: Final[dict[str, Rule]] = {
    "RESHAPE": Rule(_reshape, (1, 2), "ReshapeOptions", deciding=_FIRST),
    "SQUEEZE": Rule(_squeeze, (1, 1), "SqueezeOptions"),
    "EXPAND_DIMS": Rule(_expand_dims, (2, 2), deciding=_FIRST),
    "TRANSPOSE": Rule(_transpose, (2, 2), deciding=_FIRST),
    "PAD": Rule(_pad, (2, 2), deciding=_FIRST),
    "PADV2": Rule(_pad, (3, 3), deciding=_FIRST),
    "MIRROR_PAD": Rule(_mirror_pad, (2, 2), "MirrorPadOptions", deciding=_FIRST),
    "SLICE": Rule(_slice, (3, 3), deciding=_BOTH),
    "STRIDED_SLICE": Rule(_strided_slice, (4, 4), "StridedSliceOptions", deciding=_ALL),
    "TILE": Rule(_tile, (2, 2), deciding=_FIRST),
    "BROADCAST_TO": Rule(_broadcast_to, (2, 2), deciding=_FIRST),
    "FILL": Rule(_fill, (2, 2), deciding=frozenset({0})),
    "SHAPE": Rule(_shape, (1, 1), "ShapeOptions"),
    "SPACE_TO_DEPTH": Rule(_space_to_depth, (1, 1), "SpaceToDepthOptions"),
    "DEPTH_TO_SPACE": Rule(_depth_to_space, (1, 1), "DepthToSpaceOptions"),
    "SPACE_TO_BATCH_ND": Rule(_space_to_batch, (3, 3), deciding=_BOTH),
    "BATCH_TO_SPACE_ND": Rule(_batch_to_space, (3, 3), deciding=_BOTH),
    "RESIZE_BILINEAR": Rule(_resize, (2, 2), "ResizeBilinearOptions", deciding=_FIRST),
    "RESIZE_NEAREST_NEIGHBOR": Rule(partial(_resize), (2, 2), "ResizeNearestNeighborOptions", deciding=_FIRST),
    "REVERSE_V2": Rule(_reverse, (2, 2), deciding=_FIRST),
}
