"""A small TFLite graph builder: numpy in, flatbuffer bytes out.

It knows the operators that the toolkit's blocks need, all float32 and NHWC, with shapes inferred as each operator is added. The
file format is ``tensorflow/compiler/mlir/lite/schema/schema.fbs`` of TensorFlow, version 3. No TensorFlow, no torch: a model takes
about a millisecond.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from collab.blocks import conv_out_size
from collab.errors import ExportError
from collab.networks.weights import Array
from collab.tensors.types import Shape

SIGNATURE: Final = "serving_default"
_BUFFER_ALIGNMENT: Final = 16
_FUSED: Final = {
    None: schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A constant's bytes, aligned as kernels that load them directly ask for (the generated code aligns to 1)."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - overrides the generated method
        data = self.data
        vector = None
        if data is not None:
            builder.StartVector(1, data.size, _BUFFER_ALIGNMENT)
            head = builder.head - data.size
            builder.head = head
            builder.Bytes[head : head + data.size] = memoryview(data)
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


class TfliteGraph:
    """A model's graph under construction. Tensors are referred to by their index."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._shapes: list[Shape] = []
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self._operators: list[Any] = []
        self._codes: dict[int, int] = {}
        self._inputs: list[int] = []
        self.constant_bytes = 0

    def shape(self, tensor: int) -> Shape:
        return self._shapes[tensor]

    def add_input(self, shape: Shape) -> int:
        """The next input of the model, named ``in0``, ``in1`` ..."""
        tensor = self._tensor(shape, name=f"in{len(self._inputs)}")
        self._inputs.append(tensor)
        return tensor

    def conv(self, x: int, *, weight: Array, bias: Array, stride: int, activation: str | None) -> int:
        """2-D convolution with torch's symmetric padding; weight is torch's (O, I, kH, kW)."""
        kernel = weight.shape[2]
        x, padding = self._pad_like_torch(x, kernel=kernel, stride=stride)
        options = schema.Conv2DOptionsT()
        options.padding, options.strideW, options.strideH = padding, stride, stride
        options.fusedActivationFunction = _FUSED[activation]
        constants = [self._constant(weight.transpose(0, 2, 3, 1)), self._constant(bias)]
        out_shape = self._conv_shape(x, padding, kernel=kernel, stride=stride, channels=weight.shape[0])
        return self._operator(schema.BuiltinOperator.CONV_2D, [x, *constants], out_shape, schema.BuiltinOptions.Conv2DOptions, options)

    def depthwise_conv(self, x: int, *, weight: Array, bias: Array, stride: int, activation: str | None) -> int:
        """Depthwise convolution with torch's symmetric padding; weight is torch's (C, 1, kH, kW)."""
        kernel = weight.shape[2]
        x, padding = self._pad_like_torch(x, kernel=kernel, stride=stride)
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.strideW, options.strideH, options.depthMultiplier = padding, stride, stride, 1
        options.fusedActivationFunction = _FUSED[activation]
        constants = [self._constant(weight.transpose(1, 2, 3, 0)), self._constant(bias)]
        out_shape = self._conv_shape(x, padding, kernel=kernel, stride=stride, channels=weight.shape[0])
        return self._operator(
            schema.BuiltinOperator.DEPTHWISE_CONV_2D, [x, *constants], out_shape, schema.BuiltinOptions.DepthwiseConv2DOptions, options
        )

    def add(self, a: int, b: int) -> int:
        if self.shape(a) != self.shape(b):
            raise ExportError(f"{self._description}: cannot add shapes {self.shape(a)} and {self.shape(b)}")
        return self._operator(schema.BuiltinOperator.ADD, [a, b], self.shape(a), schema.BuiltinOptions.AddOptions, schema.AddOptionsT())

    def relu(self, x: int) -> int:
        return self._operator(schema.BuiltinOperator.RELU, [x], self.shape(x), schema.BuiltinOptions.NONE, None)

    def concat(self, tensors: Sequence[int]) -> int:
        """Concatenation along channels."""
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self.shape(tensor)[3] for tensor in tensors)
        out_shape = (*self.shape(tensors[0])[:3], channels)
        return self._operator(
            schema.BuiltinOperator.CONCATENATION, list(tensors), out_shape, schema.BuiltinOptions.ConcatenationOptions, options
        )

    def global_average(self, x: int) -> int:
        """Mean over height and width, kept as 1 x 1 (which GPU delegates ask for)."""
        options = schema.ReducerOptionsT()
        options.keepDims = True
        axes = self._constant(np.array([1, 2], np.int32))
        out_shape = (self.shape(x)[0], 1, 1, self.shape(x)[3])
        return self._operator(schema.BuiltinOperator.MEAN, [x, axes], out_shape, schema.BuiltinOptions.ReducerOptions, options)

    def fully_connected(self, x: int, *, weight: Array, bias: Array) -> int:
        """Linear layer over the flattened features; weight is (O, I). Gives shape (1, O)."""
        constants = [self._constant(weight), self._constant(bias)]
        return self._operator(
            schema.BuiltinOperator.FULLY_CONNECTED,
            [x, *constants],
            (1, weight.shape[0]),
            schema.BuiltinOptions.FullyConnectedOptions,
            schema.FullyConnectedOptionsT(),
        )

    def build(self, output: int) -> bytes:
        """The finished model file with this tensor as its output, named ``out``."""
        self._tensors[output].name = "out"
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = self._inputs, [output]
        model = schema.ModelT()
        model.version = 3
        model.description = self._description
        model.subgraphs = [graph]
        model.buffers = self._buffers
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        model.signatureDefs = [self._signature(output)]
        try:
            builder = flatbuffers.Builder(self.constant_bytes + 4096 + 512 * len(self._tensors))
            builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
            return bytes(builder.Output())
        except flatbuffers.builder.BuilderSizeError as error:
            raise ExportError(f"{self.constant_bytes / 2**30:.2f} GiB of weights are more than a TFLite model holds (2 GiB)") from error

    def _signature(self, output: int) -> Any:
        signature = schema.SignatureDefT()
        signature.signatureKey = SIGNATURE
        signature.subgraphIndex = 0
        signature.inputs = [_tensor_map(f"in{index}", tensor) for index, tensor in enumerate(self._inputs)]
        signature.outputs = [_tensor_map("out", output)]
        return signature

    def _tensor(self, shape: Shape, *, name: str | None = None, buffer: int = 0, dtype: int = schema.TensorType.FLOAT32) -> int:
        """Inner tensors have no names: nothing refers to them, and strings are a third of the time of writing a block."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), dtype, buffer
        self._tensors.append(tensor)
        self._shapes.append(tuple(int(extent) for extent in shape))
        return len(self._tensors) - 1

    def _constant(self, array: npt.NDArray[Any]) -> int:
        buffer = _AlignedBuffer()
        buffer.data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self._buffers.append(buffer)
        self.constant_bytes += buffer.data.size + _BUFFER_ALIGNMENT
        dtype = schema.TensorType.INT32 if array.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(array.shape, buffer=len(self._buffers) - 1, dtype=dtype)

    def _operator(self, code: int, inputs: list[int], out_shape: Shape, options_type: int, options: Any) -> int:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(code, len(self._codes))
        output = self._tensor(out_shape)
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self._operators.append(operator)
        return output

    def _pad_like_torch(self, x: int, *, kernel: int, stride: int) -> tuple[int, int]:
        """Makes TFLite read what torch reads: SAME where it pads alike, else an explicit PAD before VALID.

        torch pads kernel // 2 on every side; TFLite's SAME pads what the output size needs, more on the right and bottom. With an even
        size and stride 2 the two differ.
        """
        size = self.shape(x)[1]
        before = kernel // 2
        out_size = conv_out_size(size, kernel=kernel, stride=stride)
        reach = (out_size - 1) * stride + kernel - size
        if kernel == 1 and stride == 1:
            return x, schema.Padding.VALID
        if out_size == -(-size // stride) and max(reach, 0) // 2 == before and reach - before == reach // 2 + reach % 2:
            return x, schema.Padding.SAME
        after = max(reach - before, 0)
        paddings = np.array([[0, 0], [before, after], [before, after], [0, 0]], np.int32)
        batch, height, width, channels = self.shape(x)
        out_shape = (batch, height + before + after, width + before + after, channels)
        padded = self._operator(
            schema.BuiltinOperator.PAD, [x, self._constant(paddings)], out_shape, schema.BuiltinOptions.PadOptions, schema.PadOptionsT()
        )
        return padded, schema.Padding.VALID

    def _conv_shape(self, x: int, padding: int, *, kernel: int, stride: int, channels: int) -> Shape:
        batch, size, _, _ = self.shape(x)
        out_size = -(-size // stride) if padding == schema.Padding.SAME else (size - kernel) // stride + 1
        return (batch, out_size, out_size, channels)


def _operator_code(code: int) -> Any:
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = code
    operator_code.deprecatedBuiltinCode = min(code, 127)
    operator_code.version = 1
    return operator_code


def _tensor_map(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def operator_names(model: bytes) -> list[str]:
    """Names of a TFLite model's operators, in the order of its first graph.

    Raises:
        ExportError: the bytes are no TFLite model.
    """
    if model[4:8] != b"TFL3":
        raise ExportError("not a TFLite model: the file identifier is missing")
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    try:
        root = schema.Model.GetRootAs(model, 0)
        graph = root.Subgraphs(0)
        if graph is None:
            raise ExportError("not a TFLite model: it has no subgraph")
        codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
        found = [codes[graph.Operators(i).OpcodeIndex()] for i in range(graph.OperatorsLength())]
    except (IndexError, TypeError, struct.error) as error:
        raise ExportError(f"not a TFLite model: {error}") from error
    return [names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in found]
