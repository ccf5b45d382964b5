"""Ripple: what a width costs beyond the line through the widths that are multiples of 32.

Over its expansion channels a block costs a line and, on top, what comes back with every 32 channels: kernels work on groups of channels (a
SIMD register, a tile of a matrix product), and rows of features straddle cache lines. That part grows with the work of the expansion
convolution and with nothing else: of blocks with the same features it is the same per multiply-accumulate, whatever they emit and whatever
their stride.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, TypeAlias

from collab.blocks import Block, MBConv
from lut.entries import PERIOD, Ripple
from lut.statistics import Z95

_Curve: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
"""Remainders in ascending order from 0 to `PERIOD`, and what each of them costs (ps for each multiply-accumulate)."""
PS_PER_US: Final = 1e6


def expansion_macs(block: MBConv) -> int:
    """Returns the multiply-accumulates of a block's expansion convolution; 0 of a block without one."""
    return block.in_size**2 * block.in_c * block.exp_c if block.has_expansion else 0


def is_proven(entry: Ripple) -> bool:
    """Whether an entry is not there by chance, with a probability of about 95 %."""
    return abs(entry.extra_ps) > Z95 * entry.se_ps


class Ripples:
    """The ripples of all units. An entry that is not proven counts as 0; remainders between two entries are interpolated."""

    def __init__(self, entries: Iterable[Ripple]) -> None:
        found: dict[str, dict[int, dict[int, float]]] = {}
        for entry in entries:
            at_size = found.setdefault(entry.unit, {}).setdefault(entry.size, {0: 0.0, PERIOD: 0.0})
            at_size[entry.over] = entry.extra_ps if is_proven(entry) else 0.0
        self._curves: dict[str, dict[int, _Curve]] = {
            unit: {size: (tuple(sorted(at)), tuple(at[over] for over in sorted(at))) for size, at in sizes.items()}
            for unit, sizes in found.items()
        }

    def extra_us(self, unit: str, block: Block) -> float:
        """Returns what a block takes more, or less, than the line says (us), as measured at the nearest size of features.

        Up to 32 channels that is 0: there the first group is never full, and points of their own tell the costs.
        """
        sizes = self._curves.get(unit)
        if sizes is None or not isinstance(block, MBConv) or block.exp_c <= PERIOD or block.exp_c % PERIOD == 0:
            return 0.0
        curve = sizes[min(sizes, key=lambda size: abs(math.log(size / block.in_size)))]
        return _between(curve, block.exp_c % PERIOD) * expansion_macs(block) / PS_PER_US


def _between(curve: _Curve, over: int) -> float:
    overs, extras = curve
    above = bisect_right(overs, over)
    share = (over - overs[above - 1]) / (overs[above] - overs[above - 1])
    return (1 - share) * extras[above - 1] + share * extras[above]
