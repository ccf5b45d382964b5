"""Refinement of a coarse table: the blocks to measure next within a given time, where interpolation is worst.

Along a line of expansion channels (and across lines of output channels), how far a measured point lies from the line between its neighbours
tells the curvature there, and the curvature how far off a value halfway between two points may be. What the points' own errors explain is
no curvature: where they are large, more points would only chase noise. What is expected to be gained is weighed against what measuring
takes. Points are suggested at widths that are multiples of 32, between which the ripple tells (`profiler.channels`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

from collab.blocks import Block, MBConv, parse_any_key
from lut.entries import PERIOD
from lut.prediction.interpolate import Family, locate
from lut.tables import USABLE, BlockRow
from profiler.width_lines import WidthLine, WidthPoint

_SHARE_STEP: Final = 16
"""Suggested output channels are multiples of it."""
_NOISE: Final = 2.0
"""A point's distance from a line is taken for chance up to so many standard errors."""
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
    """Returns blocks between measured ones, the most worthwhile first.

    Args:
        samples: runs (warm-ups included) that a block gets on each unit.
        setup_us: the time that they take on top of the runs, visits and model creation included.
    """
    errors: dict[MBConv, float] = defaultdict(float)
    costs: dict[MBConv, float] = defaultdict(float)
    by_unit = _by_unit(rows)
    for points in by_unit.values():
        for block, error_us, around_us in _gaps(points):
            errors[block] += error_us
            costs[block] += samples * around_us + setup_us
    known = {point.block for points in by_unit.values() for point in points}
    suggestions = [Suggestion(block, errors[block], costs[block]) for block in errors if block not in known and errors[block] > 0]
    return sorted(suggestions, key=lambda suggestion: (-suggestion.worth, suggestion.block.key))


def within(suggestions: Sequence[Suggestion], limit_us: float) -> list[Block]:
    """Returns the first ones that can be measured in so much time."""
    chosen: list[Block] = []
    for suggestion in suggestions:
        limit_us -= suggestion.cost_us
        if limit_us < 0:
            break
        chosen.append(suggestion.block)
    return chosen


def _by_unit(rows: Iterable[BlockRow]) -> dict[str, list[WidthPoint]]:
    found: dict[str, list[WidthPoint]] = defaultdict(list)
    for row in rows:
        block = parse_any_key(row.block)
        if isinstance(block, MBConv) and row.status in USABLE and row.marginal_us is not None:
            found[row.unit].append(WidthPoint(block, row.marginal_us, _error_us(row, row.marginal_us)))
    return found


def _error_us(row: BlockRow, marginal_us: float) -> float:
    """Returns the standard error of what a block adds: that of its median, times its network factor; infinite where it is not known.

    Of the factor a row tells only that it is no less than what the block adds in a network to what it takes alone with a call.
    """
    if row.median_se_us is None or not row.median_us:
        return math.inf
    return row.median_se_us * max(marginal_us / row.median_us, 1.0)


def _gaps(points: Iterable[WidthPoint]) -> Iterator[tuple[MBConv, float, float]]:
    """Gives blocks halfway between two measured ones of one unit, each with how far off it may be and about how long it takes (us)."""
    along: dict[tuple[Family, int], WidthLine] = defaultdict(dict)
    across: dict[tuple[Family, int], WidthLine] = defaultdict(dict)
    for point in points:
        located = locate(point.block)
        if located is not None:
            family, (exp_c, out_c) = located
            # A width between two multiples of the period tells of the ripple, not of how curved the line is.
            if exp_c < PERIOD or exp_c % PERIOD == 0:
                along[family, out_c][exp_c] = point
            across[family, exp_c][out_c] = point
    for line in along.values():
        yield from _line_gaps(line, PERIOD, lambda block, channels: replace(block, exp_c=channels))
    for line in across.values():
        yield from _line_gaps(line, _SHARE_STEP, lambda block, channels: replace(block, out_c=channels))


def _line_gaps(line: WidthLine, step: int, at: _Vary) -> Iterator[tuple[MBConv, float, float]]:
    channels = sorted(line)
    curvature = [_curvature(line, channels, index) for index in range(len(channels))]
    for index, (low, high) in enumerate(pairwise(channels)):
        middle = round((low + high) / 2 / step) * step
        block = at(line[low].block, middle)
        if low < middle < high and _is_alike(block, line[low].block):
            error_us = max(curvature[index], curvature[index + 1]) * (high - low) ** 2 / 8
            yield block, error_us, (line[low].us + line[high].us) / 2


def _is_alike(block: MBConv, other: MBConv) -> bool:
    mine, its = locate(block), locate(other)
    return mine is not None and its is not None and mine[0] == its[0]


def _curvature(line: WidthLine, channels: Sequence[int], index: int) -> float:
    """Returns the absolute second derivative at a point between two others (us per channel squared); 0 at either end.

    A divided difference, less what `_NOISE` standard errors of the three points explain.
    """
    if not 0 < index < len(channels) - 1:
        return 0.0
    before, here, after = channels[index - 1 : index + 2]
    low, mid, high = (line[at] for at in (before, here, after))
    share = (here - before) / (after - before)
    straight_us = low.us + (high.us - low.us) * share
    chance_us = _NOISE * math.hypot(mid.error_us, (1 - share) * low.error_us, share * high.error_us)
    return 2 * max(abs(mid.us - straight_us) - chance_us, 0.0) / ((here - before) * (after - here))
