"""Where a coarse table's interpolation is worst: which blocks to measure next, within a given time.

Along a line of expansion channels (and across lines of output channels), how far a measured point lies from the line between its neighbours
tells the curvature there, and the curvature how far off a value halfway between two points may be. What is expected to be gained is
weighed against what measuring takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

from collab.blocks import Block, MBConv, parse_key
from lut.interpolate import Family, locate
from lut.tables import USABLE, BlockRow

_STEP: Final = 16
_Line: TypeAlias = dict[int, tuple[MBConv, float]]
"""Measured blocks and their times, by the number of channels that varies."""
_Vary: TypeAlias = Callable[[MBConv, int], MBConv]


@dataclass(frozen=True)
class Suggestion:
    """A block worth measuring: how far off its time may be now, summed over all units, and how long measuring it takes."""

    block: MBConv
    error_us: float
    cost_us: float

    @property
    def worth(self) -> float:
        return self.error_us / self.cost_us


def suggest(rows: Iterable[BlockRow], *, samples: int, setup_us: float) -> list[Suggestion]:
    """Blocks between measured ones, the most worthwhile first.

    Args:
        samples: how many runs (warm-ups included) a block gets on each unit.
        setup_us: what they take on top of the runs, visits and model creation included.
    """
    errors: dict[MBConv, float] = defaultdict(float)
    costs: dict[MBConv, float] = defaultdict(float)
    for points in _by_unit(rows).values():
        for block, error_us, around_us in _gaps(points):
            errors[block] += error_us
            costs[block] += samples * around_us + setup_us
    known = {block for points in _by_unit(rows).values() for block in points}
    suggestions = [Suggestion(block, errors[block], costs[block]) for block in errors if block not in known and errors[block] > 0]
    return sorted(suggestions, key=lambda suggestion: (-suggestion.worth, suggestion.block.key))


def within(suggestions: Sequence[Suggestion], limit_us: float) -> list[Block]:
    """The first ones that can be measured in so much time."""
    chosen: list[Block] = []
    for suggestion in suggestions:
        limit_us -= suggestion.cost_us
        if limit_us < 0:
            break
        chosen.append(suggestion.block)
    return chosen


def _by_unit(rows: Iterable[BlockRow]) -> dict[str, dict[MBConv, float]]:
    found: dict[str, dict[MBConv, float]] = defaultdict(dict)
    for row in rows:
        block = parse_key(row.block)
        if isinstance(block, MBConv) and row.status in USABLE and row.marginal_us is not None:
            found[row.unit][block] = row.marginal_us
    return found


def _gaps(points: Mapping[MBConv, float]) -> Iterator[tuple[MBConv, float, float]]:
    """Blocks halfway between two measured ones of one unit, each with how far off it may be and about how long it takes."""
    along: dict[tuple[Family, int], _Line] = defaultdict(dict)
    across: dict[tuple[Family, int], _Line] = defaultdict(dict)
    for block, us in points.items():
        located = locate(block)
        if located is not None:
            family, (exp_c, out_c) = located
            along[family, out_c][exp_c] = (block, us)
            across[family, exp_c][out_c] = (block, us)
    for line in along.values():
        yield from _line_gaps(line, lambda block, channels: replace(block, exp_c=channels))
    for line in across.values():
        yield from _line_gaps(line, lambda block, channels: replace(block, out_c=channels))


def _line_gaps(line: _Line, at: _Vary) -> Iterator[tuple[MBConv, float, float]]:
    channels = sorted(line)
    curvature = [_curvature(line, channels, index) for index in range(len(channels))]
    for index, (low, high) in enumerate(pairwise(channels)):
        middle = round((low + high) / 2 / _STEP) * _STEP
        block = at(line[low][0], middle)
        if low < middle < high and _is_alike(block, line[low][0]):
            error_us = max(curvature[index], curvature[index + 1]) * (high - low) ** 2 / 8
            yield block, error_us, (line[low][1] + line[high][1]) / 2


def _is_alike(block: MBConv, other: MBConv) -> bool:
    mine, its = locate(block), locate(other)
    return mine is not None and its is not None and mine[0] == its[0]


def _curvature(line: _Line, channels: Sequence[int], index: int) -> float:
    """The absolute second derivative at a point between two others; 0 at either end, where nothing tells it."""
    if not 0 < index < len(channels) - 1:
        return 0.0
    before, here, after = channels[index - 1 : index + 2]
    low, mid, high = (line[at][1] for at in (before, here, after))
    straight = low + (high - low) * (here - before) / (after - before)
    return 2 * abs(mid - straight) / ((here - before) * (after - here))
