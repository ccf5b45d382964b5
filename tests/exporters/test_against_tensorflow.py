"""The direct route against TensorFlow: the same blocks, built in Keras with the same weights and converted by TensorFlow's own converter.

Both models are run by the same interpreter, so what differs is what the two writers say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from collab.blocks import Add, Block, Concat, Head, MBConv, Stem
from collab.networks.weights import Array, seeded_layer
from collab.schedule import Layer
from exporters.checking import relative_error
from exporters.interpret import run_model
from exporters.tflite_graph import TfliteGraph
from exporters.tflite_route import write_layers
from tests.exporters.doors.tensorflow_there import tensorflow

pytestmark = pytest.mark.slow

tf = tensorflow()

NEAR = 1e-5
"""As a fraction of the output's range: what float32 rounds when it adds in another order."""

BLOCKS: Sequence[Block] = (
    Stem(32, 3, 2, 3, 16, "relu6"),
    Stem(33, 3, 2, 3, 8, "relu"),
    Stem(31, 5, 1, 3, 8, "relu6"),
    MBConv(14, 3, 1, 16, 64, 16, "relu6"),
    MBConv(14, 3, 1, 16, 16, 24, "relu"),
    MBConv(14, 3, 2, 16, 96, 24, "relu6"),
    MBConv(15, 3, 2, 16, 48, 24, "relu"),
    MBConv(14, 5, 2, 8, 48, 16, "relu6"),
    MBConv(13, 5, 1, 12, 36, 12, "relu6"),
    MBConv(14, 7, 2, 8, 24, 8, "relu"),
    MBConv(13, 7, 3, 8, 24, 8, "relu6"),
    Head(7, 1, 1, 32, 128, 10, "relu6"),
    Head(8, 3, 2, 16, 48, 5, "relu"),
    Add(14, 16, 2),
    Add(9, 8, 4),
    Concat(14, (8, 16)),
    Concat(9, (4, 8, 12)),
)
CHAINS: Mapping[str, Sequence[Block]] = {
    "network": (
        Stem(32, 3, 2, 3, 16, "relu6"),
        MBConv(16, 3, 1, 16, 16, 8, "relu6"),
        MBConv(8 * 2, 3, 2, 8, 48, 16, "relu6"),
        MBConv(8, 5, 1, 16, 64, 16, "relu6"),
        Head(8, 1, 1, 16, 64, 10, "relu6"),
    ),
    "behind a sum": (Add(14, 16, 2), MBConv(14, 3, 2, 16, 64, 24, "relu6"), MBConv(7, 3, 1, 24, 96, 24, "relu6")),
    "behind a join": (Concat(14, (8, 8)), MBConv(14, 5, 1, 16, 32, 16, "relu"), Head(14, 1, 1, 16, 32, 7, "relu")),
}


def layers_of(blocks: Sequence[Block]) -> list[Layer]:
    names = {Add: "", Concat: "", Head: "head"}
    return [Layer(block, names.get(type(block), f"b{index}")) for index, block in enumerate(blocks)]


def seeded(layers: Sequence[Layer]) -> dict[str, Array]:
    return {name: array for seed, layer in enumerate(layers) for name, array in seeded_layer(layer, seed=seed).items()}


def inputs_of(layers: Sequence[Layer]) -> list[Array]:
    shapes = layers[0].block.in_shapes
    return [np.random.default_rng(seed).standard_normal(shape).astype(np.float32) for seed, shape in enumerate(shapes)]


def norm_conv(x: Any, weights: Mapping[str, Array], prefix: str, *, stride: int, act: str | None, depthwise: bool = False) -> Any:
    """Zeros around, a convolution without bias, BatchNorm and activation, as layers of Keras."""
    keras = tf.keras
    weight = weights[f"{prefix}.0.weight"]
    kernel = weight.shape[2]
    if kernel > 1:
        x = keras.layers.ZeroPadding2D(kernel // 2)(x)
    if depthwise:
        conv, turned = keras.layers.DepthwiseConv2D(kernel, stride, use_bias=False), weight.transpose(2, 3, 0, 1)
    else:
        conv, turned = keras.layers.Conv2D(weight.shape[0], kernel, stride, use_bias=False), weight.transpose(2, 3, 1, 0)
    y = conv(x)
    conv.set_weights([turned])
    norm = keras.layers.BatchNormalization(epsilon=1e-5)
    y = norm(y, training=False)
    norm.set_weights([weights[f"{prefix}.1.{name}"] for name in ("weight", "bias", "running_mean", "running_var")])
    return y if act is None else keras.layers.ReLU(6.0 if act == "relu6" else None)(y)


def in_keras(xs: Sequence[Any], layer: Layer, weights: Mapping[str, Array]) -> Any:
    """Builds a layer of Keras's own with these weights on tensors; returns its output."""
    keras, block = tf.keras, layer.block
    if isinstance(block, Concat):
        return keras.layers.Concatenate(axis=3)(list(xs))
    if isinstance(block, Add):
        return keras.layers.Add()(list(xs))
    [x] = xs
    if isinstance(block, MBConv):
        y = norm_conv(x, weights, f"{layer.weights}.pw1", stride=1, act=block.act) if block.in_c != block.exp_c else x
        y = norm_conv(y, weights, f"{layer.weights}.dw", stride=block.stride, act=block.act, depthwise=True)
        y = norm_conv(y, weights, f"{layer.weights}.pw2", stride=1, act=None)
        return keras.layers.Add()([y, x]) if block.stride == 1 and block.in_c == block.out_c else y
    if isinstance(block, Stem):
        return norm_conv(x, weights, layer.weights, stride=block.stride, act=block.act)
    assert isinstance(block, Head)
    y = norm_conv(x, weights, "head_conv", stride=block.stride, act=block.act)
    dense = keras.layers.Dense(block.classes)
    y = dense(keras.layers.GlobalAveragePooling2D()(y))
    dense.set_weights([weights["classifier.1.weight"].T, weights["classifier.1.bias"]])
    return y


def by_tensorflow(layers: Sequence[Layer], weights: Mapping[str, Array]) -> bytes:
    """A chain of layers as TensorFlow's converter writes it."""
    given = [tf.keras.Input(shape[1:], batch_size=1, name=f"in{index}") for index, shape in enumerate(layers[0].block.in_shapes)]
    passed: list[Any] = given
    for layer in layers:
        passed = [in_keras(passed, layer, weights)]
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(given, passed[0]))
    model: bytes = converter.convert()
    return model


