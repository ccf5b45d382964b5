"""Networks with stretches split: their operators stand once for each unit, with a share of the weights; sums or joins follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from graph.format.flatbuffer import Record, record
from graph.format.schema import names_of, union_tables
from graph.format.source import Source
from graph.format.writing import inside, model_bytes
from graph.network import Network, Operator, Tensor
from graph.reading import network_of
from graph.splitting.constants import constant_of
from graph.splitting.operators import BIAS, DATA, MEETING, WEIGHTS, bias_of
from graph.splitting.shares import bounds_of
from graph.splitting.stretches import Part, Stretch

_OUTPUTS_AXIS: Final[Mapping[str, int]] = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0, "DEPTHWISE_CONV_2D": 3}
"""Which axis of its weights is the outputs' of an operator."""
_VERSIONS: Final[Mapping[tuple[str, str], int]] = {
    ("ADD", "FLOAT32"): 1,
    ("CONCATENATION", "FLOAT32"): 1,
    ("CONCATENATION", "INT8"): 2,
    ("CONCATENATION", "INT16"): 3,
}
_LARGEST_DEPRECATED_CODE: Final = 127
JOINED: Final = -1
"""Stands for no single share."""


@dataclass(frozen=True)
class Slice:
    """A part of an axis: from its first place to the one behind its last."""

    axis: int
    begin: int
    end: int


@dataclass(frozen=True)
class Rewritten:
    """A network with stretches split.

    Attributes:
        origins: what new tensors of operators stand for, by their index: the tensor that they are a share or a partial sum of, and the
            number of the share; `JOINED` for a sum of several shares that is not yet all of them.
    """

    network: Network
    origins: Mapping[int, tuple[int, int]]


def split_network(network: Network, stretches: Sequence[Stretch], shares: Sequence[float]) -> Network:
    """Returns a network that computes the same, with stretches split into shares of their channels.

    Sums of partial results round otherwise than the whole does; all else is the same to the bit.

    Args:
        stretches: have no operator in common.
        shares: of each unit; a stretch with too few channels is split over fewer units.

    Raises:
        NetworkError: a share is not positive.
    """
    found = [(stretch, bounds_of(stretch.groups, narrowest_of(network, stretch), shares)) for stretch in stretches]
    return rewritten(network, [(stretch, [(begin, end) for begin, end in bounds if end > begin]) for stretch, bounds in found]).network


def narrowest_of(network: Network, stretch: Stretch) -> int:
    """Returns the channels of the narrowest tensor that a stretch divides."""
    return min(network.tensors[tensor].shape[-1] for tensor in stretch.divided)


def rewritten(network: Network, splits: Sequence[tuple[Stretch, Sequence[tuple[int, int]]]]) -> Rewritten:
    """Rewrites a network with stretches split, each at places of its own.

    Args:
        splits: stretches that have no operator in common, each with the first group and the one behind the last of each share, all groups
            in order; a stretch of one share is left as it is.
    """
    rewriter = _Rewriter(network)
    model = rewriter.rewritten(splits)
    return Rewritten(network_of(Source(network.source.origin, memoryview(model_bytes(model, network.source)))), rewriter.origins)


