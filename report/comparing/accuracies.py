"""Errors of the predictions that two certificates are made of, and whether one's are smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lut.certificate import Accuracy

_FEWEST: Final = 6
"""Smallest number of strategies on each side for the test: with fewer, even the most one-sided order comes by chance too often."""


@dataclass(frozen=True)
class Accuracies:
    """Errors of predictions on both sides. `shared` is the number of strategies that both ran; 0: the sides ran others.

    `p` is the probability of so different errors by chance: of the same strategies by Wilcoxon's signed ranks, of others by Mann and
    Whitney's test. None where there are too few.
    """

    first: Accuracy
    second: Accuracy
    shared: int
    p: float | None


def accuracies(first: Mapping[str, float], second: Mapping[str, float]) -> Accuracies:
    """Compares signed errors of predictions, by strategy; there is one at least on each side."""
    both = [name for name in first if name in second]
    if both:
        ours, theirs = ([side[name] for name in both] for side in (first, second))
    else:
        ours, theirs = list(first.values()), list(second.values())
    return Accuracies(Accuracy.of(ours), Accuracy.of(theirs), len(both), _chance(ours, theirs, paired=bool(both)))


def _chance(first: Sequence[float], second: Sequence[float], *, paired: bool) -> float | None:
    from scipy.stats import mannwhitneyu, wilcoxon

    ours, theirs = np.abs(first), np.abs(second)
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    if not paired:
        return float(mannwhitneyu(ours, theirs).pvalue)
    return float(wilcoxon(ours, theirs).pvalue) if np.any(ours != theirs) else 1.0
