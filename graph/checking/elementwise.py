"""Rules of operators that work on each value by itself."""

from __future__ import annotations

from functools import partial
from typing import Final

from graph.checking.rule import Checked, Rule, broadcast
from graph.network import Shape

_ACTIVATIONS: Final = 5
"""Codes of fused activations up to which runtimes know them."""


def check_activation(op: Checked) -> None:
    """Requires an activation that runtimes know."""
    code = op.option("fusedActivationFunction")
    op.require(0 <= code <= _ACTIVATIONS, f"has an activation of number {code}")


def same(op: Checked, *, converts: bool = False) -> list[Shape]:
    """Output as the input is."""
    if not converts:
        op.same_dtypes(0)
    return [op.shape(0)]


def _meeting(op: Checked, *, compares: bool, most: int = 4) -> list[Shape]:
    op.same_dtypes(0, 1, with_output=not compares)
    op.require(not compares or op.out().dtype == "BOOL", "compares, and does not give true or false")
    return [broadcast(op, op.shape(0), op.shape(1), most=most)]


def _arithmetic(op: Checked, *, most: int) -> list[Shape]:
    check_activation(op)
    return _meeting(op, compares=False, most=most)


def _prelu(op: Checked) -> list[Shape]:
    op.same_dtypes(0, 1)
    shape = broadcast(op, op.shape(0), op.shape(1), most=4)
    op.require(shape == op.shape(0), "has slopes of a larger shape than its input")
    return [shape]


def _select(op: Checked) -> list[Shape]:
    op.require(op.dtype(0) == "BOOL", "chooses by what is not true or false")
    op.same_dtypes(1, 2)
    op.require(op.shape(1) == op.shape(2), "chooses between different shapes")
    condition, shape = op.shape(0), op.shape(1)
    op.require(
        condition == shape or len(condition) == 0 or (len(condition) == 1 and condition == shape[:1]), "has a condition that does not fit"
    )
    return [shape]


def _select_v2(op: Checked) -> list[Shape]:
    op.require(op.dtype(0) == "BOOL", "chooses by what is not true or false")
    op.same_dtypes(1, 2)
    return [broadcast(op, op.shape(0), op.shape(1), op.shape(2), most=4)]


def _densify(op: Checked) -> list[Shape]:
    op.same_dtypes(0)
    op.require(op.tensor(0).sparsity is not None, "unpacks what is not sparse")
    return [op.shape(0)]


def _dequantize(op: Checked) -> list[Shape]:
    op.require(op.out().dtype == "FLOAT32", f"unpacks to {op.out().dtype}")
    op.require(op.dtype(0) == "FLOAT16" or op.tensor(0).quantisation is not None, f"unpacks values of type {op.dtype(0)} without a scale")
    return [op.shape(0)]


def _quantize(op: Checked) -> list[Shape]:
    op.require(op.out().quantisation is not None, "packs values without a scale")
    op.require(op.dtype(0) == "FLOAT32" or op.tensor(0).quantisation is not None, "packs values again that had no scale")
    return [op.shape(0)]


_SAME: Final = Rule(same, (1, 1))
_SCALED: Final = Rule(same, (1, 1), scaled=True)
_COMPARE: Final = Rule(partial(_meeting, compares=True), (2, 2), scaled=True)
_MEET: Final = Rule(partial(_meeting, compares=False), (2, 2), scaled=True)


def _computing(options: str, most: int) -> Rule:
    return Rule(partial(_arithmetic, most=most), (2, 2), options, scaled=True)


ELEMENTWISE: Final[dict[str, Rule]] = {
    **dict.fromkeys(("CEIL", "COS", "FLOOR", "LOGICAL_NOT", "NEG", "ROUND", "SIGN", "SIN", "SQRT", "SQUARE", "ZEROS_LIKE"), _SAME),
    **dict.fromkeys(("ABS", "ELU", "EXP", "HARD_SWISH", "LOG", "RSQRT"), _SCALED),
    **dict.fromkeys(("LOGISTIC", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "TANH"), _SCALED),
    "GELU": Rule(same, (1, 1), "GeluOptions", scaled=True),
    "LEAKY_RELU": Rule(same, (1, 1), "LeakyReluOptions", scaled=True),
    "CAST": Rule(partial(same, converts=True), (1, 1)),
    "DENSIFY": Rule(_densify, (1, 1)),
    "DEQUANTIZE": Rule(_dequantize, (1, 1)),
    "QUANTIZE": Rule(_quantize, (1, 1), scaled=True),
    "ADD": _computing("AddOptions", 6),
    "SUB": _computing("SubOptions", 6),
    "MUL": _computing("MulOptions", 6),
    "DIV": _computing("DivOptions", 5),
    **dict.fromkeys(
        ("ATAN2", "FLOOR_DIV", "FLOOR_MOD", "LOGICAL_AND", "LOGICAL_OR", "MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE"), _MEET
    ),
    **dict.fromkeys(("BITWISE_XOR", "RIGHT_SHIFT"), Rule(partial(_meeting, compares=False), (2, 2))),
    **dict.fromkeys(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"), _COMPARE),
    "PRELU": Rule(_prelu, (2, 2), scaled=True),
    "SELECT": Rule(_select, (3, 3)),
    "SELECT_V2": Rule(_select_v2, (3, 3)),
}