class _Rewriter:
    def __init__(self, network: Network) -> None:
        self._network = network
        graph = network.model.records("subgraphs")[0]
        self._graph = graph
        self._tensors = list(graph.records("tensors"))
        self._buffers = [inside(buffer) for buffer in network.model.records("buffers")]
        self._codes = list(network.codes)
        self._operators: list[Record] = []
        self._shares: dict[tuple[int, int], int] = {}
        """New tensors by the tensor that they are a share of, and the number of the share."""
        self._constants: dict[tuple[int, Slice], int] = {}
        self._sums: dict[int, tuple[int, int]] = {}
        """Tensors that are sums of some shares, with what all of them add up to."""
        self._empty_biases: dict[int, int] = {}
        """Tensors of zeros by the bias that they stand for."""

    def rewritten(self, splits: Sequence[tuple[Stretch, Sequence[tuple[int, int]]]]) -> Record:
        owners = {index: split for split in splits if len(split[1]) > 1 for index in split[0].parts}
        for operator in self._network.operators:
            split = owners.get(operator.index)
            if split is None:
                self._operators.append(operator.record)
            else:
                self._divide(operator, *split)
        self._drop_unread()
        graph = self._graph.replaced(tensors=tuple(self._tensors), operators=tuple(self._operators))
        return self._network.model.replaced(subgraphs=(graph,), buffers=tuple(self._buffers), operatorCodes=tuple(self._codes))

    @property
    def origins(self) -> dict[int, tuple[int, int]]:
        """See `Rewritten.origins`."""
        return self._sums | {tensor: origin for origin, tensor in self._shares.items()}

    def _divide(self, operator: Operator, stretch: Stretch, bounds: Sequence[tuple[int, int]]) -> None:
        out = operator.outputs[0]
        part = stretch.parts[operator.index]
        for number, (begin, end) in enumerate(bounds):
            if part is Part.CLOSES:
                given = self._channels(operator.inputs[DATA[operator.name]], stretch, begin, end)
                self._add_share(operator, number, self._partial(operator, number, given), share=None)
            else:
                given = self._channels(out, stretch, begin, end)
                self._add_share(operator, number, self._inputs(operator, stretch, number, begin, end), share=given)
        parts = [self._shares[out, number] for number in range(len(bounds))]
        if part is Part.CLOSES:
            self._sum(operator, parts)
        elif out in stretch.joined:
            self._join(out, parts)

    def _channels(self, tensor: int, stretch: Stretch, begin: int, end: int) -> Slice:
        """Returns the channels of a tensor that groups from `begin` to `end` are."""
        shape = self._network.tensors[tensor].shape
        each = shape[-1] // stretch.groups
        return Slice(len(shape) - 1, begin * each, end * each)

    def _add_share(self, operator: Operator, number: int, inputs: Sequence[int], *, share: Slice | None) -> None:
        """Adds an operator's share number `number`: its output is a share of channels, or, where `share` is None, all of them in part."""
        out = self._network.tensors[operator.outputs[0]]
        shape = out.shape if share is None else (*out.shape[:-1], share.end - share.begin)
        self._shares[out.index, number] = self._new_tensor(out, shape, f"{out.name}/{number}")
        options = operator.options
        if options is not None and share is None:
            options = options.replaced(fusedActivationFunction=0)
        if options is not None and operator.name == "RESHAPE":
            options = options.replaced(newShape=np.array(shape, np.int32))
        self._operators.append(
            operator.record.replaced(
                inputs=np.array(inputs, np.int32),
                outputs=np.array([self._shares[out.index, number]], np.int32),
                builtinOptions=options,
                debugMetadataIndex=-1,
            )
        )

    # The inputs of a share.

    def _inputs(self, operator: Operator, stretch: Stretch, number: int, begin: int, end: int) -> list[int]:
        """Returns the inputs of a share of an operator that gives a share of its channels."""
        out = self._network.tensors[operator.outputs[0]]
        given = self._channels(out.index, stretch, begin, end)
        found = []
        for place, tensor in enumerate(operator.inputs):
            if tensor in stretch.divided and stretch.parts[operator.index] is not Part.OPENS:
                found.append(self._shares[tensor, number])
            elif tensor == -1:
                found.append(-1)
            elif operator.name in WEIGHTS and place == WEIGHTS[operator.name]:
                found.append(self._constant(tensor, Slice(_OUTPUTS_AXIS[operator.name], given.begin, given.end)))
            elif operator.name in BIAS and place == BIAS[operator.name]:
                found.append(self._constant(tensor, _last_axis(self._network.tensors[tensor], given)))
            elif self._is_shape(operator, place):
                found.append(self._shape_constant((*out.shape[:-1], given.end - given.begin)))
            elif self._is_along_channels(operator, tensor, out):
                found.append(self._constant(tensor, _last_axis(self._network.tensors[tensor], given)))
            else:
                found.append(tensor)
        return found

    def _is_shape(self, operator: Operator, place: int) -> bool:
        """Tells whether an input is the shape of the output."""
        return (operator.name, place) in (("RESHAPE", 1), ("TRANSPOSE_CONV", 0))

    def _is_along_channels(self, operator: Operator, tensor: int, out: Tensor) -> bool:
        """Tells whether an input is a constant that has a value for each channel."""
        shape = self._network.tensors[tensor].shape
        return operator.name in MEETING and shape[-1:] == out.shape[-1:] and out.shape[-1] > 1

    def _partial(self, operator: Operator, number: int, given: Slice) -> list[int]:
        """Returns the inputs of a share of an operator that sums over channels: the bias belongs to the first share."""
        data, weights = operator.inputs[DATA[operator.name]], operator.inputs[WEIGHTS[operator.name]]
        axis = len(self._network.tensors[weights].shape) - 1
        bias = bias_of(operator)
        if bias != -1 and number > 0:
            bias = self._zeros(self._network.tensors[bias])
        return [self._shares[data, number], self._constant(weights, Slice(axis, given.begin, given.end)), bias]

    # New tensors.

    def _new_tensor(self, like: Tensor, shape: Sequence[int], name: str, *, buffer: int = 0, **more: Any) -> int:
        self._tensors.append(like.record.replaced(shape=np.array(shape, np.int32), shapeSignature=None, name=name, buffer=buffer, **more))
        return len(self._tensors) - 1

    def _new_buffer(self, data: bytes) -> int:
        self._buffers.append(record("Buffer", data=data))
        return len(self._buffers) - 1

    def _constant(self, tensor: int, part: Slice) -> int:
        """Returns a tensor that is a part of a constant."""
        known = self._constants.get((tensor, part))
        if known is not None:
            return known
        found = constant_of(self._network, tensor)
        assert found is not None, "only what can be divided is a part of a stretch"
        stored = self._sliced(found.stored, part)
        if found.unpacked_by is not None:
            shape = _sliced_shape(found.seen, part)
            seen = self._new_tensor(found.seen, shape, _part_name(found.seen, part), quantization=_quantisation(found.seen, part))
            self._operators.append(
                found.unpacked_by.record.replaced(inputs=np.array([stored], np.int32), outputs=np.array([seen], np.int32))
            )
            stored = seen
        self._constants[tensor, part] = stored
        return stored

    def _sliced(self, tensor: Tensor, part: Slice) -> int:
        values = self._network.constant_values(tensor.index)
        assert values is not None, "only what can be divided is a part of a stretch"
        chosen = np.ascontiguousarray(np.moveaxis(np.moveaxis(values, part.axis, 0)[part.begin : part.end], 0, part.axis))
        buffer = self._new_buffer(chosen.tobytes())
        return self._new_tensor(tensor, chosen.shape, _part_name(tensor, part), buffer=buffer, quantization=_quantisation(tensor, part))

    def _zeros(self, like: Tensor) -> int:
        """Returns a bias of zeros, as some kernels take no operator without a bias."""
        if like.index not in self._empty_biases:
            buffer = self._new_buffer(bytes(like.size_bytes))
            self._empty_biases[like.index] = self._new_tensor(like, like.shape, f"{like.name}/none", buffer=buffer)
        return self._empty_biases[like.index]

    def _shape_constant(self, shape: Sequence[int]) -> int:
        values = np.array(shape, np.int32)
        self._tensors.append(
            record(
                "Tensor",
                shape=np.array([len(shape)], np.int32),
                type=_code("TensorType", "INT32"),
                buffer=self._new_buffer(values.tobytes()),
                name="shape/" + "x".join(map(str, shape)),
            )
        )
        return len(self._tensors) - 1

    # What puts shares together.

    def _sum(self, operator: Operator, parts: Sequence[int]) -> None:
        """Adds the sum of partial results, in order; the last addition has the operator's activation."""
        out = self._network.tensors[operator.outputs[0]]
        activation = operator.options["fusedActivationFunction"] if operator.options is not None else 0
        reached = parts[0]
        for number, part in enumerate(parts[1:], start=1):
            is_last = number == len(parts) - 1
            total = out.index if is_last else self._new_tensor(out, out.shape, f"{out.name}/sum{number}")
            if not is_last:
                self._sums[total] = (out.index, JOINED)
            options = record("AddOptions", fusedActivationFunction=activation if is_last else 0)
            self._add("ADD", "AddOptions", options, [reached, part], total, out.dtype)
            reached = total

    def _join(self, tensor: int, parts: Sequence[int]) -> None:
        out = self._network.tensors[tensor]
        options = record("ConcatenationOptions", axis=len(out.shape) - 1)
        self._add("CONCATENATION", "ConcatenationOptions", options, parts, tensor, out.dtype)

    def _add(self, name: str, table: str, options: Record, inputs: Sequence[int], output: int, dtype: str) -> None:
        self._operators.append(
            record(
                "Operator",
                opcodeIndex=self._code_index(name, _VERSIONS.get((name, dtype), 1)),
                inputs=np.array(inputs, np.int32),
                outputs=np.array([output], np.int32),
                builtinOptions=options,
                builtinOptionsType=next(tag for tag, known in union_tables("BuiltinOptions").items() if known == table),
            )
        )

    def _code_index(self, name: str, version: int) -> int:
        number = _code("BuiltinOperator", name)
        for at, code in enumerate(self._codes):
            if max(code["builtinCode"], code["deprecatedBuiltinCode"]) == number and code["version"] == version:
                return at
        self._codes.append(
            record("OperatorCode", builtinCode=number, deprecatedBuiltinCode=min(number, _LARGEST_DEPRECATED_CODE), version=version)
        )
        return len(self._codes) - 1

    def _drop_unread(self) -> None:
        """Leaves out operators that unpack what nothing reads any more, and the values of constants that nothing reads."""
        outputs = set(self._network.outputs)
        needed = set(outputs)
        kept = []
        for operator in reversed(self._operators):
            if needed & set(operator.vector("outputs")):
                needed |= set(operator.vector("inputs"))
                kept.append(operator)
        self._operators = kept[::-1]
        for at, tensor in enumerate(self._tensors):
            if at not in needed and tensor["buffer"]:
                self._tensors[at] = tensor.replaced(buffer=0)
        used = {tensor["buffer"] for tensor in self._tensors} | {entry["buffer"] for entry in self._network.model.records("metadata")}
        self._buffers = [buffer if at in used else record("Buffer") for at, buffer in enumerate(self._buffers)]


def _last_axis(tensor: Tensor, part: Slice) -> Slice:
    return Slice(len(tensor.shape) - 1, part.begin, part.end)


def _sliced_shape(tensor: Tensor, part: Slice) -> tuple[int, ...]:
    return (*tensor.shape[: part.axis], part.end - part.begin, *tensor.shape[part.axis + 1 :])


def _part_name(tensor: Tensor, part: Slice) -> str:
    return f"{tensor.name}/{part.axis}.{part.begin}-{part.end}"


def _quantisation(tensor: Tensor, part: Slice) -> Record | None:
    """Returns the scales and zero points of a part of a tensor."""
    found: Record | None = tensor.record["quantization"]
    if found is None or len(found.vector("scale")) < 2 or found["quantizedDimension"] != part.axis:
        return found
    values = {name: found[name] for name in ("scale", "zeroPoint", "min", "max")}
    length = len(found["scale"])
    return found.replaced(
        **{
            name: None if vector is None else vector[part.begin : part.end] if len(vector) == length else vector
            for name, vector in values.items()
        }
    )


def _code(kind: str, name: str) -> int:
    return next(code for code, known in names_of(kind).items() if known == name)
