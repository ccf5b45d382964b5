"""The tree of decisions: which leaves are still open, what was seen beneath each node, and what is under way.

Every prefix of decisions is a node. It counts the evaluations that ended beneath it and those that are under way, with the sum and the
largest of the rewards. Leaves that were evaluated, are being evaluated or are infeasible are closed, and so is every node that has nothing
open beneath it. `search.engine.selection` chooses the ways down.

Sources: Kocsis and Szepesvári, Bandit based Monte-Carlo planning, ECML 2006; Winands et al., Monte-Carlo tree search solver, CG 2008
(closed subtrees); Liu et al., Watch the unobserved: a simple approach to parallelizing Monte Carlo tree search, ICLR 2020 (what is under
way counts).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from search.space import Space

NEUTRAL: Final = 0.5
"""The normalised reward of what nothing is known about."""


class Node:
    """A prefix of decisions. `total` and `best` are of the rewards of `visits` evaluations beneath; `in_flight` more are under way."""

    __slots__ = ("best", "children", "closed", "in_flight", "total", "visits")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.closed: set[int] = set()
        self.visits = 0
        self.in_flight = 0
        self.total = 0.0
        self.best = -math.inf

    @property
    def count(self) -> int:
        """Evaluations that have ended beneath or are under way there."""
        return self.visits + self.in_flight

    @property
    def mean(self) -> float | None:
        """The mean reward; None before the first."""
        return self.total / self.visits if self.visits else None


class Tree:
    """The nodes of a space; they are made when an evaluation beneath them begins."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.root = Node()
        self._least, self._largest = math.inf, -math.inf

    @property
    def is_exhausted(self) -> bool:
        """Whether no leaf is open any more."""
        return len(self.root.closed) == self.space.counts[0]

    def is_open(self, leaf: Sequence[int]) -> bool:
        """Whether a leaf, or a prefix of one, has something open."""
        node: Node | None = self.root
        for value in leaf:
            if node is None:
                return True
            if value in node.closed:
                return False
            node = node.children.get(value)
        return True

    def node(self, prefix: Sequence[int]) -> Node | None:
        """The node of a prefix; None if nothing was begun beneath it."""
        node: Node | None = self.root
        for value in prefix:
            node = None if node is None else node.children.get(value)
        return node

    def normalised(self, reward: float | None) -> float | None:
        """The reward's place between the least (0) and the largest (1) seen so far, so that the rewards' scale never matters."""
        spread = self._largest - self._least
        if reward is None:
            return None
        return (reward - self._least) / spread if spread > 0 else NEUTRAL

    def close(self, leaf: Sequence[int]) -> None:
        """Takes a leaf out of the selection for good, and every node that then has nothing open."""
        path = list(self._path(leaf))
        for depth in range(len(leaf) - 1, -1, -1):
            node = path[depth]
            node.closed.add(leaf[depth])
            if len(node.closed) < self.space.counts[depth]:
                break

    def begin(self, leaf: Sequence[int]) -> None:
        """Notes that this leaf's evaluation is under way."""
        self.close(leaf)
        for node in self._path(leaf):
            node.in_flight += 1

    def end(self, leaf: Sequence[int], reward: float | None) -> None:
        """Notes that the evaluation has ended; None: it failed, and says nothing of the nodes above."""
        for node in self._path(leaf):
            node.in_flight -= 1
            if reward is not None:
                node.visits += 1
                node.total += reward
                node.best = max(node.best, reward)
        if reward is not None:
            self._least, self._largest = min(self._least, reward), max(self._largest, reward)

    def _path(self, leaf: Sequence[int]) -> Iterator[Node]:
        """The nodes above a leaf, from the root on; the leaf itself needs none."""
        node = self.root
        yield node
        for value in leaf[:-1]:
            node = node.children.setdefault(value, Node())
            yield node
