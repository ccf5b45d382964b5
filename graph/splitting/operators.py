"""Rules of what an operator may do when channels are divided over units: open a split, go along with it, or close it.

Channels are the last axis. Each function returns None where the algebra allows it, and otherwise the reason why it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Final

from graph.checking.rule import options_for
from graph.checking.rules import rule_of
from graph.network import Network, Operator, Tensor
from graph.splitting.constants import constant_of

_EACH_VALUE: Final = frozenset(
    {
        *("ABS", "CAST", "CEIL", "COS", "DEQUANTIZE", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG"),
        *("QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH"),
    }
)
MEETING: Final = frozenset({"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "PRELU"})
"""Operators of two inputs that meet value by value."""
_EACH_CHANNEL: Final = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"})
WEIGHTS: Final[Mapping[str, int]] = {"CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1, "DEPTHWISE_CONV_2D": 1}
"""Where among its inputs an operator has its weights."""
BIAS: Final[Mapping[str, int]] = {"CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3, "DEPTHWISE_CONV_2D": 2}
DATA: Final[Mapping[str, int]] = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 2, "DEPTHWISE_CONV_2D": 0}
ADDED_ACTIVATIONS: Final = frozenset({0, 1, 2, 3})
"""Fused activations (none, RELU, RELU_N1_TO_1, RELU6) that the sum of partial results can take over."""


def data_of(operator: Operator) -> int:
    """Returns the tensor that an operator with weights applies them to."""
    return operator.inputs[DATA[operator.name]]


def bias_of(operator: Operator) -> int:
    """Returns the tensor of an operator's bias, -1 where it has none."""
    place = BIAS[operator.name]
    return operator.inputs[place] if place < len(operator.inputs) else -1


def groups_of(network: Network, operator: Operator) -> int:
    """Returns into how many groups a convolution divides its channels."""
    if operator.name != "CONV_2D":
        return 1
    return network.tensors[operator.inputs[0]].shape[-1] // network.tensors[operator.inputs[1]].shape[-1]


def why_not_opening(network: Network, operator: Operator) -> str | None:
    """Tells why an operator cannot be divided by its output channels, each share with all of its input."""
    if operator.name not in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
        return "has no weights by which its outputs could be divided"
    if groups_of(network, operator) > 1:
        return "is grouped, so that each output needs only some of the inputs"
    return _why_not_weights(network, operator)


def why_not_closing(network: Network, operator: Operator, divided: Set[int]) -> str | None:
    """Tells why an operator cannot take its divided input apart, so that the sum of its shares is the whole."""
    if operator.name not in ("CONV_2D", "FULLY_CONNECTED"):
        return "needs all channels at once"
    weights, out = network.tensors[operator.inputs[WEIGHTS[operator.name]]], network.tensors[operator.outputs[0]]
    options = options_for(operator, rule_of(network, operator))
    assert options is not None, "operators with weights have options"
    reasons = (
        ("is grouped", groups_of(network, operator) > 1),
        ("takes its weights from what is divided", bool(set(operator.inputs[1:]) & divided)),
        ("computes with whole numbers, whose partial sums would be rounded one by one", {out.dtype, weights.dtype} != {"FLOAT32"}),
        ("takes values of several places for its channels", network.tensors[data_of(operator)].shape[-1] != weights.shape[-1]),
        ("has an activation that no sum can take over", options["fusedActivationFunction"] not in ADDED_ACTIVATIONS),
    )
    return next((reason for reason, holds in reasons if holds), None) or _why_not_weights(network, operator)


def why_not_along(network: Network, operator: Operator, divided: Set[int]) -> str | None:
    """Tells why an operator cannot compute each share of its output's channels from the same share of its divided inputs."""
    taken = [network.tensors[tensor] for tensor in operator.inputs if tensor in divided]
    if len(operator.outputs) != 1:
        return "has several outputs"
    if any(_scales(tensor) > 1 for tensor in (*taken, network.tensors[operator.outputs[0]])):
        return "has a scale for each channel of its values"
    if operator.name in MEETING:
        return _why_not_meeting(network, operator, divided)
    if [place for place, tensor in enumerate(operator.inputs) if tensor in divided] != [0]:
        return "needs all channels at once"
    if operator.name in _EACH_VALUE or operator.name in _EACH_CHANNEL:
        return None
    rule = _ALONG.get(operator.name)
    return rule(network, operator) if rule is not None else "needs all channels at once"


def _why_not_meeting(network: Network, operator: Operator, divided: Set[int]) -> str | None:
    channels = network.tensors[operator.outputs[0]].shape[-1]
    for tensor in operator.inputs:
        shape = network.tensors[tensor].shape
        if tensor in divided:
            if shape[-1] != channels:
                return "stretches the channels of a divided input"
        elif shape[-1:] == (channels,) and constant_of(network, tensor) is None:
            return "meets channels that are not divided"
    return None


def _why_not_grouped(network: Network, operator: Operator) -> str | None:
    return _why_not_weights(network, operator) if groups_of(network, operator) > 1 else "needs all channels at once"


def _why_not_reducing(network: Network, operator: Operator) -> str | None:
    axes, rank = network.constant_values(operator.inputs[1]), len(network.tensors[operator.inputs[0]].shape)
    keeps = axes is not None and all(int(axis) % rank != rank - 1 for axis in axes.reshape(-1))
    return None if keeps else "reduces over channels"


def _why_not_padding(network: Network, operator: Operator) -> str | None:
    around = network.constant_values(operator.inputs[1])
    return None if around is not None and not any(around.reshape(-1, 2)[-1]) else "pads channels"


def _why_not_reshaping(network: Network, operator: Operator) -> str | None:
    before, after = (network.tensors[tensor].shape for tensor in (operator.inputs[0], operator.outputs[0]))
    return None if before[-1:] == after[-1:] else "puts channels in another order"


def _why_not_batching(network: Network, operator: Operator) -> str | None:
    block = network.constant_values(operator.inputs[1])
    return None if block is not None and block.size <= len(network.tensors[operator.inputs[0]].shape) - 2 else "moves channels"


def _why_not_weights(network: Network, operator: Operator) -> str | None:
    weights = operator.inputs[WEIGHTS[operator.name]]
    bias = bias_of(operator)
    if constant_of(network, weights) is None:
        return "has weights that are computed, packed or sparse"
    if bias != -1 and constant_of(network, bias) is None:
        return "has a bias that is computed, packed or sparse"
    if bias != -1 and network.tensors[bias].shape[-1:] != network.tensors[operator.outputs[0]].shape[-1:]:
        return "has a bias whose last axis is not that of its channels"
    return None


def _scales(tensor: Tensor) -> int:
    return len(tensor.quantisation["scale"]) if tensor.quantisation is not None else 0


_ALONG: Final[Mapping[str, Callable[[Network, Operator], str | None]]] = {
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"), _why_not_reducing),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _why_not_padding),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _why_not_reshaping),
    **dict.fromkeys(("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _why_not_batching),
    "DEPTHWISE_CONV_2D": _why_not_weights,
    "CONV_2D": _why_not_grouped,
}
"""Rules by which kinds of operators go along, if their first input alone is divided."""
