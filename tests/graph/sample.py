"""A builder of small models over records of the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graph.format.flatbuffer import Record, record
from graph.format.schema import names_of, union_tables
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.network import Network
from graph.reading import network_of

CODES = {name: code for code, name in names_of("BuiltinOperator").items()}
TYPES = {name: code for code, name in names_of("TensorType").items()}
TAGS = {table: tag for tag, table in union_tables("BuiltinOptions").items()}
NO_SOURCE = Source("sample", memoryview(b""))
NUMPY_TYPES = {
    "float32": "FLOAT32",
    "float16": "FLOAT16",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
}


class Sample:
    """A model under construction; tensors are referred to by their index."""

    def __init__(self, seed: int = 0) -> None:
        self.tensors: list[Record] = []
        self.buffers: list[Record] = [record("Buffer")]
        self.operators: list[Record] = []
        self.codes: dict[tuple[str, int], int] = {}
        self.inputs: list[int] = []
        self.random = np.random.default_rng(seed)

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "FLOAT32",
        *,
        scale: float | Sequence[float] | None = None,
        zero: int = 0,
        axis: int = 0,
        buffer: int = 0,
        **more: Any,
    ) -> int:
        quantisation = None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantisation = record(
                "QuantizationParameters", scale=scales, zeroPoint=np.full(len(scales), zero, np.int64), quantizedDimension=axis
            )
        name = f"t{len(self.tensors)}"
        self.tensors.append(
            record(
                "Tensor", shape=np.array(shape, np.int32), type=TYPES[dtype], buffer=buffer, name=name, quantization=quantisation, **more
            )
        )
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int], dtype: str = "FLOAT32", **more: Any) -> int:
        self.inputs.append(self.tensor(shape, dtype, **more))
        return self.inputs[-1]

    def constant(self, values: Any, dtype: str | None = None, *, shape: Sequence[int] | None = None, **more: Any) -> int:
        array = np.asarray(values)
        self.buffers.append(record("Buffer", data=array.tobytes()))
        return self.tensor(
            array.shape if shape is None else shape, dtype or NUMPY_TYPES[array.dtype.name], buffer=len(self.buffers) - 1, **more
        )

    def ints(self, *values: int) -> int:
        return self.constant(np.array(values, np.int32))

    def number(self, value: int) -> int:
        return self.constant(np.array(value, np.int32))

    def weights(self, *shape: int) -> int:
        return self.constant(self.random.standard_normal(shape).astype(np.float32))

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.tensors[tensor].vector("shape"))

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        *shapes: Sequence[int],
        table: str | None = None,
        options: Mapping[str, Any] | None = None,
        dtype: str = "FLOAT32",
        version: int = 1,
        **more: Any,
    ) -> int:
        """Adds an operator, and returns its first output."""
        code = self.codes.setdefault((name, version), len(self.codes))
        outputs = [self.tensor(shape, dtype, **more) for shape in shapes]
        built = record(table, **(options or {})) if table is not None else None
        self.operators.append(
            record(
                "Operator",
                opcodeIndex=code,
                inputs=np.array(inputs, np.int32),
                outputs=np.array(outputs, np.int32),
                builtinOptions=built,
                builtinOptionsType=TAGS[table] if table else 0,
            )
        )
        return outputs[0]

    def conv(self, x: int, channels: int, *, kernel: int = 3, stride: int = 1, padding: int = 0) -> int:
        batch, height, width, depth = self.shape(x)
        out = [batch, -(-height // stride), -(-width // stride), channels]
        options = {"padding": padding, "strideW": stride, "strideH": stride, "fusedActivationFunction": 1}
        return self.op(
            "CONV_2D",
            [x, self.weights(channels, kernel, kernel, depth), self.weights(channels)],
            out,
            table="Conv2DOptions",
            options=options,
        )

    def add(self, a: int, b: int) -> int:
        return self.op("ADD", [a, b], self.shape(a), table="AddOptions")

    def record(self, *outputs: int) -> Record:
        graph = record(
            "SubGraph",
            tensors=tuple(self.tensors),
            operators=tuple(self.operators),
            inputs=np.array(self.inputs, np.int32),
            outputs=np.array(outputs, np.int32),
            name="main",
        )
        codes = tuple(
            record("OperatorCode", builtinCode=CODES[name], deprecatedBuiltinCode=min(CODES[name], 127), version=version)
            for name, version in self.codes
        )
        return record("Model", version=3, operatorCodes=codes, subgraphs=(graph,), buffers=tuple(self.buffers), description="sample")

    def bytes(self, *outputs: int) -> bytes:
        return model_bytes(self.record(*outputs), NO_SOURCE)

    def network(self, *outputs: int) -> Network:
        return network_of(Source("sample", memoryview(self.bytes(*outputs))))
