"""Small models that tests make: together they have every operator that has a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graph.format.flatbuffer import Record, record
from graph.format.writing import model_bytes
from tests.graph.sample import NO_SOURCE, TYPES, Sample

HALVE = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
CONV = {"strideW": 1, "strideH": 1}
FORKED_SHAPE = (1, 16, 16, 8)


def residual() -> Record:
    """A network of two convolutions with a way around them, a pooling and a linear layer with softmax."""
    g = Sample()
    x = g.input((1, 8, 8, 4))
    y = g.add(g.conv(g.conv(x, 4), 4), x)
    y = g.op(
        "AVERAGE_POOL_2D",
        [y],
        (1, 4, 4, 4),
        table="Pool2DOptions",
        options=HALVE,
    )
    y = g.op("RESHAPE", [y, g.ints(1, 64)], (1, 64), table="ReshapeOptions")
    y = g.op("FULLY_CONNECTED", [y, g.weights(5, 64), -1], (1, 5), table="FullyConnectedOptions")
    return g.record(g.op("SOFTMAX", [y], (1, 5), table="SoftmaxOptions", options={"beta": 1.0}))


def forked_network() -> bytes:
    """A fork of two convolutions that a sum joins, twice the same convolution after it, and a head that gives two outputs, one of int8."""
    g = Sample()
    first = g.conv(g.input(FORKED_SHAPE), 8, kernel=3)
    joined = g.add(g.conv(first, 8, kernel=5), g.conv(first, 8, kernel=3))
    twice = g.conv(g.conv(joined, 8, kernel=3), 8, kernel=3)
    packed = g.op("QUANTIZE", [twice], FORKED_SHAPE, dtype="INT8", scale=0.05, zero=-3)
    mean = g.op("MEAN", [twice, g.ints(1, 2)], (1, 8), table="ReducerOptions")
    return model_bytes(g.record(packed, mean), NO_SOURCE)


def _quantised() -> dict[str, Record]:
    """Models of int8 values: convolutions with a scale for each channel, a sum, a join."""
    g = Sample()
    x = g.input((1, 6, 6, 4), "INT8", scale=0.05, zero=3)
    weight = g.constant(g.random.integers(-127, 127, (8, 3, 3, 4)).astype(np.int8), scale=[0.01] * 8)
    bias = g.constant(g.random.integers(-99, 99, 8).astype(np.int32), scale=[0.0005] * 8)
    conv = {"padding": 0, "strideW": 1, "strideH": 1}
    y = g.op("CONV_2D", [x, weight, bias], (1, 6, 6, 8), table="Conv2DOptions", options=conv, dtype="INT8", scale=0.1, version=3)
    weight = g.constant(g.random.integers(-127, 127, (1, 3, 3, 8)).astype(np.int8), scale=[0.01] * 8, axis=3)
    z = g.op(
        "DEPTHWISE_CONV_2D",
        [y, weight, bias],
        (1, 6, 6, 8),
        table="DepthwiseConv2DOptions",
        options=conv | {"depthMultiplier": 1},
        dtype="INT8",
        scale=0.1,
        version=3,
    )
    z = g.op("ADD", [y, z], (1, 6, 6, 8), table="AddOptions", dtype="INT8", scale=0.15, version=2)
    z = g.op("CONCATENATION", [z, z], (1, 6, 6, 16), table="ConcatenationOptions", options={"axis": 3}, dtype="INT8", scale=0.15, version=2)
    z = g.op("MEAN", [z, g.ints(1, 2)], (1, 16), table="ReducerOptions", dtype="INT8", scale=0.1, version=2)
    weight = g.constant(g.random.integers(-127, 127, (6, 16)).astype(np.int8), scale=0.02)
    z = g.op("FULLY_CONNECTED", [z, weight, -1], (1, 6), table="FullyConnectedOptions", dtype="INT8", scale=0.2, version=4)
    z = g.op("SOFTMAX", [z], (1, 6), table="SoftmaxOptions", options={"beta": 1.0}, dtype="INT8", scale=1 / 256, zero=-128, version=2)
    found = {"int8": g.record(z)}
    g = Sample()
    x = g.input((1, 4, 4, 4))
    y = g.op("QUANTIZE", [x], (1, 4, 4, 4), dtype="UINT8", scale=0.02, zero=128)
    y = g.op("MUL", [y, y], (1, 4, 4, 4), table="MulOptions", dtype="UINT8", scale=0.03, zero=10)
    y = g.op(
        "MAX_POOL_2D",
        [y],
        (1, 2, 2, 4),
        table="Pool2DOptions",
        options=HALVE,
        dtype="UINT8",
        scale=0.03,
        zero=10,
    )
    y = g.op("LOGISTIC", [y], (1, 2, 2, 4), dtype="UINT8", scale=1 / 256)
    found["uint8"] = g.record(g.op("DEQUANTIZE", [y], (1, 2, 2, 4)))
    return found


def _packed() -> dict[str, Record]:
    """Weights behind DEQUANTIZE and DENSIFY."""
    g = Sample()
    x = g.input((1, 4, 4, 4))
    half = g.constant(g.random.standard_normal((8, 1, 1, 4)).astype(np.float16))
    weight = g.op("DEQUANTIZE", [half], (8, 1, 1, 4), version=3)
    y = g.op("CONV_2D", [x, weight, g.weights(8)], (1, 4, 4, 8), table="Conv2DOptions", options=CONV)
    levels = (
        *tuple(record("DimensionMetadata", denseSize=size) for size in (8, 1, 1)),
        record(
            "DimensionMetadata",
            format=1,
            arraySegmentsType=1,
            arraySegments=record("Int32Vector", values=np.arange(0, 17, 2, dtype=np.int32)),
            arrayIndicesType=3,
            arrayIndices=record("Uint8Vector", values=bytes([0, 3] * 8)),
        ),
    )
    sparsity = record("SparsityParameters", traversalOrder=np.arange(4, dtype=np.int32), dimMetadata=levels)
    sparse = g.constant(g.random.standard_normal(16).astype(np.float32), shape=(8, 1, 1, 8), sparsity=sparsity)
    weight = g.op("DENSIFY", [sparse], (8, 1, 1, 8))
    y = g.op("CONV_2D", [y, weight, g.weights(8)], (1, 4, 4, 8), table="Conv2DOptions", options=CONV)
    return {"packed": g.record(y)}


def _convolutions() -> dict[str, Record]:
    g = Sample()
    x = g.input((1, 6, 6, 4))
    y = g.op(
        "DEPTHWISE_CONV_2D",
        [x, g.weights(1, 3, 3, 8), g.weights(8)],
        (1, 6, 6, 8),
        table="DepthwiseConv2DOptions",
        options={"padding": 0, "strideW": 1, "strideH": 1, "depthMultiplier": 2},
    )
    y = g.op(
        "TRANSPOSE_CONV",
        [g.ints(1, 12, 12, 4), g.weights(4, 3, 3, 8), y],
        (1, 12, 12, 4),
        table="TransposeConvOptions",
        options={"padding": 0, "strideW": 2, "strideH": 2},
    )
    y = g.op("L2_POOL_2D", [y], (1, 6, 6, 4), table="Pool2DOptions", options=HALVE)
    y = g.op("BATCH_MATMUL", [y, y], (1, 6, 6, 6), table="BatchMatMulOptions", options={"adjY": True})
    return {"convolutions": g.record(y)}


def _chain(
    names: Sequence[tuple[str, str | None, dict[str, Any]]], shape: tuple[int, ...] = (1, 4, 4, 4), dtype: str = "FLOAT32"
) -> Record:
    g = Sample()
    x = g.input(shape, dtype)
    for name, table, options in names:
        x = g.op(name, [x], shape, table=table, options=options, dtype=dtype)
    return g.record(x)


def _elementwise() -> dict[str, Record]:
    unary = ("CEIL", "COS", "FLOOR", "NEG", "ROUND", "SIGN", "SIN", "SQUARE", "ABS", "SQRT", "ELU", "EXP", "HARD_SWISH", "LOG", "RSQRT")
    more = ("LOGISTIC", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "TANH", "ZEROS_LIKE")
    found = {"unary": _chain([(name, None, {}) for name in unary]), "activations": _chain([(name, None, {}) for name in more])}
    found["softer"] = _chain(
        [
            ("GELU", "GeluOptions", {"approximate": True}),
            ("LEAKY_RELU", "LeakyReluOptions", {"alpha": 0.1}),
            ("LOG_SOFTMAX", "LogSoftmaxOptions", {}),
            ("L2_NORMALIZATION", "L2NormOptions", {}),
            ("LOCAL_RESPONSE_NORMALIZATION", "LocalResponseNormalizationOptions", {"radius": 1, "bias": 1.0, "alpha": 1.0, "beta": 0.5}),
        ]
    )
    g = Sample()
    a, b = g.input((1, 4, 4, 4)), g.input((4,))
    x = a
    for name, table in (
        ("SUB", "SubOptions"),
        ("MUL", "MulOptions"),
        ("DIV", "DivOptions"),
        ("ATAN2", None),
        ("FLOOR_DIV", None),
        ("FLOOR_MOD", None),
        ("MAXIMUM", None),
        ("MINIMUM", None),
        ("POW", None),
        ("SQUARED_DIFFERENCE", None),
    ):
        x = g.op(name, [x, b if name != "ATAN2" else a], (1, 4, 4, 4), table=table)
    x = g.op("PRELU", [x, g.weights(1, 1, 4)], (1, 4, 4, 4))
    tests = [
        g.op(name, [x, b], (1, 4, 4, 4), dtype="BOOL") for name in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
    ]
    both = g.op("LOGICAL_AND", tests[:2], (1, 4, 4, 4), dtype="BOOL")
    either = g.op("LOGICAL_OR", [both, g.op("LOGICAL_NOT", [tests[2]], (1, 4, 4, 4), dtype="BOOL")], (1, 4, 4, 4), dtype="BOOL")
    y = g.op("SELECT", [either, x, a], (1, 4, 4, 4))
    y = g.op("SELECT_V2", [tests[3], y, b], (1, 4, 4, 4))
    z = g.op("CAST", [y], (1, 4, 4, 4), dtype="INT32")
    z = g.op("BITWISE_XOR", [z, g.ints(1, 2, 3, 4)], (1, 4, 4, 4), dtype="INT32")
    z = g.op("RIGHT_SHIFT", [z, z], (1, 4, 4, 4), dtype="INT32")
    return found | {"binary": g.record(y, z)}


def _arranging() -> dict[str, Record]:
    g = Sample()
    x = g.input((1, 4, 4, 4))
    y = g.op("SPACE_TO_DEPTH", [x], (1, 2, 2, 16), table="SpaceToDepthOptions", options={"blockSize": 2})
    y = g.op("DEPTH_TO_SPACE", [y], (1, 4, 4, 4), table="DepthToSpaceOptions", options={"blockSize": 2})
    y = g.op("TRANSPOSE", [y, g.ints(0, 3, 1, 2)], (1, 4, 4, 4))
    y = g.op("PAD", [y, g.constant(np.array([[0, 0], [1, 1], [1, 2], [0, 0]], np.int32))], (1, 6, 7, 4))
    y = g.op("PADV2", [y, g.constant(np.array([[0, 0], [0, 0], [0, 1], [0, 0]], np.int32)), g.constant(np.float32(2))], (1, 6, 8, 4))
    y = g.op("MIRROR_PAD", [y, g.constant(np.array([[0, 0], [1, 1], [0, 0], [0, 0]], np.int32))], (1, 8, 8, 4), table="MirrorPadOptions")
    y = g.op("RESIZE_BILINEAR", [y, g.ints(6, 6)], (1, 6, 6, 4), table="ResizeBilinearOptions")
    y = g.op("RESIZE_NEAREST_NEIGHBOR", [y, g.ints(4, 8)], (1, 4, 8, 4), table="ResizeNearestNeighborOptions")
    y = g.op("SPACE_TO_BATCH_ND", [y, g.ints(2, 2), g.constant(np.zeros((2, 2), np.int32))], (4, 2, 4, 4))
    y = g.op("BATCH_TO_SPACE_ND", [y, g.ints(2, 2), g.constant(np.zeros((2, 2), np.int32))], (1, 4, 8, 4))
    y = g.op("SLICE", [y, g.ints(0, 1, 2, 0), g.ints(1, 3, 4, -1)], (1, 3, 4, 4))
    y = g.op(
        "STRIDED_SLICE",
        [y, g.ints(0, 0, 0, 0), g.ints(1, 3, 4, 4), g.ints(1, 1, 2, 1)],
        (3, 2, 4),
        table="StridedSliceOptions",
        options={"beginMask": 2, "shrinkAxisMask": 1},
    )
    y = g.op("EXPAND_DIMS", [y, g.number(0)], (1, 3, 2, 4))
    y = g.op("SQUEEZE", [y], (3, 2, 4), table="SqueezeOptions", options={"squeezeDims": np.array([0], np.int32)})
    y = g.op("TILE", [y, g.ints(1, 2, 1)], (3, 4, 4))
    y = g.op("REVERSE_V2", [y, g.ints(1)], (3, 4, 4))
    y = g.op("BROADCAST_TO", [y, g.ints(2, 3, 4, 4)], (2, 3, 4, 4), version=2)
    z = g.op("SHAPE", [y], (4,), table="ShapeOptions", options={"outType": TYPES["INT32"]}, dtype="INT32")
    f = g.op("FILL", [g.ints(2, 2), g.constant(np.float32(3))], (2, 2))
    return {"arranging": g.record(y, z, f)}


def _joining() -> dict[str, Record]:
    g = Sample()
    x = g.input((1, 4, 6))
    picks = g.input((2,), "INT32")
    first = g.op("SPLIT", [g.number(2), x], (1, 4, 3), (1, 4, 3), table="SplitOptions", options={"numSplits": 2})
    second = g.op("SPLIT_V", [x, g.ints(2, -1), g.number(2)], (1, 4, 2), (1, 4, 4), table="SplitVOptions", options={"numSplits": 2})
    y = g.op("CONCATENATION", [first, second + 1], (1, 4, 7), table="ConcatenationOptions", options={"axis": -1})
    packed = g.op("PACK", [first, first + 1], (2, 1, 4, 3), table="PackOptions", options={"valuesCount": 2, "axis": 0})
    apart = g.op("UNPACK", [packed], (1, 4, 3), (1, 4, 3), table="UnpackOptions", options={"num": 2, "axis": 0})
    gathered = g.op("GATHER", [y, picks], (1, 2, 7), table="GatherOptions", options={"axis": 1})
    where = g.op("GATHER_ND", [y, g.constant(np.array([[0, 1], [0, 2]], np.int32))], (2, 7))
    looked = g.op("EMBEDDING_LOOKUP", [picks, g.weights(5, 3)], (2, 3))
    hot = g.op(
        "ONE_HOT",
        [picks, g.number(4), g.constant(np.float32(1)), g.constant(np.float32(0))],
        (2, 4),
        table="OneHotOptions",
        options={"axis": -1},
    )
    return {"joining": g.record(gathered, where, looked, hot, apart)}


def _reducing() -> dict[str, Record]:
    g = Sample()
    x = g.input((1, 4, 4, 6))
    ends = [
        g.op(name, [x, g.ints(1, 2)], (1, 6), table="ReducerOptions") for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")
    ]
    ends.append(g.op("MEAN", [x, g.ints(-1)], (1, 4, 4, 1), table="ReducerOptions", options={"keepDims": True}))
    ends.append(g.op("ARG_MAX", [x, g.number(3)], (1, 4, 4), table="ArgMaxOptions", options={"outputType": TYPES["INT64"]}, dtype="INT64"))
    ends.append(g.op("ARG_MIN", [x, g.number(1)], (1, 4, 6), table="ArgMinOptions", options={"outputType": TYPES["INT32"]}, dtype="INT32"))
    ends.append(g.op("CUMSUM", [x, g.number(3)], (1, 4, 4, 6), table="CumsumOptions"))
    true = g.op("GREATER", [x, g.weights(6)], (1, 4, 4, 6), dtype="BOOL")
    ends += [g.op(name, [true, g.ints(3)], (1, 4, 4), table="ReducerOptions", dtype="BOOL") for name in ("REDUCE_ANY", "REDUCE_ALL")]
    top = g.op("TOPK_V2", [x, g.number(2)], (1, 4, 4, 2), (1, 4, 4, 2))
    g.tensors[top + 1] = g.tensors[top + 1].replaced(type=TYPES["INT32"])
    return {"reducing": g.record(*ends, top)}


@cache
def records() -> Mapping[str, Record]:
    """Models that together have every operator that has a rule."""
    return {
        "residual": residual(),
        **_quantised(),
        **_packed(),
        **_convolutions(),
        **_elementwise(),
        **_arranging(),
        **_joining(),
        **_reducing(),
    }


@cache
def samples() -> Mapping[str, bytes]:
    """The files of `records`."""
    return {name: model_bytes(model, NO_SOURCE) for name, model in records().items()}


def written(folder: Path, data: bytes, name: str = "model.tflite") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
