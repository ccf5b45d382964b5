"""Split stretches compute what the whole does, in the real runtime, and the reasons why others are not split are told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.errors import NetworkError
from graph.comparing import ROUNDING
from graph.cuts import Cutter
from graph.format.writing import model_bytes
from graph.interpreter import difference, extent_of, run_model, seeded_inputs
from graph.network import Network
from graph.reading import read_network
from graph.splitting.rewriting import split_network
from graph.splitting.shares import bounds_of
from graph.splitting.stretches import Part, apart, stretches_of
from tests.graph.models import found_models
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import samples, written
from tests.graph.splitting.random_splits import Drawn


def largest_share(model: Path, split: Network, folder: Path) -> float:
    """Runs both, and returns the largest difference as a share of the output's range."""
    inputs = seeded_inputs(model)
    whole = run_model(model, inputs)
    parts = run_model(written(folder, bytes(split.source.data), "split.tflite"), inputs)
    shares = []
    for one, other in zip(whole, parts, strict=True):
        found = difference(one, other)
        shares.append(0.0 if found is None else found / extent_of(one) if found >= 0 else math.inf)
    return max(shares)


def split_whole(network: Network, shares: Sequence[float] = (1, 1)) -> Network:
    return split_network(network, apart(stretches_of(network)), shares)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), shares=st.sampled_from([(1.0, 1.0), (3.0, 1.0), (1.0, 1.0, 2.0)]))
def test_splits_compute_what_the_whole_does(seed: int, shares: tuple[float, ...], tmp_path: Path) -> None:
    model = written(tmp_path, model_bytes(Drawn(seed).network(), NO_SOURCE), "whole.tflite")
    network = read_network(model)
    for stretch in stretches_of(network):
        assert largest_share(model, split_network(network, [stretch], shares), tmp_path) <= ROUNDING
    assert largest_share(model, split_whole(network, shares), tmp_path) <= ROUNDING


@pytest.mark.parametrize("name", samples())
def test_samples_split(name: str, tmp_path: Path) -> None:
    model = written(tmp_path, samples()[name], "whole.tflite")
    assert largest_share(model, split_whole(read_network(model)), tmp_path) <= ROUNDING


@pytest.mark.parametrize("model", found_models(), ids=lambda path: path.stem)
def test_models_of_others_split(model: Path, tmp_path: Path) -> None:
    network = read_network(model)
    split = split_whole(network, (2, 1))
    assert largest_share(model, split, tmp_path) <= (0 if "int8" in model.stem or "quant" in model.stem else ROUNDING)
    assert len(split.operators) > len(network.operators)


def test_a_split_network_is_cut_into_the_arms_of_a_fork() -> None:
    """An inverted bottleneck: expanded channels are divided, and partial sums of the projection meet in one ADD."""
    sample = Sample()
    x = sample.input((1, 16, 16, 8))
    y = sample.conv(x, 48, kernel=1)
    y = sample.op(
        "DEPTHWISE_CONV_2D",
        [y, sample.weights(1, 3, 3, 48), sample.weights(48)],
        (1, 16, 16, 48),
        table="DepthwiseConv2DOptions",
        options={"strideW": 1, "strideH": 1, "depthMultiplier": 1},
    )
    network = sample.network(sample.conv(y, 8, kernel=1))
    (stretch,) = apart(stretches_of(network))
    assert list(stretch.parts.values()) == [Part.OPENS, Part.GOES_ALONG, Part.CLOSES]
    assert stretch.groups == 48
    assert stretch.joined == ()
    split = split_network(network, [stretch], (2, 1))
    assert [operator.name for operator in split.operators].count("ADD") == 1
    arms = [block for block in Cutter(split, grain_us=0.1).blocks() if len(block.operators) > 1]
    assert all(block.inputs == (x,) or len(block.inputs) == 1 for block in arms)
    channels = [split.tensors[operator.outputs[0]].shape[-1] for operator in split.operators if operator.name == "DEPTHWISE_CONV_2D"]
    assert channels == [32, 16]


