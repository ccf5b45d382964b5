"""The direct route: blocks and segments straight to TFLite, without torch.

BatchNorm is folded into the convolution before it, activations are fused, padding is torch's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collab.blocks import MAX_TENSOR_BYTES, Add, Block, Concat, Head, MBConv, Stem, feature_bytes
from collab.config import DEFAULT_EPS
from collab.errors import ExportError
from collab.networks.weights import Array, Weights, conv_names, seeded_layer
from collab.schedule import NETWORK_INPUT, Layer, Schedule, Segment, Source
from collab.tensors.types import Shape
from exporters.tflite_graph import TfliteGraph


def write_layers(layers: Sequence[Layer], weights: Weights, *, eps: float = DEFAULT_EPS, description: str = "") -> bytes:
    """A chain of layers as one TFLite model; its inputs are those of the first layer.

    Args:
        weights: tensors under their checkpoint names; those of other layers are ignored.
        eps: BatchNorm's epsilon.
    """
    graph = TfliteGraph(description)
    inputs = [graph.add_input(shape) for shape in layers[0].block.in_shapes]
    for layer in layers:
        if _shapes(graph, inputs) != layer.block.in_shapes:
            raise ExportError(f"{layer.block.key} takes {layer.block.in_shapes}, but gets {_shapes(graph, inputs)}")
        inputs = [_write_layer(graph, inputs, layer, weights, eps)]
    return graph.build(inputs[0])


def write_segment(segment: Segment, weights: Weights, *, eps: float) -> bytes:
    """A segment as a TFLite model."""
    return write_layers(segment.layers, weights, eps=eps, description=f"segment {segment.name}")


def write_whole(schedule: Schedule, weights: Weights, *, eps: float = DEFAULT_EPS) -> bytes:
    """All segments of a config's schedule as one TFLite model; what several units compute is there for each of them."""
    graph = TfliteGraph(schedule.model)
    given = {Source(NETWORK_INPUT, number): graph.add_input(tensor.shape) for number, tensor in enumerate(schedule.inputs)}
    for segment in schedule.segments:
        features = [given[source] for source in segment.sources]
        for layer in segment.layers:
            features = [_write_layer(graph, features, layer, weights, eps)]
        given[Source(segment.name)] = features[0]
    return graph.build(given[schedule.outputs[0]])


def write_block(block: Block, *, seed: int = 0) -> bytes:
    """One block alone, with seeded weights, for timing."""
    layer = Layer(block, "" if isinstance(block, (Add, Concat)) else "block")
    return write_layers([layer], seeded_layer(layer, seed=seed), description=block.key)


def write_chain(blocks: Sequence[Block], *, seed: int = 0) -> bytes:
    """Blocks one after the other as one model, with seeded weights, for timing."""
    layers = [Layer(block, f"blocks.{index}") for index, block in enumerate(blocks)]
    weights = {name: array for layer in layers for name, array in seeded_layer(layer, seed=seed).items()}
    return write_layers(layers, weights, description=f"chain of {len(layers)} blocks")


def write_relu(shape: Shape) -> bytes:
    """The least model there is: one RELU. For hand-overs of that shape and for the cost of a call.

    Raises:
        ExportError: the shape is larger than any runtime takes.
    """
    if feature_bytes(shape) > MAX_TENSOR_BYTES:
        raise ExportError(f"features of {feature_bytes(shape) / 2**30:.1f} GiB; at most {MAX_TENSOR_BYTES >> 30} GiB can be run")
    graph = TfliteGraph(f"relu {'x'.join(map(str, shape))}")
    return graph.build(graph.relu(graph.add_input(shape)))


def _shapes(graph: TfliteGraph, tensors: Sequence[int]) -> tuple[Shape, ...]:
    return tuple(graph.shape(tensor) for tensor in tensors)


def _write_layer(graph: TfliteGraph, inputs: list[int], layer: Layer, weights: Weights, eps: float) -> int:
    block = layer.block
    if isinstance(block, Concat):
        return graph.concat(inputs)
    if isinstance(block, Add):
        total = inputs[0]
        for term in inputs[1:]:
            total = graph.add(total, term)
        return total
    folded = [_fold(weights, prefix, eps) for prefix, _ in conv_names(layer)]
    if isinstance(block, MBConv):
        return _write_mbconv(graph, inputs[0], block, folded)
    weight, bias = folded[0]
    x = graph.conv(inputs[0], weight=weight, bias=bias, stride=block.stride, activation=block.act)
    if isinstance(block, Stem):
        return x
    assert isinstance(block, Head)
    return graph.fully_connected(graph.global_average(x), weight=weights["classifier.1.weight"], bias=weights["classifier.1.bias"])


def _write_mbconv(graph: TfliteGraph, x: int, block: MBConv, folded: list[tuple[Array, Array]]) -> int:
    y = x
    if block.has_expansion:
        weight, bias = folded[0]
        y = graph.conv(y, weight=weight, bias=bias, stride=1, activation=block.act)
    weight, bias = folded[-2]
    y = graph.depthwise_conv(y, weight=weight, bias=bias, stride=block.stride, activation=block.act)
    weight, bias = folded[-1]
    y = graph.conv(y, weight=weight, bias=bias, stride=1, activation=None)
    return graph.add(y, x) if block.has_residual else y


def _fold(weights: Weights, prefix: str, eps: float) -> tuple[Array, Array]:
    """Weight and bias of the convolution with its BatchNorm folded in; the scale is computed in double precision."""
    gamma, beta, mean, var = (
        weights[f"{prefix}.1.{name}"].astype(np.float64) for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(var + eps)
    return weights[f"{prefix}.0.weight"] * scale.astype(np.float32)[:, None, None, None], (beta - mean * scale).astype(np.float32)
