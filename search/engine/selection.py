"""Ways down the tree: PUCT, with a prior, and UCT, without one.

Both count what is under way as visits whose reward is not known yet (WU-UCT).

* PUCT chooses the child with the largest Q + c P sqrt(N) / (1 + n): Q is the mean of the normalised rewards beneath the child (its
  parent's, as long as there are none), P its prior, n how often it was visited, N how often its parent was.
* UCT chooses the child with the largest Q + c sqrt(2 ln N / n); a child that was not visited comes before all that were.

Sources: Rosin, Multi-armed bandits with episode context, Annals of Mathematics and AI 2011 (PUCB); Silver et al., Mastering the game of Go
without human knowledge, Nature 2017, and A general reinforcement learning algorithm that masters chess, shogi and Go, Science 2018 (PUCT);
Kocsis and Szepesvári, Bandit based Monte-Carlo planning, ECML 2006 (UCT); Liu et al., Watch the unobserved, ICLR 2020 (WU-UCT).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from search.engine.prior import Candidates, child_priors
from search.engine.tree import NEUTRAL, Node, Tree
from search.space import Leaf

PUCT_EXPLORATION: Final = 4.0
"""c of PUCT, for rewards between 0 and 1."""
UCT_EXPLORATION: Final = 0.7
"""c of UCT, for rewards between 0 and 1."""
_EQUAL: Final = 1e-9
"""Scores that differ by less are told apart at random, not by their place in the alphabet or by an error of rounding."""


def select_by_puct(tree: Tree, candidates: Candidates, generator: np.random.Generator) -> Leaf:
    """Returns one of the candidates, of which there must be some: that at the end of the way down."""
    node: Node | None = tree.root
    leaf: list[int] = []
    for depth, options in enumerate(tree.space.options):
        priors = child_priors(candidates, depth, options)
        value = _best(puct_scores(tree, node, priors), generator)
        leaf.append(value)
        rows = candidates.leaves[:, depth] == value
        candidates = Candidates(candidates.leaves[rows], candidates.log_improvement[rows])
        node = node.children.get(value) if node is not None else None
    return tuple(leaf)


def puct_scores(tree: Tree, node: Node | None, priors: Mapping[int, float]) -> dict[int, float]:
    """Returns the PUCT score of each child that has a prior, by its decision. `node` is None where nothing was begun beneath."""
    visits = node.count if node is not None else 0
    beneath = tree.normalised(node.mean) if node is not None else None
    scores = {}
    for value, prior in priors.items():
        child = node.children.get(value) if node is not None else None
        mean = tree.normalised(child.mean) if child is not None else None
        quality = mean if mean is not None else beneath if beneath is not None else NEUTRAL
        count = child.count if child is not None else 0
        scores[value] = quality + PUCT_EXPLORATION * prior * math.sqrt(max(visits, 1)) / (1 + count)
    return scores


def select_by_uct(tree: Tree, generator: np.random.Generator) -> Leaf:
    """Returns an open leaf: by UCT as far as the tree goes, and at random below. The tree must not be exhausted."""
    node: Node | None = tree.root
    leaf: list[int] = []
    for options in tree.space.options:
        open_options = [value for value in options if node is None or value not in node.closed]
        scores = uct_scores(tree, node, open_options)
        value = _best(scores, generator)
        leaf.append(value)
        node = node.children.get(value) if node is not None else None
    return tuple(leaf)


def uct_scores(tree: Tree, node: Node | None, options: list[int]) -> dict[int, float]:
    """Returns the UCT score of each of a node's open children, by its decision; infinity for one that was not visited."""
    children = node.children if node is not None else {}
    log_count = math.log(max(1, sum(child.count for child in children.values())))
    scores = {}
    for value in options:
        child = children.get(value)
        if child is None or not child.count:
            scores[value] = math.inf
            continue
        mean = tree.normalised(child.mean)
        quality = mean if mean is not None else NEUTRAL
        scores[value] = quality + UCT_EXPLORATION * math.sqrt(2.0 * log_count / child.count)
    return scores


def _best(scores: Mapping[int, float], generator: np.random.Generator) -> int:
    most = max(scores.values())
    return int(generator.choice([value for value, score in scores.items() if score >= most - _EQUAL]))
