"""Random placements of a network's blocks on units: for profiles to rehearse, and for tables to be held against.

They switch between units seldom or often, evenly over the orders of magnitude in between: what hand-overs cost shows in those that switch
often, and what long stretches cost in the others. In every other one units change first where the arm of a fork begins, so that arms run at
the same time where the network has any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

import numpy as np

from collab.errors import NetworkError
from graph.scheduling import CutNetwork

_DRAWS_EACH: Final = 8


def random_placements(
    cut: CutNetwork, units: Sequence[str], count: int, *, seed: int, possible: Sequence[Collection[str]] | None = None
) -> list[tuple[str, ...]]:
    """Returns so many placements that differ, each on two units or more: the unit of each block.

    Fewer, or none, where there are not so many, or where most would hand over a tensor of a type that cannot be.

    Args:
        units: names of at least two units.
        seed: the same one gives the same placements of the same network, units and count.
        possible: the units that can run each block, of these units; None: all of them can run all blocks.
    """
    able = [[unit for unit in units if possible is None or unit in possible[number]] for number in range(len(cut.blocks))]
    generator = np.random.default_rng(seed)
    found: dict[tuple[str, ...], None] = {}
    if not all(able) or len(able) < 2:
        return []
    arms = [number for number in range(1, len(able)) if number - 1 not in cut.before[number]]
    for number in range(_DRAWS_EACH * count):
        if len(found) == count:
            break
        # Each of `count` draws in a row is from another part of the scale.
        share = (number % count + generator.random()) / count
        switches = max(round((len(able) - 1) ** share), 1)
        placed = _drawn(able, _places(len(able), switches, arms if number % 2 else [], generator), generator)
        if len(set(placed)) > 1 and placed not in found and _can_be(cut, placed, units):
            found[placed] = None
    return list(found)


def _places(blocks: int, count: int, first: Sequence[int], generator: np.random.Generator) -> set[int]:
    """Returns the numbers of so many blocks before which the unit changes: of those named first, then of all others."""
    rest = [number for number in range(1, blocks) if number not in first]
    order = [*generator.permutation(first), *generator.permutation(rest)]
    return {int(number) for number in order[:count]}


def _drawn(able: Sequence[Sequence[str]], places: Collection[int], generator: np.random.Generator) -> tuple[str, ...]:
    """Returns a unit for each block of those that can run it: another one at these places, elsewhere the one before where it can."""
    placed: list[str] = []
    for number, units in enumerate(able):
        others = [unit for unit in units if not placed or unit != placed[-1]]
        stays = placed and placed[-1] in units and (number not in places or not others)
        placed.append(placed[-1] if stays else others[int(generator.integers(len(others)))])
    return tuple(placed)


def _can_be(cut: CutNetwork, placed: Sequence[str], units: Sequence[str]) -> bool:
    with suppress(NetworkError):
        cut.schedule(placed, order=units)
        return True
    return False
