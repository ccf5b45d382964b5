"""Networks drawn at random whose channels can be divided: convolutions of all kinds, what goes along with them, gates, residuals."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import numpy as np

from graph.format.flatbuffer import Record
from tests.graph.sample import Sample

SIDE: Final = 6
_STRIDES: Final = {"strideW": 1, "strideH": 1}
_WINDOW: Final = {**_STRIDES, "filterWidth": 2, "filterHeight": 2}


class _Even(Sample):
    """A model whose weights keep values about as large as they are, so that what is rounded otherwise is not blown up."""

    def weights(self, *shape: int) -> int:
        values = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:], dtype=float))
        return self.constant(values.astype(np.float32))


class Drawn:
    """A network under construction, one random step after the other; the same seed gives the same."""

    def __init__(self, seed: int) -> None:
        self.sample = _Even(seed)
        self.draw = random.Random(f"split/{seed}")
        self.tensors = [self.sample.input((1, SIDE, SIDE, 8))]

    def network(self, *, most: int = 10) -> Record:
        steps: tuple[Callable[[int], int], ...] = (
            *(self.conv, self.conv, self.conv, self.half_conv, self.depthwise, self.depthwise),
            *(self.each_value, self.slopes, self.scale, self.residual, self.gate, self.pool, self.padded, self.grouped, self.upward),
        )
        for _ in range(self.draw.randint(2, most)):
            self.tensors.append(self.draw.choice(steps)(self.draw.choice(self.tensors[-2:])))
        last = self.tensors[-1]
        ends = [self.head(last) if self.draw.random() < 0.5 else last]
        if self.draw.random() < 0.3:
            ends.append(self.draw.choice(self.tensors[1:]))
        return self.sample.record(*dict.fromkeys(ends))

    def _channels(self) -> int:
        return self.draw.choice((8, 16, 24))

    def conv(self, x: int) -> int:
        return self.sample.conv(x, self._channels(), kernel=self.draw.choice((1, 3)))

    def half_conv(self, x: int) -> int:
        """A convolution whose weights and bias are kept as float16."""
        sample, channels = self.sample, self._channels()
        unpacked = []
        for shape in ((channels, 1, 1, sample.shape(x)[-1]), (channels,)):
            half = sample.constant((sample.random.standard_normal(shape) / 4).astype(np.float16))
            unpacked.append(sample.op("DEQUANTIZE", [half], shape, version=3))
        return sample.op("CONV_2D", [x, *unpacked], (*sample.shape(x)[:3], channels), table="Conv2DOptions", options=_STRIDES)

    def depthwise(self, x: int) -> int:
        sample, multiplier = self.sample, self.draw.choice((1, 1, 2))
        channels = sample.shape(x)[-1] * multiplier
        if channels > 48:
            return self.each_value(x)
        options = {**_STRIDES, "depthMultiplier": multiplier, "fusedActivationFunction": self.draw.choice((0, 3))}
        inputs = [x, sample.weights(1, 3, 3, channels), sample.weights(channels)]
        return sample.op("DEPTHWISE_CONV_2D", inputs, (*sample.shape(x)[:3], channels), table="DepthwiseConv2DOptions", options=options)

    def grouped(self, x: int) -> int:
        sample = self.sample
        channels = sample.shape(x)[-1]
        inputs = [x, sample.weights(channels, 1, 1, channels // 4), sample.weights(channels)]
        return sample.op("CONV_2D", inputs, sample.shape(x), table="Conv2DOptions", options=_STRIDES, version=6)

    def upward(self, x: int) -> int:
        sample = self.sample
        batch, height, width, depth = sample.shape(x)
        if height * 2 > 2 * SIDE:
            return self.each_value(x)
        shape = (batch, 2 * height, 2 * width, 16)
        inputs = [sample.ints(*shape), sample.weights(16, 2, 2, depth), x]
        return sample.op("TRANSPOSE_CONV", inputs, shape, table="TransposeConvOptions", options={"strideW": 2, "strideH": 2})

    def each_value(self, x: int) -> int:
        return self.sample.op(self.draw.choice(("RELU", "TANH", "LOGISTIC", "HARD_SWISH")), [x], self.sample.shape(x))

    def slopes(self, x: int) -> int:
        return self.sample.op("PRELU", [x, self.sample.weights(1, 1, self.sample.shape(x)[-1])], self.sample.shape(x))

    def scale(self, x: int) -> int:
        sample = self.sample
        other = sample.weights(sample.shape(x)[-1]) if self.draw.random() < 0.7 else sample.weights(1)
        name, table = self.draw.choice((("MUL", "MulOptions"), ("ADD", "AddOptions"), ("SUB", "SubOptions")))
        inputs = [x, other] if self.draw.random() < 0.7 else [other, x]
        return sample.op(name, inputs, sample.shape(x), table=table)

    def residual(self, x: int) -> int:
        alike = [tensor for tensor in self.tensors if self.sample.shape(tensor) == self.sample.shape(x)]
        return self.sample.add(x, self.draw.choice(alike))

    def gate(self, x: int) -> int:
        """Squeeze-and-excitation: a weight for each channel, computed from all of them."""
        sample = self.sample
        channels = sample.shape(x)[-1]
        y = sample.op("MEAN", [x, sample.ints(1, 2)], (1, 1, 1, channels), table="ReducerOptions", options={"keepDims": True})
        y = sample.op("LOGISTIC", [sample.conv(sample.conv(y, 8, kernel=1), channels, kernel=1)], (1, 1, 1, channels))
        return sample.op("MUL", [x, y], sample.shape(x), table="MulOptions")

    def pool(self, x: int) -> int:
        name = self.draw.choice(("MAX_POOL_2D", "AVERAGE_POOL_2D"))
        return self.sample.op(name, [x], self.sample.shape(x), table="Pool2DOptions", options=_WINDOW)

    def padded(self, x: int) -> int:
        sample = self.sample
        batch, height, width, depth = sample.shape(x)
        if height > SIDE:
            return self.each_value(x)
        around = sample.constant(np.array([[0, 0], [0, 1], [1, 0], [0, self.draw.choice((0, 0, 8))]], np.int32))
        more = int(np.frombuffer(sample.buffers[-1]["data"], np.int32)[-1])
        return sample.op("PAD", [x, around], (batch, height + 1, width + 1, depth + more), table="PadOptions")

    def head(self, x: int) -> int:
        sample = self.sample
        channels = sample.shape(x)[-1]
        y = sample.op("MEAN", [x, sample.ints(1, 2)], (1, channels), table="ReducerOptions")
        y = sample.op("RESHAPE", [y, sample.ints(1, channels)], (1, channels), table="ReshapeOptions")
        return sample.op("FULLY_CONNECTED", [y, sample.weights(10, channels), -1], (1, 10), table="FullyConnectedOptions")
