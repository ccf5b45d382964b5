"""The tree search as a conversation: `ask` for the next leaf to evaluate, `tell` what came out, in any order.

With the prior, the leaf with the largest expected improvement is asked for. Where the space is small enough all open leaves are known
to the prior. Where it is not, leaves to begin with come from the tree (WU-UCT down to its edge, at random below), from the best leaves seen
and from nowhere in particular; each is then improved by changing single decisions, as long as the prior expects more of it.

Every answer depends on the seed, the number of the question and what was asked and told before, and on nothing else: told the same things
in the same order, a search asks the same.

Sources: see `search.tree` and `search.surrogate`; for improving proposals step by step, Hutter et al., Sequential model-based optimization
for general algorithm configuration, LION 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from lut.prediction.replay import Ints
from search.space import Leaf, Space
from search.surrogate import Surrogate
from search.tree import EXPLORATION, Tree

Feasible: TypeAlias = Callable[[Ints], npt.NDArray[np.bool_]]
"""Which of (R, decisions) leaves can be evaluated at all, (R,)."""

ENUMERABLE: Final = 20_000
"""Spaces up to this size are known to the prior leaf by leaf."""
_FIRST: Final = 4
"""So many leaves are spread over the space before the prior is asked."""
_SPREAD_OVER: Final = 32
_FROM_TREE: Final = 6
_FROM_BEST: Final = 6
_FROM_ANYWHERE: Final = 12
_CLIMBS: Final = 12
_TRIES: Final = 4096
"""Draws for a feasible leaf, where most are infeasible."""


@dataclass(frozen=True)
class Settings:
    """How the search proceeds. `prior`: whether the surrogate guides the tree; `exploration`: of UCT, where it does not."""

    seed: int = 0
    prior: bool = True
    exploration: float = EXPLORATION


class TreeSearch:
    """A search over a space, some of whose leaves are infeasible."""

    def __init__(self, space: Space, feasible: Feasible, settings: Settings) -> None:
        self._space, self._feasible, self._settings = space, feasible, settings
        self._tree = Tree(space, exploration=settings.exploration)
        self._asked = 0
        self._numbers: dict[Leaf, int] = {}
        self._told: list[tuple[float, Leaf]] = []
        self._pool: Ints | None = None
        self._pool_open: npt.NDArray[np.bool_] | None = None
        if space.size <= ENUMERABLE:
            self._enumerate()
        # In a decision without a choice all leaves agree, which says nothing.
        self._choices = np.flatnonzero(np.array(space.counts) > 1)
        self._surrogate = Surrogate(len(self._choices), pool=None if self._pool is None else self._pool[:, self._choices])

    def _enumerate(self) -> None:
        leaves = self._space.leaves(np.arange(self._space.size))
        can = self._feasible(leaves)
        for leaf in leaves[~can].tolist():
            self._tree.close(leaf)
        self._pool = leaves[can]
        self._pool_open = np.ones(len(self._pool), bool)
        self._pool_index = {tuple(leaf): index for index, leaf in enumerate(self._pool.tolist())}

    @property
    def feasible_leaves(self) -> int | None:
        """How many leaves can be evaluated; None where the space is too large to tell."""
        return None if self._pool is None else len(self._pool)

    def ask(self) -> Leaf | None:
        """The next leaf to evaluate; None if none is left, or none is found among thousands drawn."""
        generator = np.random.default_rng((self._settings.seed, self._asked))
        leaf = self._propose(generator)
        if leaf is not None:
            self.begin(leaf)
        return leaf

    def is_open(self, leaf: Leaf) -> bool:
        """Whether a leaf can be evaluated and was not asked for yet."""
        return self._tree.is_open(leaf) and (self._pool is not None or bool(self._feasible(np.array([leaf]))[0]))

    def begin(self, leaf: Leaf) -> None:
        """A leaf's evaluation begins; `ask` does this for those it gives."""
        self._asked += 1
        self._tree.begin(leaf)
        self._numbers[leaf] = self._surrogate.await_value(np.array(leaf)[self._choices]) if self._settings.prior else -1
        if self._pool_open is not None and leaf in self._pool_index:
            self._pool_open[self._pool_index[leaf]] = False

    def tell(self, leaf: Leaf, reward: float) -> None:
        """A leaf's evaluation has ended; larger rewards are better, their scale does not matter."""
        self._tree.end(leaf, reward)
        self._told.append((reward, leaf))
        if self._settings.prior:
            self._surrogate.tell(self._numbers[leaf], reward)

    def fail(self, leaf: Leaf) -> None:
        """A leaf could not be evaluated: it stays closed, and nothing is concluded from it."""
        self._tree.end(leaf, None)
        if self._settings.prior:
            number = self._numbers.pop(leaf)
            self._surrogate = self._surrogate.without(number)
            self._numbers = {key: value - (value > number) for key, value in self._numbers.items()}

    def _propose(self, generator: np.random.Generator) -> Leaf | None:
        if self._tree.is_exhausted:
            return None
        if not self._settings.prior:
            return self._select(generator)
        if len(self._surrogate) < _FIRST or not self._surrogate.observed:
            return self._far_from_all(generator)
        return self._most_promising_of_all(generator) if self._pool is not None else self._most_promising_found(generator)

    def _select(self, generator: np.random.Generator) -> Leaf | None:
        """Down the tree; what turns out to be infeasible is closed."""
        for _ in range(_TRIES):
            if self._tree.is_exhausted:
                return None
            leaf = self._tree.select(generator)
            if self._pool is not None or self._feasible(np.array([leaf]))[0]:
                return leaf
            self._tree.close(leaf)
        return None

    def _open_at_random(self, count: int, generator: np.random.Generator) -> Ints:
        """Up to so many open, feasible leaves."""
        if self._pool is not None and self._pool_open is not None:
            chosen: Ints = self._pool[generator.permutation(np.flatnonzero(self._pool_open))[:count]]
            return chosen
        drawn = self._space.random(_TRIES, generator)
        found: list[Ints] = []
        for start in range(0, _TRIES, 256):
            part = self._usable(drawn[start : start + 256])
            found.append(part)
            if sum(map(len, found)) >= count:
                break
        return np.concatenate(found)[:count]

    def _usable(self, leaves: Ints) -> Ints:
        """Those that are open and feasible."""
        is_open = np.array([self._tree.is_open(leaf) for leaf in leaves.tolist()], bool)
        leaves = leaves[is_open]
        return leaves[self._feasible(leaves)] if len(leaves) else leaves

    def _far_from_all(self, generator: np.random.Generator) -> Leaf | None:
        """Of some leaves at random, the one whose nearest neighbour among those asked for is the furthest."""
        drawn = self._open_at_random(_SPREAD_OVER, generator)
        if not len(drawn):
            return None
        if not self._numbers:
            return tuple(drawn[0].tolist())
        asked = np.array(list(self._numbers))
        nearest = (drawn[:, None, :] != asked[None, :, :]).sum(axis=2).min(axis=1)
        return tuple(drawn[int(nearest.argmax())].tolist())

    def _most_promising_of_all(self, generator: np.random.Generator) -> Leaf:
        assert self._pool is not None
        assert self._pool_open is not None
        value = np.where(self._pool_open, self._surrogate.log_improvement(), -np.inf)
        # Equals are told apart at random, not by their place in the alphabet.
        best = np.flatnonzero(value >= value.max() - 1e-12)
        return tuple(self._pool[generator.choice(best)].tolist())

    def _most_promising_found(self, generator: np.random.Generator) -> Leaf | None:
        """Improves some leaves step by step, all of them side by side, and takes the best that was come by."""
        current = self._starts(generator)
        if not len(current):
            return None
        value = self._surrogate.log_improvement(current[:, self._choices])
        moving = np.ones(len(current), bool)
        for _ in range(_CLIMBS):
            rows = np.flatnonzero(moving)
            if not len(rows):
                break
            neighbours = [self._space.neighbours(current[row]) for row in rows]
            owner = np.repeat(rows, [len(n) for n in neighbours])
            self._step(np.concatenate(neighbours), owner, current, value, moving)
        return tuple(current[int(value.argmax())].tolist())

    def _step(self, neighbours: Ints, owner: Ints, current: Ints, value: npt.NDArray[np.float64], moving: npt.NDArray[np.bool_]) -> None:
        """Each owner moves to its best usable neighbour if that is better, or stops; arrays are changed in place."""
        improvement = self._surrogate.log_improvement(neighbours[:, self._choices])
        moving[:] = False
        worthwhile = improvement > value[owner] + 1e-9
        neighbours, owner, improvement = neighbours[worthwhile], owner[worthwhile], improvement[worthwhile]
        if not len(neighbours):
            return
        usable = np.array([self._tree.is_open(leaf) for leaf in neighbours.tolist()], bool)
        usable[usable] = self._feasible(neighbours[usable])
        for at in np.flatnonzero(usable)[np.argsort(improvement[usable])]:
            row = owner[at]
            current[row], value[row], moving[row] = neighbours[at], improvement[at], True

    def _starts(self, generator: np.random.Generator) -> Ints:
        from_tree = [self._tree.select(generator) for _ in range(_FROM_TREE)]
        best = [leaf for _, leaf in sorted(self._told, reverse=True)[:_FROM_BEST]]
        around = [self._space.neighbours(np.array(leaf)) for leaf in best]
        nearby = [generator.choice(rows) for rows in around if len(rows)]
        given = self._usable(np.array([*from_tree, *nearby], np.int64).reshape(-1, len(self._space.options)))
        return np.concatenate([given, self._open_at_random(_FROM_ANYWHERE, generator)])
