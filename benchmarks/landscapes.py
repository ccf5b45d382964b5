"""Synthetic landscapes: accuracies of strategies that follow from a seed, for comparing how many evaluations a search needs."""

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
"""Accuracies as small networks on ImageNet have them."""


def space(stages: int) -> Space:
    """Every strategy of so many stages."""
    return Space((*((0, 1, 2),) * (stages - 1), (1, 2), (0,)))


@dataclass(frozen=True)
class Landscape:
    """Accuracy of a leaf as a sum of effects of single letters, of neighbours and of any two letters, and of what training makes of it.

    * effects: each stage's letter counts for itself, neighbours interact weakly;
    * interactions: any two stages interact, together more strongly than single letters count;
    * tight: like effects, under a budget which 15 % of the strategies meet, syncs costing differently from stage to stage;
    * noisy: like effects, each accuracy being that of one training run, 0.3 times as spread as the effects.
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
        """(R,) of (R, stages + 1)."""
        single, near, pairs = self._parts(leaves)
        value = self.scales[0] * single + self.scales[1] * near + self.scales[2] * pairs
        if self.kind == "noisy":
            value = value + 0.3 * self._noise(leaves)
        accuracies: Floats = _MEAN + _SPREAD * value
        return accuracies

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        """(R,) of (R, stages + 1)."""
        costs = self.cost[np.arange(self.stages), leaves[:, : self.stages]].sum(axis=1)
        found: npt.NDArray[np.bool_] = costs <= self.limit
        return found

    def _parts(self, leaves: Ints) -> tuple[Floats, Floats, Floats]:
        at = range(self.stages)
        single = sum((self.single[i][leaves[:, i]] for i in at), np.zeros(len(leaves)))
        near = sum((self.near[i][leaves[:, i], leaves[:, j]] for i, j in pairwise(at)), np.zeros(len(leaves)))
        pairs = sum((self.pairs[i, j][leaves[:, i], leaves[:, j]] for i, j in combinations(at, 2)), np.zeros(len(leaves)))
        return single, near, pairs

    def _noise(self, leaves: Ints) -> Floats:
        """Frozen: of a leaf it is always the same."""
        return np.array([np.random.default_rng([self.seed, *leaf]).normal() for leaf in leaves.tolist()])


def make(kind: str, seed: int, *, stages: int = STAGES) -> Landscape:
    """The landscape of a kind and a seed; its parts have the standard deviations 1, 0.3 and, in interactions, 0.6, 0 and 1."""
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
