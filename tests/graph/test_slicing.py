"""Slices are models of their own, and one after the other compute what the whole does, to the bit, in the real runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.errors import NetworkError
from graph.comparing import Request, Step, compare
from graph.cuts import Block, Cutter
from graph.format.flatbuffer import Record, record
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.interpreter import carry_out, difference
from graph.network import Network
from graph.reading import network_of, read_network
from graph.slicing import slice_bytes
from tests.graph.models import found_models
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import samples, written


def sliced(network: Network, blocks: Sequence[Block], folder: Path, **options: int) -> list[Path]:
    return [written(folder, slice_bytes(network, block, **options), f"{at}.tflite") for at, block in enumerate(blocks)]


def differences(model: Path, folder: Path, *, grain_us: float, **options: int) -> tuple[float | None, ...]:
    """Runs the slices of a model one after the other, in this process, and holds them against the whole."""
    network = read_network(model)
    blocks = Cutter(network, grain_us=grain_us).blocks()
    files = sliced(network, blocks, folder, **options)
    for file in files:
        read_network(file)
    steps = tuple(Step(str(file), block.inputs, block.outputs) for block, file in zip(blocks, files, strict=True))
    computed = tuple(tensor for tensor in network.outputs if tensor in network.producers)
    return carry_out(Request(str(model), network.inputs, computed, network.outputs, steps)).differences


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), grain_us=st.sampled_from([0.0, 0.5, 2.0]))
def test_slices_compute_what_the_whole_does(seed: int, grain_us: float, tmp_path: Path) -> None:
    model = written(tmp_path, model_bytes(random_network(seed), NO_SOURCE), "whole.tflite")
    found = differences(model, tmp_path, grain_us=grain_us)
    assert found
    assert all(difference is None for difference in found)


@pytest.mark.parametrize("name", samples())
def test_samples_in_slices(name: str, tmp_path: Path) -> None:
    found = differences(written(tmp_path, samples()[name], "whole.tflite"), tmp_path, grain_us=0.0)
    assert all(difference is None for difference in found)


@pytest.mark.parametrize("model", found_models(), ids=lambda path: path.stem)
def test_models_of_others_in_slices(model: Path, tmp_path: Path) -> None:
    found = differences(model, tmp_path, grain_us=50.0)
    assert all(difference is None for difference in found)


def test_constants_behind_the_tables(tmp_path: Path) -> None:
    """The form of files above 2 GiB, in small: a whole and slices whose constants lie behind the tables."""
    network = network_of(Source("whole", memoryview(samples()["residual"])))
    whole = written(tmp_path, model_bytes(network.model, network.source, most_inside_bytes=0), "whole.tflite")
    assert differences(whole, tmp_path, grain_us=0.0) == (None,)
    assert differences(whole, tmp_path, grain_us=0.0, most_inside_bytes=0) == (None,)


def test_what_a_file_says_is_kept(tmp_path: Path) -> None:
    """Scales, sparse forms, versions, names of a signature; and shapes are fixed."""
    network = network_of(Source("int8", memoryview(samples()["int8"])))
    first = Cutter(network, grain_us=0).blocks()[0]
    read = network_of(Source("slice", memoryview(slice_bytes(network, first))))
    assert read.operators[0].version == 3
    assert [quantisation["scale"].tolist() if (quantisation := tensor.quantisation) else None for tensor in read.tensors] == [
        network.tensors[tensor].quantisation["scale"].tolist()  # type: ignore[index]
        for tensor in network.operators[0].inputs + network.operators[0].outputs
    ]
    packed = network_of(Source("packed", memoryview(samples()["packed"])))
    last = Cutter(packed, grain_us=0).blocks()[-1]
    read = network_of(Source("slice", memoryview(slice_bytes(packed, last))))
    assert [operator.name for operator in read.operators] == ["DENSIFY", "CONV_2D"]
    sparsity = read.tensors[read.operators[0].inputs[0]].sparsity
    assert sparsity is not None
    assert sparsity.vector("traversalOrder") == (0, 1, 2, 3)


def signed(model: Record, inputs: dict[str, int], outputs: dict[str, int]) -> Record:
    maps = [tuple(record("TensorMap", name=name, tensorIndex=tensor) for name, tensor in ends.items()) for ends in (inputs, outputs)]
    return model.replaced(signatureDefs=(record("SignatureDef", signatureKey="serve", inputs=maps[0], outputs=maps[1]),))


def test_signatures_name_the_ends(tmp_path: Path) -> None:
    sample = Sample()
    x = sample.input((1, 6, 6, 4), shapeSignature=np.array([-1, 6, 6, 4], np.int32))
    middle = sample.conv(x, 4)
    out = sample.conv(middle, 4)
    network = network_of(Source("a", memoryview(model_bytes(signed(sample.record(out), {"image": x}, {"scores": out}), NO_SOURCE))))
    first, second = (network_of(Source("s", memoryview(slice_bytes(network, block)))) for block in Cutter(network, grain_us=0).blocks())
    names = [
        [entry["name"] for entry in read.model.records("signatureDefs")[0].records(side)]
        for read in (first, second)
        for side in ("inputs", "outputs")
    ]
    assert names == [["image"], [f"t{middle}"], [f"t{middle}"], ["scores"]]
    assert first.tensors[0].record["shapeSignature"] is None


def test_outputs_that_are_inputs_or_constants(tmp_path: Path) -> None:
    sample = Sample()
    x = sample.input((1, 2, 2, 4))
    unpacked = sample.op("CAST", [sample.ints(1, 2, 3)], (3,))
    model = written(tmp_path, sample.bytes(sample.conv(sample.conv(x, 4), 4), unpacked), "whole.tflite")
    assert differences(model, tmp_path, grain_us=0.0) == (None, None)
    constant = sample.weights(3)
    model = written(tmp_path, sample.bytes(sample.conv(x, 4), x, constant), "more.tflite")
    assert differences(model, tmp_path, grain_us=0.0) == (None,)


def test_a_difference_is_told(tmp_path: Path) -> None:
    """Slices of a network with one other weight are not the whole's."""
    sample = Sample()
    weight = sample.weights(4, 1, 1, 4)
    x = sample.op(
        "CONV_2D",
        [sample.input((1, 6, 6, 4)), weight, sample.weights(4)],
        (1, 6, 6, 4),
        table="Conv2DOptions",
        options={"strideW": 1, "strideH": 1},
    )
    model = written(tmp_path, sample.bytes(x), "whole.tflite")
    network = read_network(model)
    blocks = Cutter(network).blocks()
    assert compare(network, model, blocks, sliced(network, blocks, tmp_path), tmp_path).is_equal
    sample.buffers[1] = record("Buffer", data=(np.frombuffer(sample.buffers[1]["data"], np.float32) + 1).tobytes())
    other = sample.network(x)
    compared = compare(network, model, blocks, sliced(other, blocks, tmp_path), tmp_path)
    assert not compared.is_equal
    assert compared.differences[0] is not None
    assert compared.differences[0] > 0.1


def test_what_ends_the_runtime_is_one_sentence(tmp_path: Path) -> None:
    """A whole that the checks would have refused: in a process of its own, it ends only that."""
    model = written(tmp_path, samples()["residual"], "whole.tflite")
    network = read_network(model)
    blocks = Cutter(network).blocks()
    files = sliced(network, blocks, tmp_path)
    model.write_bytes(samples()["residual"][:1000])
    with pytest.raises(NetworkError, match=r"whole\.tflite.*(signal|refuses|could not be run)"):
        compare(network, model, blocks, files, tmp_path)


def test_differences() -> None:
    one = np.array([1.0, 2.0], np.float32)
    assert difference(one, one.copy()) is None
    assert difference(one, one + np.float32(0.5)) == 0.5
    assert difference(one, np.array([1.0, np.nan], np.float32)) == -1
    assert difference(np.array([np.nan], np.float32), np.array([np.nan], np.float32)) is None
