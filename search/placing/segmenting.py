"""Segments of many placements at once: the rule of `graph.scheduling`, over arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Ints

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Segmented:
    """Placements, (P, blocks), with the number of the segment of each block, in the order of segments' first blocks.

    Attributes:
        units: how many there are.
    """

    placements: Ints
    segment: Ints
    units: int


def segmented(before: Sequence[Sequence[int]], placements: Ints, units: int) -> Segmented:
    """Cuts placements into segments.

    Args:
        before: the blocks that each block takes from.
    """
    count, blocks = placements.shape
    rows = np.arange(count)
    known, known_before = np.full((count, units, units), -1), np.full((count, blocks, units), -1)
    awaits, ends = np.zeros((count, blocks), np.bool_), np.zeros((count, blocks), np.bool_)
    for number, taken in enumerate(before):
        unit = placements[:, number]
        if taken:
            own = known[rows, unit]
            blocks_taken = np.array(taken)
            sender = placements[:, blocks_taken]
            foreign = sender != unit[:, None]
            told = np.where(foreign[:, :, None], known_before[:, blocks_taken], -1).max(axis=1)
            told = np.maximum(told, own)
            same = foreign[:, None, :] & (sender[:, :, None] == sender[:, None, :])
            newest = np.where(same, blocks_taken, -1).max(axis=2) == blocks_taken
            awaited = foreign & newest & (blocks_taken > np.take_along_axis(told, sender, axis=1))
            awaits[:, number] = awaited.any(axis=1)
            for place, block in enumerate(taken):
                which = np.flatnonzero(awaited[:, place])
                ends[which, block] = True
                told[which, sender[which, place]] = block
            which = np.flatnonzero(awaits[:, number])
            known[which, unit[which]] = told[which]
        known_before[:, number] = known[rows, unit]
    return Segmented(placements, _numbers(placements, awaits, ends, units), units)


def _numbers(placements: Ints, awaits: Bools, ends: Bools, units: int) -> Ints:
    rows = np.arange(len(placements))
    going = np.full((len(placements), units), -1)
    counts = np.zeros(len(placements), np.int64)
    found = np.zeros(placements.shape, np.int64)
    for number in range(placements.shape[1]):
        unit = placements[:, number]
        begins = awaits[:, number] | (going[rows, unit] < 0)
        found[:, number] = np.where(begins, counts, going[rows, unit])
        counts += begins
        going[rows, unit] = np.where(ends[:, number], -1, found[:, number])
    return found
