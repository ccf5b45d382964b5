"""The search as a conversation: `ask` for the next leaf to evaluate, `tell` what came out, in any order.

The first leaves are spread over the space. Then, by the method:

* ``surrogate``, the default: the candidate with the largest expected improvement;
* ``tree``: down the tree by PUCT, whose prior is the mass of the improvement that the surrogate expects beneath a child;
* ``uct``: down the tree by UCT, from the first leaf on; the surrogate is not asked.

Where the space is small enough the candidates are all open leaves; else a pool of them.

Every answer depends on the seed, the number of the question and what was asked and told before, and on nothing else: told the same things
in the same order, a search asks the same.

Sources: see `search.engine.selection`, `search.engine.prior`, `search.surrogate.mixture` and `search.engine.pool`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from collab.errors import ConfigError
from search.engine.pool import CompletePool, Feasible, Pool, SampledPool
from search.engine.prior import Candidates, child_priors
from search.engine.selection import puct_scores, select_by_puct, select_by_uct, uct_scores
from search.engine.tree import Tree
from search.space import Leaf, Space
from search.surrogate.mixture import BOUNDS, Bounds, Surrogate

METHODS: Final = ("tree", "uct", "surrogate")
DEFAULT_METHOD: Final = "surrogate"
"""It reaches the best of 1458 in a median of 14 / 24 / 11 / 21.5 evaluations, the tree in 14.5 / 23.5 / 11 / 23.5 (docs: benchmarks)."""
ENUMERABLE: Final = 20_000
"""Of spaces up to this size, every leaf is a candidate."""
_FIRST: Final = 4
"""So many leaves are spread over the space before the surrogate is asked."""
_SPREAD_OVER: Final = 32
_BEST: Final = 12
"""So many of the best leaves seen have their neighbours among the candidates."""
_TRIES: Final = 4096
"""Ways down the tree to a feasible leaf, where most are infeasible."""
_EQUAL: Final = 1e-9


@dataclass(frozen=True)
class Settings:
    """Settings of a search: `method` is one of `METHODS`; `bounds` limit what the surrogate holds.

    Raises:
        ConfigError: there is no such method.
    """

    seed: int = 0
    method: str = DEFAULT_METHOD
    bounds: Bounds = BOUNDS

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"there is no search method '{self.method}'; take one of {', '.join(METHODS)}")


@dataclass(frozen=True)
class ChildStatistics:
    """A child of a node, as the next question would see it.

    `visits` evaluations ended beneath it, with the `mean` and the `best` of their rewards (None before the first); `in_flight` are under
    way. `prior` is its share in the improvement expected beneath the node, and `score` what the selection compares; both are None where the
    method does not ask for them, or nothing was told yet. A child that is not open has no leaf that could be asked for.
    """

    value: int
    visits: int
    in_flight: int
    mean: float | None
    best: float | None
    prior: float | None
    score: float | None
    is_open: bool


class TreeSearch:
    """A search over a space, some of whose leaves are infeasible."""

    def __init__(self, space: Space, feasible: Feasible, settings: Settings) -> None:
        self._space, self._feasible, self._settings = space, feasible, settings
        self._tree = Tree(space)
        self._asked = 0
        self._first: list[Leaf] = []
        self._best: list[tuple[float, Leaf]] = []
        """The best told, the last one being the best."""
        # In a decision without a choice all leaves agree, which says nothing.
        self._choices = np.flatnonzero(np.array(space.counts) > 1)
        self._surrogate = Surrogate(len(self._choices), bounds=settings.bounds)
        self._pool: Pool = self._complete_pool() if self._is_listed else SampledPool(space, feasible, self._choices, settings.seed)

    @property
    def _is_listed(self) -> bool:
        return self._space.size <= ENUMERABLE

    @property
    def _is_first(self) -> bool:
        return len(self._first) < _FIRST or not self._surrogate.observed

    def _complete_pool(self) -> CompletePool:
        leaves = self._space.leaves(np.arange(self._space.size))
        can = self._feasible(leaves)
        for leaf in leaves[~can].tolist():
            self._tree.close(leaf)
        return CompletePool(self._space, leaves[can], self._choices)

    @property
    def feasible_leaves(self) -> int | None:
        """Number of leaves that can be evaluated; None where the space is too large to tell."""
        return len(self._pool) if isinstance(self._pool, CompletePool) else None

    def ask(self) -> Leaf | None:
        """Returns the next leaf to evaluate; None if none is left, or none is found among thousands drawn."""
        generator = np.random.default_rng((self._settings.seed, self._asked))
        leaf = self._propose(generator)
        if leaf is not None:
            self.begin(leaf)
        return leaf

    def is_open(self, leaf: Leaf) -> bool:
        """Whether a leaf can be evaluated and was not asked for yet."""
        return self._tree.is_open(leaf) and (self._is_listed or bool(self._feasible(np.array([leaf]))[0]))

    def begin(self, leaf: Leaf) -> None:
        """Notes that a leaf's evaluation begins; `ask` does this for those it gives."""
        self._asked += 1
        self._tree.begin(leaf)
        self._pool.begin(leaf)
        if self._is_first:
            self._first.append(leaf)
        self._surrogate.await_value(self._chosen(leaf))

    def tell(self, leaf: Leaf, reward: float) -> None:
        """Notes that a leaf's evaluation has ended; larger rewards are better, their scale does not matter."""
        self._tree.end(leaf, reward)
        self._surrogate.tell(self._chosen(leaf), reward)
        insort(self._best, (reward, leaf))
        del self._best[:-_BEST]

    def fail(self, leaf: Leaf) -> None:
        """Notes that a leaf could not be evaluated: it stays closed, and nothing is concluded from it."""
        self._tree.end(leaf, None)
        self._surrogate.forget(self._chosen(leaf))
        if leaf in self._first:
            self._first.remove(leaf)

    def explain(self, prefix: Sequence[int] = ()) -> tuple[ChildStatistics, ...]:
        """Returns what is known of each decision after the given ones; alters nothing.

        Raises:
            ConfigError: no decision follows, or one of the given ones is none.
        """
        depth = len(prefix)
        if depth >= len(self._space.options) or any(value not in self._space.options[place] for place, value in enumerate(prefix)):
            raise ConfigError(f"the decisions {', '.join(map(str, prefix))} lead to no node of this tree")
        options, node = self._space.options[depth], self._tree.node(prefix)
        priors: dict[int, float] = {}
        scores: dict[int, float] = {}
        if self._settings.method == "uct":
            scores = uct_scores(self._tree, node, [value for value in options if self._tree.is_open((*prefix, value))])
        elif self._surrogate.observed:
            candidates = self._candidates().beneath(prefix)
            priors = child_priors(candidates, depth, options) if len(candidates.leaves) else {}
            scores = puct_scores(self._tree, node, priors) if self._settings.method == "tree" else {}
        found = []
        for value in options:
            child = self._tree.node((*prefix, value))
            visits, in_flight = (child.visits, child.in_flight) if child is not None else (0, 0)
            mean, best = (child.mean, child.best if visits else None) if child is not None else (None, None)
            is_open = self._tree.is_open((*prefix, value))
            found.append(ChildStatistics(value, visits, in_flight, mean, best, priors.get(value), scores.get(value), is_open))
        return tuple(found)

    def _chosen(self, leaf: Leaf) -> Leaf:
        """The decisions that the surrogate sees."""
        return tuple(leaf[place] for place in self._choices)

    def _candidates(self) -> Candidates:
        return self._pool.candidates(self._asked, [leaf for _, leaf in reversed(self._best)], self._surrogate)

    def _propose(self, generator: np.random.Generator) -> Leaf | None:
        if self._tree.is_exhausted:
            return None
        if self._settings.method == "uct":
            return self._select_feasible(generator)
        if self._is_first:
            return self._far_from_all(generator)
        candidates = self._candidates()
        if not len(candidates.leaves):
            return self._far_from_all(generator)
        if self._settings.method == "tree":
            return select_by_puct(self._tree, candidates, generator)
        # Equals are told apart at random, not by their place in the alphabet.
        best = np.flatnonzero(candidates.log_improvement >= candidates.log_improvement.max() - _EQUAL)
        return tuple(candidates.leaves[generator.choice(best)].tolist())

    def _select_feasible(self, generator: np.random.Generator) -> Leaf | None:
        """Goes down the tree by UCT; what turns out to be infeasible is closed."""
        for _ in range(_TRIES):
            if self._tree.is_exhausted:
                return None
            leaf = select_by_uct(self._tree, generator)
            if self._is_listed or self._feasible(np.array([leaf]))[0]:
                return leaf
            self._tree.close(leaf)
        return None

    def _far_from_all(self, generator: np.random.Generator) -> Leaf | None:
        """Returns, of some leaves at random, the one whose nearest neighbour among the first ones asked for is the furthest."""
        drawn = self._pool.random(_SPREAD_OVER, generator)
        if not len(drawn):
            return None
        if not self._first:
            return tuple(drawn[0].tolist())
        nearest = (drawn[:, None, :] != np.array(self._first)[None, :, :]).sum(axis=2).min(axis=1)
        return tuple(drawn[int(nearest.argmax())].tolist())
