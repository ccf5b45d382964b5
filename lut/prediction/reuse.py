"""Reuse: what it costs a unit to work on data that it last used a while ago.

A block that is timed alone, over and over, finds its weights and its buffers where the run before has left them. In a network, all that
the unit does in one inference lies in between. How many bytes that are is the *reuse distance* (Mattson et al., Evaluation techniques for
storage hierarchies, IBM Systems Journal 9, 1970); which of a unit's caches still holds the data depends on it, and so does what a byte
costs:

    time of a segment  =  call  +  sum over its blocks of (time alone + code + weights x (w(D) - w(d)))  +  features x f(D) - near

`D` is the unit's distance in the network, `d` that of a block which runs alone: its own weights and features. `w` and `f` are curves of
the unit, in microseconds per megabyte (1e6 bytes), which rise with the distance. The blocks of a segment share one arena, so the segment's
`features` are those of its largest block, and `near` is what the largest of these has in its time alone already. So narrow and wide
networks, cut into few or many segments, follow from the same numbers.

Where two units have a cache in common, part of what the other one touches lies in between as well: its share is added to the distance.

A megabyte of features may count for less in the distance than one of weights: what was written and read once is given up first by caches
that know (Jaleel et al., High performance cache replacement using re-reference interval prediction, ISCA 2010). By how much is a number of
the unit, its *features' share*.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from collab.blocks import AnyBlock, Head, MBConv, feature_bytes
from collab.tensors.opaque import Opaque
from lut.entries import ReuseCost

WEIGHTS: Final = "weights"
FEATURES: Final = "features"
_STEPS: Final = 2
"""Steps of a curve to an octave: caches have sharp edges."""
DISTANCES_MB: Final = tuple(2.0 ** (step / _STEPS) for step in range(-3 * _STEPS, 8 * _STEPS + 1))
"""Distances at which a curve may bend: from the nearest caches of small cores to beyond the last one of servers."""
_BYTES: Final = 1e6
_Floats = npt.NDArray[np.float64]


def weights_mb(block: AnyBlock) -> float:
    """Returns the megabytes of a block's weights; openings of segments have none."""
    if isinstance(block, Opaque):
        return block.weight_bytes / _BYTES
    return 4 * getattr(block, "params", 0) / _BYTES


def features_mb(block: AnyBlock) -> float:
    """Returns the megabytes of features at hand at most while one of a block's operators runs: inputs, outputs, and what is kept."""
    if isinstance(block, Opaque):
        return block.working_bytes / _BYTES
    inputs, output = sum(map(feature_bytes, block.in_shapes)), feature_bytes(block.out_shape)
    if isinstance(block, MBConv):
        expanded = feature_bytes((1, block.in_size, block.in_size, block.exp_c)) if block.has_expansion else 0
        filtered = feature_bytes((1, block.out_size, block.out_size, block.exp_c))
        kept = inputs if block.has_residual else 0
        return max(inputs + expanded, kept + (expanded or inputs) + filtered, kept + filtered + output) / _BYTES
    if isinstance(block, Head):
        hidden = feature_bytes((1, block.conv_size, block.conv_size, block.hidden_c))
        return max(inputs + hidden, output) / _BYTES
    return (inputs + output) / _BYTES


def rises(distance_mb: float | _Floats) -> _Floats:
    """Returns how far a distance has gone through each step between two of `DISTANCES_MB`, 0 to 1, along a new last axis.

    A curve is the sum of these, each times what a byte costs more beyond that step than before it.
    """
    steps = _STEPS * np.log2(np.maximum(distance_mb, DISTANCES_MB[0]) / DISTANCES_MB[0])
    return np.clip(np.expand_dims(steps, -1) - np.arange(len(DISTANCES_MB) - 1), 0.0, 1.0)


@dataclass(frozen=True)
class ReuseCurve:
    """Cost of a megabyte (us) by its reuse distance: linear in the logarithm of the distance, level beyond both ends."""

    octaves: _Floats
    us_per_mb: _Floats

    @classmethod
    def of(cls, cost: ReuseCost | None) -> ReuseCurve:
        """Returns the curve of an entry of the tables; one of no cost at all for None."""
        if cost is None:
            return cls(np.zeros(1), np.zeros(1))
        return cls(np.log2(np.asarray(cost.distance_mb)), np.asarray(cost.us_per_mb))

    def slowed(self, slowness: float) -> ReuseCurve:
        return ReuseCurve(self.octaves, self.us_per_mb * slowness)

    def at(self, distance_mb: _Floats) -> _Floats:
        """Returns the cost at each of several distances, all above 0."""
        found: _Floats = np.interp(np.log2(distance_mb), self.octaves, self.us_per_mb)
        return found

    def at_one(self, distance_mb: float) -> float:
        return float(np.interp(math.log2(distance_mb), self.octaves, self.us_per_mb)) if distance_mb > 0 else 0.0


def curve_of(rise_us: Sequence[float] | _Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns distances and costs of a curve that rises by so much in each step; without the level stretches at either end."""
    costs = np.concatenate([[0.0], np.cumsum(rise_us)])
    rising = np.flatnonzero(np.asarray(rise_us) > 0)
    first, last = (int(rising[0]), int(rising[-1]) + 1) if len(rising) else (0, 0)
    return DISTANCES_MB[first : last + 1], tuple(costs[first : last + 1].tolist())


@dataclass(frozen=True)
class BlockCost:
    """Costs of a block on a unit, in microseconds and megabytes.

    `alone_us` is its time alone less a call, with what its code costs in a network; `weights_near_us` and `features_near_us` are what its
    weights and features cost in there, at the distance that they have when it runs alone.
    """

    alone_us: float
    weights_mb: float
    weights_near_us: float
    features_mb: float
    features_near_us: float

    def run_us(self, weights_us_per_mb: float) -> float:
        """Returns what the block takes where a megabyte of weights costs so much, features apart."""
        return self.alone_us + self.weights_mb * weights_us_per_mb - self.weights_near_us


def arena_mb(blocks: Iterable[BlockCost]) -> float:
    """Returns the megabytes of features that a segment of at least one block works on."""
    return max(block.features_mb for block in blocks)


def arena_us(blocks: Sequence[BlockCost], features_us_per_mb: float) -> float:
    """Returns what a segment of at least one block takes longer because its features come from afar."""
    return arena_mb(blocks) * features_us_per_mb - max(block.features_near_us for block in blocks)


def distance_mb(segments: Iterable[Sequence[BlockCost]], features_share: float) -> float:
    """Returns the reuse distance of a unit that runs these segments in every inference: their weights, and a share of an arena each."""
    return sum(sum(block.weights_mb for block in blocks) + features_share * arena_mb(blocks) for blocks in segments)
