"""Networks of others in pieces: each piece takes one tensor and gives one, and one after the other they compute what the whole does."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from collab.errors import ConfigError
from collab.tensors.opaque import Opaque
from exporters.interpret import run_model
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import load_manifest
from exporters.references import read_tensor
from graph.cuts import Block, Cutter
from graph.format.writing import model_bytes
from graph.network import Network as Graph
from graph.opaque import opaque_of
from graph.reading import read_network
from profiler.chains import Chain, chain_of
from profiler.models import Models
from profiler.network_file import open_network
from profiler.plan import network_name
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import records, residual
from tests.graph.test_identity import network


def cut(graph: Graph) -> tuple[Cutter, tuple[Block, ...], Chain]:
    cutter = Cutter(graph, grain_us=0.0)
    blocks = cutter.blocks()
    return cutter, blocks, chain_of(graph, blocks, [opaque_of(graph, block) for block in blocks])


@pytest.mark.parametrize("seed", range(60))
def test_every_piece_takes_a_tensor_and_gives_the_one_that_the_next_takes(seed: int) -> None:
    graph = network(random_network(seed))
    cutter, blocks, chain = cut(graph)
    for made in chain.networks(mixed=6):
        spans = chain.spans(made)
        assert [[chain.opaque[at] for at in range(*span)] for span in spans] == [list(piece) for piece in made]
        pieces = [cutter.joined(blocks[begin:end]) for begin, end in spans]
        assert all(len(piece.inputs) == len(piece.outputs) == 1 for piece in pieces)
        assert all(one.outputs == other.inputs for one, other in pairwise(pieces))
        assert {graph.tensors[tensor].dtype for piece in pieces for tensor in (*piece.inputs, *piece.outputs)} == {"FLOAT32"}


def test_a_network_is_run_whole_in_halves_and_in_as_many_pieces_as_can_be() -> None:
    _, blocks, chain = cut(network(residual()))
    finest, whole, first, second, *others = chain.networks(mixed=6)
    assert [block for piece in finest for block in piece] == list(chain.opaque)
    assert len(whole) == 1
    assert sorted(len(piece) for piece in (*first, *second)) == sorted(map(len, finest))
    assert all(1 < len(made) < len(finest) for made in others)
    assert len(set(map(network_name, (finest, whole, first, second, *others)))) == 4 + len(others)
    assert chain.places[0] == 0
    assert chain.places[-1] == len(blocks)


def test_a_network_of_two_inputs_is_run_from_where_they_have_met_and_one_of_other_values_not_at_all() -> None:
    sample = Sample()
    joined = sample.add(sample.input((1, 4, 4, 4)), sample.input((1, 4, 4, 4)))
    _, _, chain = cut(network(sample.record(sample.conv(sample.conv(joined, 4), 4))))
    assert chain.places[0] > 0
    assert chain.networks(mixed=0)
    assert not cut(network(records()["int8"]))[2].networks(mixed=6)


def test_blocks_that_do_not_follow_each_other_are_no_network() -> None:
    _, _, chain = cut(network(residual()))
    with pytest.raises(ValueError, match="none of the blocks"):
        chain.spans((tuple(reversed(chain.opaque)),))


@pytest.mark.parametrize("record", [residual(), *(random_network(seed) for seed in (2, 3, 5))])
def test_a_bundle_of_pieces_computes_what_the_whole_does(record: object, tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(record, NO_SOURCE))  # type: ignore[arg-type]
    file = open_network(path, grain_us=0.0)
    plan = file.plan()
    models = Models(tmp_path / "models", plan.networks, file=file)
    (tmp_path / "models").mkdir()
    for made in plan.networks:
        manifest = load_manifest(models.pieces(network_name(made)).parent)
        assert [segment.blocks for segment in manifest.segments] == [tuple(block.key for block in piece) for piece in made]
        folder = tmp_path / "models" / f"pieces_{network_name(made)}"
        given = read_tensor(folder / manifest.inputs[0].file, manifest.inputs[0].type)
        expected = read_tensor(folder / manifest.outputs[0].file, manifest.outputs[0].type)
        whole = models.whole(network_name(made)).read_bytes()
        np.testing.assert_allclose(run_model(whole, [given])[0], expected, rtol=1e-5, atol=1e-6)
        assert json.loads((folder / MANIFEST).read_text())["units"] == ["cpu0"]


def test_a_network_that_ends_in_an_error_with_any_values_is_not_run_whole(tmp_path: Path) -> None:
    sample = Sample()
    index = sample.op("CAST", [sample.conv(sample.input((1, 4, 4, 4)), 4)], (1, 4, 4, 4), dtype="INT32", table="CastOptions")
    table = sample.constant(np.ones((1, 3), np.float32))
    path = tmp_path / "network.tflite"
    path.write_bytes(model_bytes(sample.record(sample.op("GATHER", [table, index], (1, 4, 4, 4, 3), table="GatherOptions")), NO_SOURCE))
    plan = open_network(path, grain_us=0.0).plan()
    assert plan.blocks
    assert cut(read_network(path))[2].networks(mixed=0), "its ends are such that it could be"
    assert not plan.networks


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
