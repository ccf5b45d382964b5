"""A decoded model as a network: indices, sizes, producers and order are checked, and what cannot be cut is refused by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collab.errors import NetworkError
from collab.names import shown
from graph.checking.parameters import check_quantisation, sparse_bytes
from graph.checking.rules import check_operator
from graph.format.flatbuffer import Decoder, Record, Span
from graph.format.schema import names_of
from graph.format.source import Source, open_source
from graph.format.writing import IDENTIFIER
from graph.network import DTYPES, PACKED_BITS, Network, Operator, Tensor

_VERSION: Final = 3
MAX_FEATURE_BYTES: Final = 1 << 30
"""The largest tensor that is computed; runtimes take no larger ones."""
_MAX_VALUES: Final = 1 << 40
_MAX_RANK: Final = 8
_MAX_OPERATORS: Final = 100_000
_MAX_TENSORS: Final = 1_000_000
_ONLY_WHOLE: Final = frozenset({"IF", "WHILE", "CALL", "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})
_GET_ANOTHER: Final = "get or export the file once more"
_FIX_SHAPES: Final = "convert the model with fixed shapes and frozen variables"


def read_network(path: Path) -> Network:
    """Reads a ``.tflite`` file, and checks all that a runtime would take on trust.

    Raises:
        NetworkError: the file cannot be read, is damaged, or holds what cannot be cut: control flow, variables, custom operators, dynamic
            shapes, operators without a rule.
    """
    return network_of(open_source(path))


def network_of(source: Source) -> Network:
    """Reads a model from bytes; see `read_network`."""
    return _Reader(source).network()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._origin = source.origin
        self._model = Decoder(source.data, origin=source.origin).root("Model", identifier=IDENTIFIER)

    def _damaged(self, what: str) -> NetworkError:
        return NetworkError(f"{self._origin} is damaged: {what}; {_GET_ANOTHER}")

    def _uncuttable(self, what: str) -> NetworkError:
        return NetworkError(f"{self._origin} cannot be cut: {what}; {_FIX_SHAPES}")

    def network(self) -> Network:
        model = self._model
        if model["version"] != _VERSION:
            raise NetworkError(f"{self._origin} has version {model['version']} of the format, not {_VERSION}; convert the model once more")
        if model["externalBuffers"] or model["externalBufferGroups"]:
            raise NetworkError(f"{self._origin} keeps its weights in other files; convert it to a single file")
        codes = model.records("operatorCodes")
        names = tuple(self._operator_name(code) for code in codes)
        graph = self._only_graph(names)
        if len(graph.records("tensors")) > _MAX_TENSORS or len(graph.records("operators")) > _MAX_OPERATORS:
            raise NetworkError(f"{self._origin} has more than {_MAX_OPERATORS} operators or {_MAX_TENSORS} tensors; give a smaller network")
        spans = self._buffer_spans()
        tensors = tuple(self._tensor(index, entry, spans) for index, entry in enumerate(graph.records("tensors")))
        operators = tuple(
            self._operator(index, entry, codes, names, len(tensors)) for index, entry in enumerate(graph.records("operators"))
        )
        inputs, outputs = graph.vector("inputs"), graph.vector("outputs")
        network = Network(self._source, tensors, operators, inputs, outputs, codes, model)
        self._check_ends(network)
        self._check_order(network)
        self._check_signatures(network)
        for operator in operators:
            check_operator(network, operator)
        return network

    def _operator_name(self, code: Record) -> str:
        number = max(code["builtinCode"], code["deprecatedBuiltinCode"])
        name = names_of("BuiltinOperator").get(number)
        if name is None:
            raise NetworkError(
                f"{self._origin} has an operator of number {number}, which the installed runtime does not know; install a newer one"
            )
        return name

    def _only_graph(self, names: tuple[str, ...]) -> Record:
        graphs = self._model.records("subgraphs")
        if len(graphs) == 1:
            return graphs[0]
        if not graphs:
            raise self._damaged("it has no graph")
        flow = next((name for name in names if name in _ONLY_WHOLE), "several graphs")
        raise self._uncuttable(f"it has control flow or variables ({flow})")

    def _buffer_spans(self) -> tuple[Span | None, ...]:
        """Finds the bytes of every buffer that has any: in the file's tables, or beyond them where the file is large."""
        found: list[Span | None] = []
        for index, buffer in enumerate(self._model.records("buffers")):
            span: Span | None = buffer["data"]
            if buffer["offset"] > 1 or buffer["size"] > 1:
                if span is not None and span.size_bytes:
                    raise self._damaged(f"buffer {index} has its bytes at two places")
                span = Span(buffer["offset"], buffer["size"])
                if span.offset + span.size_bytes > len(self._source.data):
                    raise self._damaged(f"buffer {index} lies beyond the file's end")
            found.append(span if span is not None and span.size_bytes else None)
        if found and found[0] is not None:
            raise self._damaged("its first buffer, which stands for no values, has some")
        for entry in self._model.records("metadata"):
            if entry["buffer"] >= len(found):
                raise self._damaged(f"metadata refer to buffer {entry['buffer']} of {len(found)}")
        return tuple(found)

    def _tensor(self, index: int, entry: Record, spans: tuple[Span | None, ...]) -> Tensor:
        name = entry["name"] or ""
        what = f"tensor {index} ({shown(name, most=60)})" if name else f"tensor {index}"
        dtype = names_of("TensorType").get(entry["type"], str(entry["type"]))
        if dtype not in DTYPES and dtype not in PACKED_BITS:
            raise self._uncuttable(f"{what} has values of type {dtype}")
        shape = entry.vector("shape")
        if entry["isVariable"]:
            raise self._uncuttable(f"{what} is a variable")
        if entry["variantTensors"] or entry["externalBuffer"]:
            raise self._uncuttable(f"{what} has values of another kind than numbers in this file")
        signature = entry.vector("shapeSignature")
        if signature and (len(signature) != len(shape) or any(a not in (-1, b) for a, b in zip(signature, shape, strict=True))):
            raise self._damaged(f"{what} has the shape {list(shape[:_MAX_RANK])} and may have {list(signature[:_MAX_RANK])}")
        if entry["buffer"] >= len(spans):
            raise self._damaged(f"{what} refers to buffer {entry['buffer']} of {len(spans)}")
        constant = spans[entry["buffer"]]
        if len(shape) > _MAX_RANK or any(extent < 0 for extent in shape):
            raise self._damaged(f"{what} has the shape {list(shape[:_MAX_RANK])}")
        self._check_size(what, Tensor(index, name, shape, dtype, constant, entry))
        check_quantisation(entry["quantization"], shape, dtype, what=f"{self._origin}: {what}")
        return Tensor(index, name, shape, dtype, constant, entry)

    def _check_size(self, what: str, tensor: Tensor) -> None:
        count = 1
        for extent in tensor.shape:
            count *= extent
            if count > _MAX_VALUES:
                raise self._damaged(f"{what} has the shape {list(tensor.shape)}")
        if tensor.constant is None:
            if tensor.sparsity is not None:
                raise self._damaged(f"{what} is sparse, and has no values")
            if not 0 < tensor.size_bytes <= MAX_FEATURE_BYTES:
                raise self._damaged(f"{what} has the shape {list(tensor.shape)}, of {tensor.size_bytes} bytes")
            return
        needed = tensor.size_bytes
        if tensor.sparsity is not None:
            needed = sparse_bytes(tensor, self._source, what=f"{self._origin}: {what}")
        if tensor.constant.size_bytes != needed:
            raise self._damaged(f"{what} has {tensor.constant.size_bytes} bytes of values, where its shape and type ask for {needed}")

    def _operator(self, index: int, entry: Record, codes: tuple[Record, ...], names: tuple[str, ...], tensors: int) -> Operator:
        if entry["opcodeIndex"] >= len(codes):
            raise self._damaged(f"operator {index} is of kind {entry['opcodeIndex']} of {len(codes)}")
        name, code = names[entry["opcodeIndex"]], codes[entry["opcodeIndex"]]
        if name == "CUSTOM":
            raise self._uncuttable(f"operator {index} is the custom operator {shown(code['customCode'] or '', most=60)}")
        if name in _ONLY_WHOLE:
            raise self._uncuttable(f"operator {index} is {name}, control flow or a variable")
        if (
            entry["builtinOptions2"] is not None
            or entry.vector("intermediates")
            or entry["largeCustomOptionsOffset"]
            or _size(entry, "customOptions")
        ):
            raise self._uncuttable(f"operator {index} ({name}) has parts besides inputs, outputs and plain options")
        if code["version"] < 1:
            raise self._damaged(f"operator {index} ({name}) has version {code['version']}")
        inputs, outputs = entry.vector("inputs"), entry.vector("outputs")
        if any(not -1 <= tensor < tensors for tensor in inputs) or any(not 0 <= tensor < tensors for tensor in outputs) or not outputs:
            raise self._damaged(f"operator {index} ({name}) refers to tensors that are not there")
        return Operator(index, name, code["version"], inputs, outputs, entry["builtinOptions"], entry)

    def _check_ends(self, network: Network) -> None:
        for what, ends in (("inputs", network.inputs), ("outputs", network.outputs)):
            if any(not 0 <= tensor < len(network.tensors) for tensor in ends) or len(set(ends)) != len(ends):
                raise self._damaged(f"its {what} are no tensors of it, or stand twice")
        if not network.operators or not network.outputs or not network.inputs:
            raise self._damaged("it has no operators, no inputs or no outputs")
        if any(network.tensors[tensor].constant is not None for tensor in network.inputs):
            raise self._damaged("an input of it is a constant")

    def _check_order(self, network: Network) -> None:
        """Every tensor has one origin, and is there before it is read: so there is no cycle either."""
        there = {tensor.index for tensor in network.tensors if tensor.constant is not None} | set(network.inputs)
        for operator in network.operators:
            missing = [tensor for tensor in operator.inputs if tensor != -1 and tensor not in there]
            if missing:
                raise self._damaged(
                    f"operator {operator.index} ({operator.name}) reads tensor {missing[0]} before anything has computed it, or in a circle"
                )
            if len(set(operator.outputs)) != len(operator.outputs) or there & set(operator.outputs):
                raise self._damaged(f"operator {operator.index} ({operator.name}) computes a tensor that has its values already")
            there |= set(operator.outputs)
        if not set(network.outputs) <= there:
            raise self._damaged("an output of it is computed by nothing")

    def _check_signatures(self, network: Network) -> None:
        for signature in self._model.records("signatureDefs"):
            if signature["subgraphIndex"] != 0:
                raise self._damaged("a signature belongs to a graph that is not there")
            for ends, mapped in ((network.inputs, signature.records("inputs")), (network.outputs, signature.records("outputs"))):
                if not {entry["tensorIndex"] for entry in mapped} <= set(ends):
                    raise self._damaged("a signature names other inputs or outputs than the graph has")
                names = [entry["name"] for entry in mapped]
                if None in names or len(set(names)) != len(names):
                    raise self._damaged("a signature names an input or output twice, or not at all")


def _size(entry: Record, name: str) -> int:
    span: Span | None = entry[name]
    return span.size_bytes if span is not None else 0
