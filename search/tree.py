"""The tree of decisions: which leaves are still open, what was seen beneath each node, and what is under way.

Selection without a prior is UCT in the form of WU-UCT: what is under way counts as a visit whose reward is not known yet. Rewards are
normalised when they are looked at, by the least and the largest seen by then, so their scale never matters. Leaves that were
evaluated, are being evaluated or are infeasible are closed, and so is every node that has nothing open beneath it.

Sources: Kocsis and Szepesvári, Bandit based Monte-Carlo planning, ECML 2006; Liu et al., Watch the unobserved: a simple approach to
parallelizing Monte Carlo tree search, ICLR 2020; Winands et al., Monte-Carlo tree search solver, 2008 (proven subtrees).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from search.space import Leaf, Space

EXPLORATION: Final = 0.7
"""Weight of the unknown, for rewards between 0 and 1."""


class Node:
    """A prefix of decisions. `total` is the sum of the rewards beneath, of `visits` evaluations; `in_flight` more are under way."""

    __slots__ = ("children", "closed", "in_flight", "total", "visits")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.closed: set[int] = set()
        self.visits = 0
        self.in_flight = 0
        self.total = 0.0


class Tree:
    """Nodes are made when they are first passed."""

    def __init__(self, space: Space, *, exploration: float = EXPLORATION) -> None:
        self._space = space
        self._exploration = exploration
        self.root = Node()
        self._least, self._largest = math.inf, -math.inf

    @property
    def is_exhausted(self) -> bool:
        """Whether no leaf is open any more."""
        return len(self.root.closed) == self._space.counts[0]

    def is_open(self, leaf: Sequence[int]) -> bool:
        node: Node | None = self.root
        for value in leaf:
            if node is None:
                return True
            if value in node.closed:
                return False
            node = node.children.get(value)
        return True

    def close(self, leaf: Sequence[int]) -> None:
        """Takes a leaf out of the selection for good, and every node that then has nothing open."""
        path = list(self._path(leaf))
        for depth in range(len(leaf) - 1, -1, -1):
            node = path[depth]
            node.closed.add(leaf[depth])
            if len(node.closed) < self._space.counts[depth]:
                break

    def begin(self, leaf: Sequence[int]) -> None:
        """An evaluation of this leaf is under way."""
        self.close(leaf)
        for node in self._path(leaf):
            node.in_flight += 1

    def end(self, leaf: Sequence[int], reward: float | None) -> None:
        """The evaluation has ended; None: it failed, and says nothing of the nodes above."""
        for node in self._path(leaf):
            node.in_flight -= 1
            if reward is not None:
                node.visits += 1
                node.total += reward
        if reward is not None:
            self._least, self._largest = min(self._least, reward), max(self._largest, reward)

    def select(self, generator: np.random.Generator) -> Leaf:
        """An open leaf, by WU-UCT as far as the tree goes, and at random below. The tree must not be exhausted."""
        node: Node | None = self.root
        leaf: list[int] = []
        for options in self._space.options:
            open_options = [value for value in options if node is None or value not in node.closed]
            value = self._choose(node, open_options, generator)
            leaf.append(value)
            node = node.children.get(value) if node is not None else None
        return tuple(leaf)

    def _choose(self, node: Node | None, options: list[int], generator: np.random.Generator) -> int:
        unseen = [v for v in options if node is None or v not in node.children or not self._count(node.children[v])]
        if node is None or unseen:
            return int(generator.choice(unseen))
        log_count = math.log(sum(self._count(child) for child in node.children.values()))
        scores = [self._score(node.children[value], log_count) for value in options]
        return options[scores.index(max(scores))]

    @staticmethod
    def _count(node: Node) -> int:
        return node.visits + node.in_flight

    def _score(self, child: Node, log_count: float) -> float:
        spread = self._largest - self._least
        mean = (child.total / child.visits - self._least) / spread if child.visits and spread > 0 else 0.5
        return mean + self._exploration * math.sqrt(2.0 * log_count / self._count(child))

    def _path(self, leaf: Sequence[int]) -> Iterator[Node]:
        """The nodes above a leaf, from the root on; the leaf itself needs none."""
        node = self.root
        yield node
        for value in leaf[:-1]:
            node = node.children.setdefault(value, Node())
            yield node
