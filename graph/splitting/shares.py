"""Shares of channels: how many groups of channels each unit gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from collab.errors import NetworkError
from collab.names import shown
from collab.wording.options import option_named

_STEPS: Final = (8, 4, 2)
"""Numbers of channels that kernels compute at one go, from the most wanted on."""
_MOST_SHARES: Final = 16


def parse_shares(text: str) -> tuple[float, ...]:
    """Reads shares as users write them: positive numbers in any measure, with commas between, e.g. ``2,1``.

    Raises:
        NetworkError: they are not at least two such numbers, or too many.
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not 2 <= len(shares) <= _MOST_SHARES or not all(math.isfinite(share) and share > 0 for share in shares):
        raise NetworkError(
            f"{option_named('--split', shown(text))}: 2 to {_MOST_SHARES} positive numbers with commas between, such as 1,1 or 2,1"
        )
    return shares


def bounds_of(groups: int, channels: int, shares: Sequence[float]) -> tuple[tuple[int, int], ...]:
    """Divides groups of channels by shares, at multiples of 8 channels where there are enough of them.

    Args:
        groups: number of equal groups that the channels form.
        channels: of the narrowest tensor that is divided, a multiple of `groups`.
        shares: of each unit, positive, in any measure.

    Returns:
        First group and the one behind the last for each unit, in order. A unit whose share is too small gets none.

    Raises:
        NetworkError: a share is not positive.
    """
    if not shares or min(shares) <= 0:
        raise NetworkError(f"the shares {', '.join(f'{share:g}' for share in shares)} are not all positive; give each unit a share")
    each = channels // groups
    step = next((step for step in _STEPS if groups * each >= 2 * step * len(shares)), 1)
    grain = max(step // each, 1)
    whole = sum(shares)
    ends = [0]
    reached = 0.0
    for share in shares[:-1]:
        reached += share
        ends.append(min(max(round(reached / whole * groups / grain) * grain, ends[-1]), groups))
    ends.append(groups)
    return tuple(pairwise(ends))
