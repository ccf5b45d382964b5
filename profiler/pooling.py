"""Pooling of estimates that several blocks give of one value, each with an error of its own, and that differ from block to block as well.

| statistic | method | source |
| --- | --- | --- |
| mean of estimates that differ besides chance | random effects | DerSimonian and Laird, Controlled Clinical Trials 7, 1986 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error, which is above 0."""

    value: float
    error: float


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """Computes the mean of at least one estimate of the same thing.

    Each counts by the inverse of its variance, to which the variance between estimates is added: as much as they are farther apart than
    their errors explain. So that of many estimates that contradict each other is not taken for well known.
    """
    values = np.array([estimate.value for estimate in estimates])
    variances = np.array([estimate.error for estimate in estimates]) ** 2
    weights = 1 / variances
    mean = float(np.average(values, weights=weights))
    if len(estimates) > 1:
        excess = float((weights * (values - mean) ** 2).sum()) - (len(estimates) - 1)
        weights = 1 / (variances + max(excess, 0.0) / (weights.sum() - (weights**2).sum() / weights.sum()))
        mean = float(np.average(values, weights=weights))
    return Estimate(mean, 1 / math.sqrt(float(weights.sum())))
