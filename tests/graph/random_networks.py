"""Networks drawn at random: chains, forks, joins, residuals, packed weights, quantised stretches, several inputs and outputs."""

from __future__ import annotations

import random

import numpy as np

from graph.format.flatbuffer import Record
from tests.graph.sample import Sample

SIDE, CHANNELS = 6, 4


def random_network(seed: int, *, most: int = 14) -> Record:
    """A network of up to `most` steps, all of whose features are 1 x 6 x 6 x 4 but for some ends; the same seed gives the same."""
    draw = random.Random(f"network/{seed}")
    sample = Sample(seed)
    shape = (1, SIDE, SIDE, CHANNELS)
    tensors = [sample.input(shape) for _ in range(draw.choice((1, 1, 1, 2)))]
    for _ in range(draw.randint(1, most)):
        tensors.append(_step(sample, draw, tensors))
    read = {int(tensor) for operator in sample.operators for tensor in operator["inputs"]}
    ends = [tensor for tensor in tensors if tensor not in read and tensor not in sample.inputs] or [tensors[-1]]
    inner = [tensor for tensor in tensors if tensor in read and tensor not in sample.inputs]
    if inner and draw.random() < 0.3:
        ends.append(draw.choice(inner))
    if draw.random() < 0.5:
        ends[0] = sample.op("MEAN", [ends[0], sample.ints(1, 2)], (1, CHANNELS), table="ReducerOptions")
    return sample.record(*dict.fromkeys(ends))


def _step(sample: Sample, draw: random.Random, tensors: list[int]) -> int:
    """Adds an operator or a few on some of the newest tensors."""
    x = draw.choice(tensors[-3:])
    shape = sample.shape(x)
    kind = draw.randrange(9)
    if kind < 3:
        return sample.conv(x, CHANNELS, kernel=draw.choice((1, 3)))
    if kind == 3:
        return sample.op(draw.choice(("RELU", "TANH", "LOGISTIC")), [x], shape)
    if kind == 4:
        return sample.add(x, draw.choice(tensors))
    if kind == 5:
        both = sample.op(
            "CONCATENATION", [x, draw.choice(tensors)], (*shape[:3], 2 * CHANNELS), table="ConcatenationOptions", options={"axis": 3}
        )
        return sample.conv(both, CHANNELS, kernel=1)
    if kind == 6:
        half = sample.constant(sample.random.standard_normal((CHANNELS, 1, 1, CHANNELS)).astype(np.float16))
        weight = sample.op("DEQUANTIZE", [half], (CHANNELS, 1, 1, CHANNELS), version=3)
        return sample.op(
            "CONV_2D", [x, weight, sample.weights(CHANNELS)], shape, table="Conv2DOptions", options={"strideW": 1, "strideH": 1}
        )
    if kind == 7:
        first = sample.op(
            "SPLIT", [sample.number(3), x], *[(*shape[:3], CHANNELS // 2)] * 2, table="SplitOptions", options={"numSplits": 2}
        )
        return sample.op("CONCATENATION", [first + 1, first], shape, table="ConcatenationOptions", options={"axis": 3})
    packed = sample.op("QUANTIZE", [x], shape, dtype="INT8", scale=0.05, zero=-3)
    return sample.op("DEQUANTIZE", [packed], shape, version=2)
