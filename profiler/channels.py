"""In groups of how many channels a unit works: kernels fill a SIMD register or a GPU workgroup, and 20 channels cost what 32 do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from collab.blocks import Block, MBConv
from profiler.campaign import BlockId
from profiler.samples import SampleStore

_STEPS: Final = (4, 8, 16, 32)
_MIN_PROBED: Final = 12
_CLEARLY: Final = 0.7
"""Larger groups must leave at most this fraction of what the smallest leave unexplained."""


def channel_step(store: SampleStore, unit: str, probe: Sequence[Block]) -> int | None:
    """What explains the probe's times best; None where it was not measured whole.

    For each candidate, time is fitted linearly against the channels and the number of whole groups. Times are lower quartiles:
    disturbances only ever make a sample longer. Groups larger than the grid's step are taken only if they explain clearly more, so
    that noise gives no unit steps that it does not have.
    """
    points: list[tuple[int, float]] = []
    for block in probe:
        samples = store.measured(BlockId(unit, block).text)
        if not isinstance(block, MBConv) or samples is None:
            return None
        points.append((block.exp_c, float(np.percentile(samples.pooled("run"), 25))))
    if len(points) < _MIN_PROBED:
        return None
    unexplained = {step: _unexplained(points, step) for step in _STEPS}
    best = min(_STEPS, key=lambda step: unexplained[step])
    return best if unexplained[best] < _CLEARLY * unexplained[_STEPS[0]] else _STEPS[0]


def _unexplained(points: Sequence[tuple[int, float]], step: int) -> float:
    """Sum of absolute residuals of the fit: a constant, a cost per channel and one per whole group."""
    channels = np.array([channels for channels, _ in points], dtype=np.float64)
    times = np.array([time for _, time in points])
    terms = np.stack([np.ones_like(channels), channels, np.ceil(channels / step)], axis=1)
    solution = np.linalg.lstsq(terms, times, rcond=None)[0]
    return float(np.abs(terms @ solution - times).sum())
