"""Networks of others in pieces: several tensors of any type pass between them, and one after the other they compute what the whole does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from collab.errors import ConfigError
from collab.schedule import Source
from collab.tensors.opaque import Opaque
from exporters.interpret import run_model
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import load_manifest
from exporters.references import difference, read_tensor
from graph.format.flatbuffer import Record
from graph.format.writing import model_bytes
from graph.network import Network as Graph
from graph.reading import read_network
from graph.scheduling import CutNetwork
from profiler.chains import Chain, chain_of
from profiler.models import Models
from profiler.network_file import open_network
from profiler.plan import network_name
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import records, residual
from tests.graph.test_identity import network


def cut(graph: Graph) -> tuple[CutNetwork, Chain]:
    made = CutNetwork(graph, name="made", grain_us=0.0)
    return made, chain_of(made)


@pytest.mark.parametrize("seed", range(60))
def test_pieces_take_what_was_given_before_them_and_give_what_is_taken_later(seed: int) -> None:
    made, chain = cut(network(random_network(seed)))
    found = chain.networks(mixed=6)
    assert found
    for pieces in found:
        bounds = chain.bounds(pieces)
        schedule = made.in_pieces(bounds, unit="cpu0")
        assert [segment.pieces for segment in schedule.segments] == list(pieces)
        for segment, block in zip(schedule.segments, made.piece_blocks(bounds), strict=True):
            assert segment.inputs == tuple(schedule.type_of(source) for source in segment.sources) == tuple(map(made.type_of, block.inputs))
            assert segment.outputs == tuple(map(made.type_of, block.outputs))
        taken = {source for segment in schedule.segments for source in segment.sources} | set(schedule.outputs)
        assert all(Source(segment.name, output) in taken for segment in schedule.segments for output in range(len(segment.outputs)))


@pytest.mark.parametrize("record", [residual(), *(random_network(seed) for seed in range(6))])
def test_a_network_is_run_whole_with_all_that_it_takes_and_gives(record: Record) -> None:
    graph = network(record)
    made, chain = cut(graph)
    whole = made.in_pieces(chain.bounds(chain.networks(mixed=0)[1]), unit="cpu0")
    read = {tensor for block in made.blocks for tensor in block.inputs}
    assert sorted(map(str, whole.inputs)) == sorted(str(made.type_of(tensor)) for tensor in graph.inputs if tensor in read)
    assert sorted(str(whole.type_of(source)) for source in whole.outputs) == sorted(str(made.type_of(tensor)) for tensor in graph.outputs)


def test_a_network_is_run_whole_in_halves_and_in_as_many_pieces_as_can_be() -> None:
    made, chain = cut(network(residual()))
    finest, whole, first, second, *others = chain.networks(mixed=6)
    assert [block for piece in finest for block in piece] == list(chain.opaque)
    assert len(whole) == 1
    assert sorted(len(piece) for piece in (*first, *second)) == sorted(map(len, finest))
    assert all(1 < len(found) < len(finest) for found in others)
    assert len(set(map(network_name, (finest, whole, first, second, *others)))) == 4 + len(others)
    assert list(chain.places) == list(range(len(made.blocks) + 1)), "also where a skip crosses"


def test_a_network_of_two_inputs_and_one_of_other_values_are_run_as_any() -> None:
    sample = Sample()
    joined = sample.add(sample.input((1, 4, 4, 4)), sample.input((1, 4, 4, 4)))
    made, chain = cut(network(sample.record(sample.conv(sample.conv(joined, 4), 4))))
    assert chain.places[0] == 0
    assert len(made.in_pieces(chain.bounds(chain.networks(mixed=0)[1]), unit="cpu0").inputs) == 2
    assert cut(network(records()["int8"]))[1].networks(mixed=0)


def test_a_network_is_not_cut_where_a_type_crosses_that_cannot_be_handed_over() -> None:
    sample = Sample(0)
    wide = sample.op("CAST", [sample.op("SOFTMAX", [sample.input((1, 8))], (1, 8))], (1, 8), dtype="FLOAT64")
    ends = [sample.op("SOFTMAX", [sample.op("CAST", [wide], (1, 8))], (1, 8)) for _ in range(3)]
    made, chain = cut(network(sample.record(sample.add(sample.add(ends[0], ends[1]), ends[2]))))
    assert len(chain.places) < len(made.blocks) + 1
    assert (chain.places[0], chain.places[-1]) == (0, len(made.blocks))
    for pieces in chain.networks(mixed=6):
        schedule = made.in_pieces(chain.bounds(pieces), unit="cpu0")
        assert {tensor.dtype for segment in schedule.segments for tensor in segment.inputs} == {"float32"}


def test_blocks_that_do_not_follow_each_other_are_no_network() -> None:
    _, chain = cut(network(residual()))
    with pytest.raises(ValueError, match="none of the blocks"):
        chain.bounds((tuple(reversed(chain.opaque)),))


@pytest.mark.parametrize("record", [residual(), records()["int8"], *(random_network(seed) for seed in range(6))])
def test_a_bundle_of_pieces_computes_what_the_whole_does(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(record, NO_SOURCE))
    file = open_network(path, grain_us=0.0)
    plan = file.plan()
    models = Models(tmp_path / "models", plan.networks, file=file)
    (tmp_path / "models").mkdir()
    for made in plan.networks:
        manifest = load_manifest(models.pieces(network_name(made)).parent)
        assert [segment.blocks for segment in manifest.segments] == [tuple(block.key for block in piece) for piece in made]
        folder = tmp_path / "models" / f"pieces_{network_name(made)}"
        given = [read_tensor(folder / entry.file, entry.type) for entry in manifest.inputs]
        whole = run_model(models.whole(network_name(made)).read_bytes(), given)
        assert len(whole) == len(manifest.outputs)
        for found, entry in zip(whole, manifest.outputs, strict=True):
            assert difference(found, read_tensor(folder / entry.file, entry.type)) < 1e-5
        assert json.loads((folder / MANIFEST).read_text())["units"] == ["cpu0"]


def test_a_network_that_ends_in_an_error_with_any_values_is_not_run_whole(tmp_path: Path) -> None:
    sample = Sample()
    index = sample.op("CAST", [sample.conv(sample.input((1, 4, 4, 4)), 4)], (1, 4, 4, 4), dtype="INT32", table="CastOptions")
    table = sample.constant(np.ones((1, 3), np.float32))
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(sample.record(sample.op("GATHER", [table, index], (1, 4, 4, 4, 3), table="GatherOptions")), NO_SOURCE))
    plan = open_network(path, grain_us=0.0).plan()
    assert plan.blocks
    made, chain = cut(read_network(path))
    assert any(sum(map(len, pieces)) == len(made.blocks) for pieces in chain.networks(mixed=0)), "its ends are such that it could be"
    assert not any(sum(map(len, pieces)) == len(made.blocks) for pieces in plan.networks)
    assert not plan.rehearsals


def test_a_network_that_is_not_at_hand_is_told(tmp_path: Path) -> None:
    block = Opaque("0" * 32, 1, 2, 3, 1, 4, 1, 4)
    models = Models(tmp_path, [((block,),)])
    with pytest.raises(ConfigError, match="not at hand"):
        models.pieces(network_name(((block,),)))


def test_the_file_s_pieces_are_those_of_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(residual(), NO_SOURCE))
    whole = open_network(path, grain_us=0.0)
    made = whole.plan().networks[1]
    sliced = tmp_path / "whole.tflite"
    sliced.write_bytes(whole.whole_of(made))
    assert len(read_network(sliced).operators) == len(read_network(path).operators)