def test_a_gate_on_channels_goes_along() -> None:
    """Squeeze-and-excitation between two convolutions: its second layer opens the split once more."""
    drawn = Drawn(0)
    sample = drawn.sample
    network = sample.network(sample.conv(drawn.gate(sample.conv(drawn.tensors[0], 16)), 8, kernel=1))
    stretch = max(stretches_of(network), key=lambda stretch: len(stretch.parts))
    parts = list(stretch.parts.values())
    assert parts.count(Part.OPENS) == 2
    assert parts.count(Part.CLOSES) == 2
    assert stretch.joined == ()
    names = [operator.name for operator in split_network(network, [stretch], (1, 1)).operators]
    assert names.count("ADD") == 2
    assert "CONCATENATION" not in names


def test_reasons_are_told() -> None:
    sample = Sample()
    y = sample.conv(sample.input((1, 6, 6, 8)), 16, kernel=1)
    network = sample.network(sample.op("SOFTMAX", [y], (1, 6, 6, 16), table="SoftmaxOptions", options={"beta": 1.0}))
    (stretch,) = stretches_of(network)
    assert stretch.joined == (network.operators[0].outputs[0],)
    assert stretch.ends == {1: "needs all channels at once"}


def test_whole_numbers_are_joined_and_never_summed(tmp_path: Path) -> None:
    model = written(tmp_path, samples()["int8"], "whole.tflite")
    network = read_network(model)
    found = apart(stretches_of(network))
    assert found
    assert all(not stretch.summed for stretch in found)
    assert largest_share(model, split_network(network, found, (1, 1)), tmp_path) == 0


def test_constants_behind_the_tables(tmp_path: Path) -> None:
    """The form of files above 2 GiB, in small."""
    sample = Sample()
    network = sample.network(sample.conv(sample.conv(sample.conv(sample.input((1, 6, 6, 8)), 16), 8), 4))
    model = written(tmp_path, model_bytes(network.model, network.source, most_inside_bytes=0), "whole.tflite")
    split = split_whole(read_network(model))
    assert len(split.operators) > len(network.operators)
    assert largest_share(model, split, tmp_path) <= ROUNDING


def test_tensors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Names are for people: two biases may have the same, or none."""
    sample = Sample()
    x = sample.input((1, 6, 6, 8))
    end = sample.conv(sample.conv(sample.conv(sample.conv(x, 16), 24), 16), 8)
    sample.tensors = [tensor.replaced(name="") for tensor in sample.tensors]
    model = written(tmp_path, sample.bytes(end), "whole.tflite")
    assert largest_share(model, split_whole(read_network(model)), tmp_path) <= ROUNDING


def test_a_bias_of_another_shape_is_left_whole() -> None:
    sample = Sample()
    x = sample.input((1, 6, 6, 8))
    inputs = [x, sample.weights(16, 1, 1, 8), sample.weights(16, 1)]
    network = sample.network(sample.op("CONV_2D", inputs, (1, 6, 6, 16), table="Conv2DOptions", options={"strideW": 1, "strideH": 1}))
    assert stretches_of(network) == ()


def test_weights_stand_once_in_a_split_network() -> None:
    sample = Sample()
    x = sample.input((1, 6, 6, 64))
    network = sample.network(sample.conv(sample.conv(x, 64), 64))
    split = split_whole(network)
    assert len(split.source.data) < 1.05 * len(network.source.data)


@given(
    groups=st.integers(1, 200),
    each=st.sampled_from([1, 2, 4, 8]),
    shares=st.lists(st.floats(0.01, 100), min_size=1, max_size=5),
)
def test_bounds_cover_all_groups_in_order(groups: int, each: int, shares: list[float]) -> None:
    bounds = bounds_of(groups, groups * each, shares)
    assert len(bounds) == len(shares)
    assert (bounds[0][0], bounds[-1][1]) == (0, groups)
    assert all(one[1] == other[0] for one, other in pairwise(bounds))
    assert all(begin <= end for begin, end in bounds)
    if groups * each >= 16 * len(shares):
        assert all(begin * each % 8 == 0 for begin, end in bounds if end > begin)


@pytest.mark.parametrize("shares", [(), (1, 0), (1, -2)])
def test_shares_are_positive(shares: tuple[float, ...]) -> None:
    with pytest.raises(NetworkError, match="positive"):
        bounds_of(16, 16, shares)
