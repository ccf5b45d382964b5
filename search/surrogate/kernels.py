"""Kernels over leaves: how much the value of one leaf says of another's, by the decisions in which they agree.

Two leaves agree in so many decisions, and in so many neighbouring pairs of decisions; both counts together are their *agreement*, one small
whole number. A kernel is a table of correlations by agreement.

Sources: Duvenaud et al., Additive Gaussian Processes, NIPS 2011 (single agreements and pairs); Ru et al., Bayesian optimisation over
multiple continuous and categorical inputs, ICML 2020 (exponential decay with the number of differences).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lut.prediction.replay import Floats, Ints


@dataclass(frozen=True)
class Kernel:
    """Correlation of two leaves: shares for single agreements, neighbouring pairs, all pairs, and ``decay ** differences``."""

    single: float = 0.0
    near: float = 0.0
    pairs: float = 0.0
    decay: float = 0.0
    decaying: float = 0.0

    def table(self, decisions: int) -> Floats:
        """Returns (decisions + 1, max(1, decisions)) correlations, by the number of agreements and of neighbouring ones."""
        agreements = np.arange(decisions + 1)[:, None]
        near = np.arange(max(1, decisions))[None, :]
        value = self.single * agreements / max(1, decisions) + self.near * near / max(1, decisions - 1)
        value = value + self.pairs * agreements * (agreements - 1) / max(1, decisions * (decisions - 1))
        if self.decaying:
            value = value + self.decaying * self.decay ** (decisions - agreements)
        correlation: Floats = value / (self.single + self.near + self.pairs + self.decaying)
        return correlation


KERNELS: Final = (
    Kernel(decay=0.5, decaying=1.0),
    Kernel(decay=0.7, decaying=1.0),
    Kernel(decay=0.8, decaying=1.0),
    Kernel(decay=0.9, decaying=1.0),
    Kernel(single=1.0, near=0.1, decay=0.5, decaying=0.02),
    Kernel(single=1.0, near=0.3, pairs=0.1, decay=0.5, decaying=0.05),
    Kernel(single=1.0, pairs=1.0, decay=0.5, decaying=0.05),
    Kernel(single=0.3, pairs=1.0, decay=0.5, decaying=0.1),
)


def agreements(leaves: Ints, others: Ints) -> Ints:
    """Returns (R, S) agreements of (R, D) with (S, D) leaves: D times the equal decisions, plus the equal neighbouring pairs."""
    decisions = leaves.shape[1]
    found = np.zeros((len(leaves), len(others)), np.int32)
    before = np.zeros(found.shape, bool)
    for place in range(decisions):
        equal = leaves[:, place, None] == others[None, :, place]
        found += equal * np.int32(decisions)
        before &= equal
        found += before
        before = equal
    return found.astype(np.int64)


def correlation_tables(decisions: int) -> Floats:
    """Returns (kernels, agreements): each kernel's correlation by agreement."""
    return np.stack([kernel.table(decisions).ravel() for kernel in KERNELS])
