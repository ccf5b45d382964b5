"""Groups of channels: how many channels a unit works on at once, and what a last group costs that is not full.

Kernels fill a SIMD register or a GPU workgroup: 20 channels cost at least what 32 do, and may cost more, since rows of 20 values straddle
cache lines and need the kernels' tails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from collab.blocks import Block, MBConv
from lut.meta import UnfilledGroup
from profiler.alone import LEAST_ALONE_US, measured_alone_us
from profiler.job_ids import BlockId
from profiler.samples import SampleStore

_STEPS: Final = (4, 8, 16, 32)
_MIN_PROBED: Final = 12
_CLEARLY: Final = 0.7
"""Larger groups must leave at most this fraction of what the smallest leave unexplained."""


def channel_step(store: SampleStore, unit: str, probe: Sequence[Block]) -> int | None:
    """Returns the number of channels in a group that explains the probe's times best; None where the probe was not measured whole.

    For each candidate, the median times are fitted linearly against the channels and the number of whole groups. Groups larger than the
    grid's step are taken only if they explain clearly more, so that noise gives no unit steps that it does not have.
    """
    points: list[tuple[int, float]] = []
    for block in probe:
        samples = store.measured(BlockId(unit, block))
        if not isinstance(block, MBConv) or samples is None:
            return None
        points.append((block.exp_c, samples.summary("run").median_us))
    if len(points) < _MIN_PROBED:
        return None
    unexplained = {step: _unexplained(points, step) for step in _STEPS}
    best = min(_STEPS, key=lambda step: unexplained[step])
    return best if unexplained[best] < _CLEARLY * unexplained[_STEPS[0]] else _STEPS[0]


def unfilled_factors(store: SampleStore, unit: str, blocks: Iterable[Block], step: int, call_us: float) -> tuple[UnfilledGroup, ...]:
    """Returns what a last group with fewer than `step` channels costs, as a factor of what it costs when it is full.

    Per size of features and number of channels in that group: the median over all such blocks that were measured with their full group.
    Blocks that take no longer than a call are left out: nothing is known of the ratio of two such times.
    """
    alone_us = {block: measured_alone_us(store, unit, block, call_us) for block in blocks if isinstance(block, MBConv)}
    took_us = {block: us for block, us in alone_us.items() if us is not None and us > LEAST_ALONE_US}
    ratios: dict[tuple[int, int], list[float]] = defaultdict(list)
    for block, us in took_us.items():
        over = block.exp_c % step
        full = replace(block, exp_c=block.exp_c + step - over)
        if over and full in took_us:
            ratios[block.in_size, over].append(us / took_us[full])
    return tuple(UnfilledGroup(unit, size, over, float(np.median(found)), len(found)) for (size, over), found in sorted(ratios.items()))


def _unexplained(points: Sequence[tuple[int, float]], step: int) -> float:
    """Returns the sum of absolute residuals (us) of a least-squares fit: a constant, a cost per channel and one per whole group."""
    channels = np.array([channels for channels, _ in points], dtype=np.float64)
    times = np.array([time for _, time in points])
    terms = np.stack([np.ones_like(channels), channels, np.ceil(channels / step)], axis=1)
    solution = np.linalg.lstsq(terms, times, rcond=None)[0]
    return float(np.abs(terms @ solution - times).sum())
