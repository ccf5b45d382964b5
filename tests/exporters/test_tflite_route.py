"""The direct route against torch's own convolutions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.blocks import Add, Block, Concat, Head, MBConv, Stem
from collab.errors import ExportError
from collab.networks.weights import Array, seeded_layer
from collab.schedule import Layer
from exporters.interpret import run_model
from exporters.tflite_graph import operator_names
from exporters.tflite_route import write_block, write_layers, write_relu
from tests.reference import layer_output

torch = pytest.importorskip("torch")


def random_input(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check_against_torch(block: Block) -> None:
    layer = Layer(block, "b")
    weights = seeded_layer(layer)
    inputs = [random_input(shape, seed) for seed, shape in enumerate(block.in_shapes)]
    expected = layer_output(layer, weights, inputs)
    [actual] = run_model(write_layers([layer], weights), inputs)
    assert actual.shape == block.out_shape == expected.shape
    assert expected.size < 8 or expected.std() > 1e-3
    assert np.abs(actual - expected).max() <= 1e-4 * max(np.ptp(expected), 1e-3)


SIZES = st.integers(5, 17)
CHANNELS = st.integers(1, 6).map(lambda n: 4 * n)
KERNELS = st.sampled_from([1, 3, 5, 7])
STRIDES = st.integers(1, 3)
ACTS = st.sampled_from(["relu", "relu6"])
BLOCKS = st.one_of(
    st.builds(Stem, SIZES, KERNELS, STRIDES, st.just(3), CHANNELS, ACTS),
    st.builds(MBConv, SIZES, KERNELS, STRIDES, CHANNELS, CHANNELS, CHANNELS, ACTS),
    st.builds(lambda s, c, e, a: MBConv(s, 3, 1, c, e, c, a), SIZES, CHANNELS, CHANNELS, ACTS),
    st.builds(lambda s, c, o, a: MBConv(s, 3, 2, c, c, o, a), SIZES, CHANNELS, CHANNELS, ACTS),
    st.builds(Head, SIZES, KERNELS, STRIDES, CHANNELS, CHANNELS, st.integers(2, 20), ACTS),
    st.builds(Add, SIZES, CHANNELS, st.integers(2, 4)),
    st.builds(Concat, SIZES, st.lists(CHANNELS, min_size=2, max_size=4).map(tuple)),
)


@given(BLOCKS)
@settings(max_examples=150)
def test_any_block_computes_what_torch_computes(block: Block) -> None:
    check_against_torch(block)


@pytest.mark.parametrize("size", [7, 8, 14, 15, 112])
@pytest.mark.parametrize("kernel", [3, 5])
def test_stride_2_pads_as_torch_does(size: int, kernel: int) -> None:
    check_against_torch(MBConv(size, kernel, 2, 8, 24, 12, "relu6"))


def test_operators_of_a_block_are_fused_and_not_transposed() -> None:
    names = operator_names(write_block(MBConv(14, 3, 1, 16, 64, 16, "relu6")))
    assert names == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD"]
    assert operator_names(write_block(MBConv(14, 3, 2, 16, 16, 24, "relu"))) == ["PAD", "DEPTHWISE_CONV_2D", "CONV_2D"]
    assert operator_names(write_block(Add(14, 16, 3))) == ["ADD", "ADD"]


def test_the_same_block_is_the_same_bytes_and_another_seed_is_not() -> None:
    block = MBConv(7, 3, 1, 12, 36, 20, "relu")
    assert write_block(block) == write_block(block)
    assert write_block(block) != write_block(block, seed=1)


def test_the_least_model_runs() -> None:
    x = random_input((1, 3, 3, 4))
    assert (run_model(write_relu((1, 3, 3, 4)), [x])[0] == np.maximum(x, 0)).all()


def test_layers_that_do_not_fit_together_are_refused() -> None:
    layers = [Layer(Add(14, 16, 2), ""), Layer(MBConv(14, 3, 1, 24, 48, 24, "relu"), "b")]
    with pytest.raises(ExportError, match="takes"):
        write_layers(layers, seeded_layer(layers[1]))
