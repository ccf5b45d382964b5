"""Rules of convolutions, poolings and matrix products."""

from __future__ import annotations

import math
from typing import Final

from graph.checking.elementwise import check_activation
from graph.checking.rule import Checked, Rule, broadcast
from graph.network import Shape

_SAME_PADDING: Final = 0
_VALID_PADDING: Final = 1


def _reach(op: Checked, size: int, *, window: int, stride: int, dilation: int = 1) -> int:
    """Computes how many places a window has along an axis of this size."""
    padding = op.option("padding")
    op.require(padding in (_SAME_PADDING, _VALID_PADDING), f"has a padding of number {padding}")
    if padding == _SAME_PADDING:
        return -(-size // stride)
    places = size - (window - 1) * dilation
    op.require(places >= 1, f"has a window of {window}, dilated by {dilation}, on a side of {size}")
    return -(-places // stride)


def _check_weights(op: Checked, position: int, channels: int, bias: int) -> None:
    op.require(all(extent > 0 for extent in op.shape(position)), "has empty weights")
    if op.has(bias):
        op.require(math.prod(op.shape(bias)) == channels, f"has a bias of shape {list(op.shape(bias))} for {channels} channels")


def _check_types(op: Checked, values: int, weights: int, bias: int) -> None:
    """Requires floats with floats, and whole numbers with narrower ones; weights alone may be packed."""
    op.require(op.dtype(values) == op.out().dtype, f"makes {op.out().dtype} of {op.dtype(values)}")
    narrow = {
        "FLOAT32": ("FLOAT32", "INT8", "UINT8", "INT4", "INT2"),
        "INT8": ("INT8", "INT4", "INT2"),
        "UINT8": ("UINT8",),
        "INT16": ("INT8",),
    }
    op.require(op.dtype(weights) in narrow.get(op.dtype(values), ()), f"has weights of {op.dtype(weights)} for {op.dtype(values)}")
    op.require(op.dtype(weights) == "FLOAT32" or op.tensor(weights).quantisation is not None, "has packed weights without a scale")
    if op.has(bias):
        wide = {"FLOAT32": ("FLOAT32",), "INT16": ("INT32", "INT64")}.get(op.dtype(values), ("INT32",))
        op.require(op.dtype(bias) in wide, f"has a bias of {op.dtype(bias)} for {op.dtype(values)}")


def _conv(op: Checked) -> list[Shape]:
    batch, height, width, channels = op.rank(0, 4)
    out_channels, window_h, window_w, in_channels = op.rank(1, 4)
    _check_weights(op, 1, out_channels, 2)
    _check_types(op, 0, 1, 2)
    check_activation(op)
    groups = channels // in_channels
    op.require(channels % in_channels == 0 and out_channels % groups == 0, f"has weights for {in_channels} channels, and gets {channels}")
    stride_h, stride_w, dilation_h, dilation_w = op.step("strideH", "strideW", "dilationHFactor", "dilationWFactor")
    out_h = _reach(op, height, window=window_h, stride=stride_h, dilation=dilation_h)
    out_w = _reach(op, width, window=window_w, stride=stride_w, dilation=dilation_w)
    return [(batch, out_h, out_w, out_channels)]


def _depthwise(op: Checked) -> list[Shape]:
    batch, height, width, channels = op.rank(0, 4)
    one, window_h, window_w, out_channels = op.rank(1, 4)
    _check_weights(op, 1, out_channels, 2)
    _check_types(op, 0, 1, 2)
    check_activation(op)
    multiplier = op.option("depthMultiplier")
    op.require(one == 1 and out_channels % channels == 0, f"has weights for {out_channels} channels, and gets {channels}")
    op.require(multiplier in (0, out_channels // channels), f"has depthMultiplier {multiplier} for {channels} to {out_channels} channels")
    stride_h, stride_w, dilation_h, dilation_w = op.step("strideH", "strideW", "dilationHFactor", "dilationWFactor")
    out_h = _reach(op, height, window=window_h, stride=stride_h, dilation=dilation_h)
    out_w = _reach(op, width, window=window_w, stride=stride_w, dilation=dilation_w)
    return [(batch, out_h, out_w, out_channels)]


def _transpose_conv(op: Checked) -> list[Shape]:
    out_shape = op.number_list(0, length=4)
    out_channels, window_h, window_w, in_channels = op.rank(1, 4)
    batch, height, width, channels = op.rank(2, 4)
    _check_weights(op, 1, out_channels, 3)
    _check_types(op, 2, 1, 3)
    check_activation(op)
    stride_h, stride_w = op.step("strideH", "strideW")
    op.require(channels == in_channels, f"has weights for {in_channels} channels, and gets {channels}")
    op.require(all(0 < extent <= 1 << 24 for extent in out_shape), f"makes the shape {list(out_shape)}")
    op.require(out_shape[0] == batch and out_shape[3] == out_channels, f"makes the shape {list(out_shape)}")
    op.require(_reach(op, out_shape[1], window=window_h, stride=stride_h) == height, f"cannot make the shape {list(out_shape)}")
    op.require(_reach(op, out_shape[2], window=window_w, stride=stride_w) == width, f"cannot make the shape {list(out_shape)}")
    return [out_shape]


def _pool(op: Checked) -> list[Shape]:
    batch, height, width, channels = op.rank(0, 4)
    op.same_dtypes(0)
    check_activation(op)
    stride_h, stride_w, window_h, window_w = op.step("strideH", "strideW", "filterHeight", "filterWidth")
    out_h = _reach(op, height, window=window_h, stride=stride_h)
    return [(batch, out_h, _reach(op, width, window=window_w, stride=stride_w), channels)]


def _fully_connected(op: Checked) -> list[Shape]:
    shape = op.shape(0)
    out_features, features = op.rank(1, 2)
    _check_weights(op, 1, out_features, 2)
    _check_types(op, 0, 1, 2)
    check_activation(op)
    op.require(op.option("weightsFormat") == 0, "has weights in a shuffled form")
    values = math.prod(shape)
    op.require(len(shape) >= 1 and values % features == 0, f"has weights for {features} values, and gets the shape {list(shape)}")
    if op.option("keepNumDims"):
        op.require(shape[-1] == features, f"has weights for {features} values, and gets the shape {list(shape)}")
        return [(*shape[:-1], out_features)]
    return [(values // features, out_features)]


def _batch_matmul(op: Checked) -> list[Shape]:
    left, right = op.rank(0, 2, 3, 4, 5), op.rank(1, 2, 3, 4, 5)
    op.require(op.dtype(0) == op.dtype(1) or (op.dtype(0), op.dtype(1)) == ("FLOAT32", "INT8"), "mixes types of values")
    op.require(op.dtype(0) == op.out().dtype or op.out().dtype == "INT32", f"makes {op.out().dtype} of {op.dtype(0)}")
    rows, inner = (left[-1], left[-2]) if op.option("adjX") else (left[-2], left[-1])
    inner_right, columns = (right[-1], right[-2]) if op.option("adjY") else (right[-2], right[-1])
    op.require(inner == inner_right, f"multiplies shapes that do not fit: {list(left)} and {list(right)}")
    return [(*broadcast(op, left[:-2], right[:-2], most=3), rows, columns)]


CONVOLUTIONS: Final[dict[str, Rule]] = {
    "CONV_2D": Rule(_conv, (3, 3), "Conv2DOptions", scaled=True),
    "DEPTHWISE_CONV_2D": Rule(_depthwise, (3, 3), "DepthwiseConv2DOptions", scaled=True),
    "TRANSPOSE_CONV": Rule(_transpose_conv, (3, 4), "TransposeConvOptions", scaled=True, deciding=frozenset({0})),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), Rule(_pool, (1, 1), "Pool2DOptions", scaled=True)),
    "FULLY_CONNECTED": Rule(_fully_connected, (2, 3), "FullyConnectedOptions", scaled=True),
    "BATCH_MATMUL": Rule(_batch_matmul, (2, 2), "BatchMatMulOptions", scaled=True),
}
