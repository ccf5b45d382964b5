"""Lookup between measured points.

An MBConv's cost varies with its expansion channels and, after a concat, with its share of output channels; what was measured on a grid
of the two is interpolated linearly. Blocks are only interpolated within a *family*: same size, kernel, stride, input channels
and activation, and the same operators (without an expansion convolution, and with or without a residual, a block is another thing).
A CONCAT of two branches varies with how its channels are shared out.

What is not linear over expansion channels, their ripple, is up to the caller: it is taken from the measured points and added again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from collab.blocks import Block, Concat, MBConv

Point: TypeAlias = tuple[int, int]
Family: TypeAlias = tuple[str | int | bool, ...]


def locate(block: Block) -> tuple[Family, Point] | None:
    """Returns a block's family and its point within it; None for a block that is never interpolated."""
    if isinstance(block, MBConv):
        operators = (block.has_expansion, block.has_residual)
        return ("mbconv", block.in_size, block.kernel, block.stride, block.in_c, block.act, *operators), (block.exp_c, block.out_c)
    if isinstance(block, Concat) and block.branches == 2:
        return ("concat", block.size), (block.shares[0], block.channels)
    return None


def bracket(sorted_values: Sequence[int], value: int) -> tuple[int, int] | None:
    """Returns the nearest measured values at or around `value`; None if it lies outside."""
    index = bisect_left(sorted_values, value)
    if index == len(sorted_values):
        return None
    if sorted_values[index] == value:
        return value, value
    return (sorted_values[index - 1], sorted_values[index]) if index > 0 else None


def linear(low: int, high: int, value: int, at: Callable[[int], float]) -> float:
    """Interpolates linearly between ``at(low)`` and ``at(high)``."""
    if low == high:
        return at(low)
    share = (value - low) / (high - low)
    return (1 - share) * at(low) + share * at(high)


class Surface:
    """The measured points of one family: (expansion channels or first share, output channels)."""

    def __init__(self, points: Mapping[Point, float]) -> None:
        by_out: dict[int, dict[int, float]] = {}
        for (exp_c, out_c), value in points.items():
            by_out.setdefault(out_c, {})[exp_c] = value
        self._lines = {out_c: (sorted(line), line) for out_c, line in by_out.items()}

    def value(self, exp_c: int, out_c: int) -> float | None:
        """Interpolated along expansion channels, then along output channels; None outside what was measured.

        A line of output channels that does not reach the asked expansion channels is passed over for the next one.
        """
        usable = sorted(out for out, (exps, _) in self._lines.items() if bracket(exps, exp_c) is not None)
        around = bracket(usable, out_c)
        if around is None:
            return None
        return linear(*around, out_c, lambda out: self._along(out, exp_c))

    def _along(self, out_c: int, exp_c: int) -> float:
        exps, line = self._lines[out_c]
        around = bracket(exps, exp_c)
        assert around is not None
        return linear(*around, exp_c, lambda exp: line[exp])


def block_surfaces(points: Mapping[Block, float]) -> dict[Family, Surface]:
    """Returns the surfaces of all families among the measured blocks of one unit."""
    families: dict[Family, dict[Point, float]] = {}
    for block, value in points.items():
        if (located := locate(block)) is not None:
            name, point = located
            families.setdefault(name, {})[point] = value
    return {name: Surface(group) for name, group in families.items()}
