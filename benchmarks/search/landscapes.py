"""Synthetic landscapes: accuracies of strategies that follow from a seed, for comparing the evaluations that searches need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Floats, Ints
from search.space import Space

STAGES = 7
BLOCKS = 17
KINDS = ("effects", "interactions", "tight", "noisy")
_MEAN, _SPREAD = 0.70, 0.02
"""Mean and standard deviation of the accuracies, those of small networks on ImageNet."""


def space(stages: int) -> Space:
    """Returns the space of all strategies with a number of stages."""
    return Space((*((0, 1, 2),) * (stages - 1), (1, 2), (0,)))


@dataclass(frozen=True)
class Landscape:
    """Accuracies of leaves, as a sum of the effects of single letters, of neighbours and of any two letters, and of training noise.

    * effects: each stage's letter counts for itself, neighbours interact weakly;
    * interactions: any two stages interact, together more strongly than single letters count;
    * tight: like effects, under a budget that 15 % of the strategies meet, with syncs of different cost from stage to stage;
    * noisy: like effects, with the noise of one training run, of 0.3 times the standard deviation of the effects.
    """

    kind: str
    seed: int
    stages: int
    single: Floats
    near: Floats
    pairs: Floats
    cost: Floats
    scales: tuple[float, float, float]
    limit: float

    def accuracy(self, leaves: Ints) -> Floats:
        """Returns the accuracies (R,) of leaves (R, stages + 1)."""
        single, near, pairs = self._parts(leaves)
        value = self.scales[0] * single + self.scales[1] * near + self.scales[2] * pairs
        if self.kind == "noisy":
            value = value + 0.3 * self._noise(leaves)
        accuracies: Floats = _MEAN + _SPREAD * value
        return accuracies

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        """Tells which leaves (R, stages + 1) are within the budget: (R,)."""
        costs = self.cost[np.arange(self.stages), leaves[:, : self.stages]].sum(axis=1)
        found: npt.NDArray[np.bool_] = costs <= self.limit
        return found

    def _parts(self, leaves: Ints) -> tuple[Floats, Floats, Floats]:
        """Returns the sums of single, neighbouring and pairwise effects, unscaled, each (R,)."""
        at = range(self.stages)
        single = sum((self.single[i][leaves[:, i]] for i in at), np.zeros(len(leaves)))
        near = sum((self.near[i][leaves[:, i], leaves[:, j]] for i, j in pairwise(at)), np.zeros(len(leaves)))
        pairs = sum((self.pairs[i, j][leaves[:, i], leaves[:, j]] for i, j in combinations(at, 2)), np.zeros(len(leaves)))
        return single, near, pairs

    def _noise(self, leaves: Ints) -> Floats:
        """Returns standard normal noise (R,), always the same for a leaf."""
        return np.array([np.random.default_rng([self.seed, *leaf]).normal() for leaf in leaves.tolist()])


def make(kind: str, seed: int, *, stages: int = STAGES) -> Landscape:
    """Makes the landscape of a kind and a seed.

    Its single, neighbouring and pairwise effects have the standard deviations 1, 0.3 and 0 over all strategies; for interactions 0.6, 0 and
    1.
    """
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    single = generator.normal(size=(stages, 3))
    near = generator.normal(size=(stages - 1, 3, 3))
    pairs = generator.normal(size=(stages, stages, 3, 3))
    cost = generator.uniform(0.3, 1.0, size=(stages, 3)) * np.array([0.0, 1.0, 1.0])
    drawn = space(stages).random(20_000, generator)
    plain = Landscape(kind, seed, stages, single, near, pairs, cost, (1.0, 1.0, 1.0), np.inf)
    wanted: Sequence[float] = (0.6, 0.0, 1.0) if kind == "interactions" else (1.0, 0.3, 0.0)
    scales = [want / part.std() for want, part in zip(wanted, plain._parts(drawn), strict=True)]
    limit = float(np.quantile(cost[np.arange(stages), drawn[:, :stages]].sum(axis=1), 0.15)) if kind == "tight" else np.inf
    return Landscape(kind, seed, stages, single, near, pairs, cost, (scales[0], scales[1], scales[2]), limit)