def by_name(model: bytes, inputs: Sequence[Array]) -> Array:
    """The output of a converted model, whose inputs may stand in any order but have their names."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=model, num_threads=1).get_signature_runner()
    assert set(runner.get_input_details()) == {f"in{index}" for index in range(len(inputs))}
    [output] = runner(**{f"in{index}": array for index, array in enumerate(inputs)}).values()
    return np.array(output)


def error_of(ours: bytes, layers: Sequence[Layer], weights: Mapping[str, Array]) -> float:
    """How far our model's output is from that of TensorFlow's model, as a fraction of its range."""
    inputs = inputs_of(layers)
    expected = by_name(by_tensorflow(layers, weights), inputs)
    [actual] = run_model(ours, inputs)
    assert actual.shape == expected.shape == layers[-1].block.out_shape
    assert expected.std() > 1e-3, "an output that is all alike shows nothing"
    return relative_error(actual, expected)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.key)
def test_a_block_is_what_tensorflow_makes_of_it(block: Block) -> None:
    layers = layers_of([block])
    weights = seeded(layers)
    assert error_of(write_layers(layers, weights), layers, weights) <= NEAR


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_what_tensorflow_makes_of_it(name: str) -> None:
    layers = layers_of(CHAINS[name])
    weights = seeded(layers)
    assert error_of(write_layers(layers, weights), layers, weights) <= NEAR


def test_another_weight_shows() -> None:
    layers = layers_of([MBConv(14, 3, 1, 16, 64, 16, "relu6")])
    weights = seeded(layers)
    for name in ("b0.pw1.0.weight", "b0.dw.1.running_mean", "b0.pw2.1.bias"):
        changed = weights[name].copy()
        changed.flat[0] += 0.1
        assert error_of(write_layers(layers, {**weights, name: changed}), layers, weights) > NEAR, name


def test_another_epsilon_shows() -> None:
    layers = layers_of([MBConv(14, 3, 2, 16, 96, 24, "relu6")])
    weights = seeded(layers)
    assert error_of(write_layers(layers, weights, eps=1e-3), layers, weights) > NEAR


def test_another_activation_and_another_order_show() -> None:
    weights = seeded(layers := layers_of([MBConv(14, 3, 1, 16, 64, 24, "relu6")]))
    without = {**weights, "b0.pw1.1.weight": 20 * weights["b0.pw1.1.weight"]}
    other = layers_of([MBConv(14, 3, 1, 16, 64, 24, "relu")])
    assert error_of(write_layers(layers, without), layers, without) <= NEAR, "the cap is what differs"
    assert error_of(write_layers(other, without), layers, without) > NEAR
    joined = layers_of([Concat(9, (8, 8))])
    ours = write_layers(joined, {})
    inputs = inputs_of(joined)
    assert relative_error(run_model(ours, inputs[::-1])[0], by_name(by_tensorflow(joined, {}), inputs)) > NEAR


def test_padding_as_tensorflow_has_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an even size and stride 2, SAME does not pad as torch does."""
    from ai_edge_litert import schema_py_generated as schema

    layers = layers_of([MBConv(14, 3, 2, 16, 96, 24, "relu6")])
    weights = seeded(layers)
    assert error_of(write_layers(layers, weights), layers, weights) <= NEAR
    monkeypatch.setattr(TfliteGraph, "_pad_like_torch", lambda self, x, *, kernel, stride: (x, schema.Padding.SAME))
    assert error_of(write_layers(layers, weights), layers, weights) > NEAR
