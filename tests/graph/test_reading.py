"""Models are read into networks; what is damaged, or cannot be cut, is refused by one sentence that names it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from collab.errors import NetworkError
from graph.checking.rules import RULES
from graph.format.flatbuffer import Record, record
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.network import Network
from graph.reading import network_of, read_network
from tests.graph.sample import CODES, NO_SOURCE, Sample
from tests.graph.samples import records, samples, written


def network(model: Record) -> Network:
    return network_of(Source("a.tflite", memoryview(model_bytes(model, NO_SOURCE))))


def graph_of(model: Record) -> Record:
    return model.records("subgraphs")[0]


def with_graph(model: Record, **values: object) -> Record:
    return model.replaced(subgraphs=(graph_of(model).replaced(**values),))


def with_operator(model: Record, index: int, **values: object) -> Record:
    operators = list(graph_of(model).records("operators"))
    operators[index] = operators[index].replaced(**values)
    return with_graph(model, operators=tuple(operators))


def with_tensor(model: Record, index: int, **values: object) -> Record:
    tensors = list(graph_of(model).records("tensors"))
    tensors[index] = tensors[index].replaced(**values)
    return with_graph(model, tensors=tuple(tensors))


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def test_a_network_says_what_the_file_says() -> None:
    read = network(records()["residual"])
    names = [operator.name for operator in read.operators]
    assert names == ["CONV_2D", "CONV_2D", "ADD", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]
    assert [read.tensors[tensor].shape for tensor in (*read.inputs, *read.outputs)] == [(1, 8, 8, 4), (1, 5)]
    conv = read.operators[0]
    assert conv.options is not None
    assert (conv.options["strideW"], conv.options["dilationWFactor"]) == (1, 1)
    assert read.operators[5].inputs[2] == -1
    assert read.producers[read.operators[2].inputs[0]] == 1
    assert read.readers[read.inputs[0]] == (0, 2)


def test_constants_are_where_the_file_has_them() -> None:
    sample = Sample()
    weight = sample.weights(3, 4)
    out = sample.op("FULLY_CONNECTED", [sample.input((1, 4)), weight, -1], (1, 3), table="FullyConnectedOptions")
    read = sample.network(out)
    values = read.constant_values(weight)
    assert values is not None
    assert values.tobytes() == sample.buffers[1]["data"]
    assert not values.flags.writeable
    assert not values.flags.owndata
    assert read.constant_values(out) is None


def test_every_operator_with_a_rule_is_in_a_sample() -> None:
    found = {operator.name for model in records().values() for operator in network(model).operators}
    assert found == set(RULES)


@pytest.mark.parametrize("name", samples())
def test_records_are_written_as_they_are_read(name: str) -> None:
    read = network_of(Source("a", memoryview(samples()[name])))
    assert model_bytes(read.model, read.source) == samples()[name]


def test_constants_may_lie_behind_the_tables() -> None:
    read = network(records()["residual"])
    data = model_bytes(read.model, read.source, most_inside_bytes=0)
    again = network_of(Source("a", memoryview(data)))
    for tensor in read.tensors:
        one, other = read.constant_values(tensor.index), again.constant_values(tensor.index)
        assert (one is None) == (other is None)
        assert one is None or other is None or np.array_equal(one, other)
    with pytest.raises(NetworkError, match="beyond the file's end"):
        network_of(Source("a", memoryview(data[:-20])))


def cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "is no TFLite model"),
        (lambda data: data[:4] + b"ABCD" + data[8:], "is no TFLite model"),
        (cut_off, "is damaged: .* lies beyond the file's end"),
        (lambda data: b"\xff\xff\xff\x7f" + data[4:], "is damaged: a table .* lies beyond the file's end"),
    ],
)
def test_damaged_bytes_are_refused(damage: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        network_of(Source("a.tflite", memoryview(damage(samples()["residual"]))))


def _two_graphs(model: Record) -> Record:
    return model.replaced(subgraphs=model.records("subgraphs") * 2)


def _custom(model: Record) -> Record:
    codes = list(model.records("operatorCodes"))
    codes[0] = codes[0].replaced(builtinCode=CODES["CUSTOM"], deprecatedBuiltinCode=CODES["CUSTOM"], customCode="Secret\x1bOp")
    return model.replaced(operatorCodes=tuple(codes))


def _renamed(model: Record, name: str) -> Record:
    codes = list(model.records("operatorCodes"))
    codes[0] = codes[0].replaced(builtinCode=CODES[name], deprecatedBuiltinCode=min(CODES[name], 127))
    return model.replaced(operatorCodes=tuple(codes))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_two_graphs, "cannot be cut: it has control flow or variables"),
        (_custom, r"cannot be cut: operator 0 is the custom operator Secret\\x1bOp"),
        (lambda model: _renamed(model, "WHILE"), "cannot be cut: operator 0 is WHILE"),
        (lambda model: _renamed(model, "SVDF"), r"cannot be cut: nothing is known here of operator 0 \(SVDF\)"),
        (lambda model: with_tensor(model, 0, isVariable=True), r"cannot be cut: tensor 0 \(t0\) is a variable"),
        (lambda model: with_tensor(model, 0, type=5), r"cannot be cut: tensor 0 \(t0\) has values of type STRING"),
        (lambda model: with_tensor(model, 0, shape=ints(1, -1, 8, 4)), r"is damaged: tensor 0 \(t0\) has the shape \[1, -1, 8, 4\]"),
        (lambda model: with_tensor(model, 0, buffer=99), "refers to buffer 99 of"),
        (lambda model: with_tensor(model, 1, shape=ints(4, 3, 3, 5)), r"has 576 bytes of values, where its shape and type ask for 720"),
        (lambda model: with_operator(model, 0, inputs=ints(0, 1, 99)), "refers to tensors that are not there"),
        (lambda model: with_operator(model, 0, opcodeIndex=9), "is of kind 9 of 6"),
        (lambda model: with_operator(model, 0, inputs=ints(6, 1, 2)), "reads tensor 6 before anything has computed it"),
        (lambda model: with_operator(model, 1, outputs=ints(3)), "computes a tensor that has its values already"),
        (lambda model: with_graph(model, outputs=ints(99)), "its outputs are no tensors of it"),
        (lambda model: with_graph(model, inputs=ints()), "no operators, no inputs or no outputs"),
        (lambda model: model.replaced(version=2), "has version 2 of the format, not 3"),
        (lambda model: with_operator(model, 0, builtinOptions=record("AddOptions"), builtinOptionsType=11), "options of another operator"),
        (lambda model: with_operator(model, 0, builtinOptions=None, builtinOptionsType=0), r"\(CONV_2D\) has strideH 0"),
        (lambda model: with_operator(model, 2, inputs=ints(0)), r"operator 2 \(ADD\) has 1 inputs"),
        (lambda model: with_tensor(model, 3, shape=ints(1, 8, 8, 5)), r"declares an output .* 5\], where .* make .* 4\]"),
    ],
)  # fmt: skip
def test_models_are_refused_by_what_is_wrong_with_them(change: Callable[[Record], Record], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        network(change(records()["residual"]))


def test_scales_and_sparse_forms_are_checked() -> None:
    int8, packed = records()["int8"], records()["packed"]
    index = next(i for i, tensor in enumerate(graph_of(int8).records("tensors")) if len(tensor["quantization"].vector("scale")) == 8)
    quantisation = graph_of(int8).records("tensors")[index]["quantization"]
    for values, said in (
        ({"scale": np.ones(7, np.float32)}, "has 7 scales along axis 0"),
        ({"scale": np.zeros(8, np.float32)}, "a scale that is zero"),
        ({"zeroPoint": np.ones(8, np.int64)}, "zero points other than 0"),
        ({"quantizedDimension": 9}, "along axis 9"),
    ):
        with pytest.raises(NetworkError, match=said):
            network(with_tensor(int8, index, quantization=quantisation.replaced(**values)))
    with pytest.raises(NetworkError, match=r"computes with tensor .* of type INT8, which has no scale"):
        network(with_tensor(int8, index, quantization=None))
    index = next(i for i, tensor in enumerate(graph_of(packed).records("tensors")) if tensor["sparsity"] is not None)
    sparsity = graph_of(packed).records("tensors")[index]["sparsity"]
    levels = sparsity.records("dimMetadata")
    for changed, said in (
        ({"traversalOrder": ints(0, 0, 2, 3)}, "impossible order"),
        (
            {"dimMetadata": (*levels[:3], levels[3].replaced(arrayIndices=record("Uint8Vector", values=bytes([0, 9] * 8))))},
            "an index beyond 8",
        ),
        (
            {"dimMetadata": (*levels[:3], levels[3].replaced(arraySegments=record("Int32Vector", values=ints(*range(9)))))},
            "segments of indices",
        ),
        ({"dimMetadata": (levels[0].replaced(denseSize=7), *levels[1:])}, "says 7 where its shape says 8"),
        ({"blockMap": ints(7)}, "impossible order"),
    ):
        with pytest.raises(NetworkError, match=said):
            network(with_tensor(packed, index, sparsity=sparsity.replaced(**changed)))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="cannot be read"):
        read_network(tmp_path / "missing.tflite")
    with pytest.raises(NetworkError, match="is no regular file"):
        read_network(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NetworkError, match="is no regular file"):
        read_network(tmp_path / "pipe")
    assert len(read_network(written(tmp_path, samples()["int8"])).operators) == 7


def test_large_files_are_mapped(tmp_path: Path) -> None:
    """A file of 80 MiB, of which the tables are read only."""
    sample = Sample()
    weight = sample.constant(np.zeros((4096, 5120), np.float32))
    out = sample.op("FULLY_CONNECTED", [sample.input((1, 5120)), weight, -1], (1, 4096), table="FullyConnectedOptions")
    read = read_network(written(tmp_path, sample.bytes(out)))
    assert type(read.source.data.obj).__name__ == "mmap"
    values = read.constant_values(weight)
    assert values is not None
    assert values.shape == (4096, 5120)
