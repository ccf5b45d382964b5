"""The tree's bookkeeping."""

from __future__ import annotations

import numpy as np
import pytest

from search.engine.tree import Tree
from search.space import Space

SMALL = Space(((0, 1, 2), (0, 1, 2), (1, 2), (0,)))


def leaves(space: Space) -> list[tuple[int, ...]]:
    return [tuple(leaf) for leaf in space.leaves(np.arange(space.size)).tolist()]


def test_visits_and_flights_add_up() -> None:
    tree = Tree(SMALL)
    for leaf in leaves(SMALL)[:6]:
        tree.begin(leaf)
    assert (tree.root.visits, tree.root.in_flight, tree.root.count) == (0, 6, 6)
    assert tree.root.mean is None
    tree.end((0, 0, 1, 0), 0.5)
    tree.end((0, 1, 1, 0), 0.25)
    tree.end((0, 1, 2, 0), None)
    assert (tree.root.visits, tree.root.in_flight, tree.root.mean, tree.root.best) == (2, 3, 0.375, 0.5)
    assert tree.root.children[0].children[0].visits == 1


def test_a_node_is_found_by_its_prefix() -> None:
    tree = Tree(SMALL)
    tree.begin((0, 1, 1, 0))
    tree.end((0, 1, 1, 0), 0.7)
    node = tree.node((0, 1))
    assert node is not None
    assert node.best == 0.7
    assert tree.node(()) is tree.root
    assert tree.node((1,)) is None
    assert tree.node((1, 2)) is None


def test_a_node_with_nothing_open_is_closed_in_its_parent() -> None:
    tree = Tree(SMALL)
    for leaf in leaves(SMALL):
        if leaf[:2] == (1, 1):
            tree.close(leaf)
    assert 1 in tree.root.children[1].closed
    assert not tree.is_open((1, 1, 2, 0))
    assert not tree.is_open((1, 1))
    assert tree.is_open((1, 0, 2, 0))
    assert tree.is_open((1,))


def test_rewards_are_normalised_by_the_least_and_the_largest() -> None:
    tree = Tree(SMALL)
    for leaf, reward in zip(leaves(SMALL), (3.0, 3.0, 7.0), strict=False):
        tree.begin(leaf)
        tree.end(leaf, reward)
        assert tree.normalised(3.0) == (0.5 if reward == 3.0 else 0.0)
    assert tree.normalised(6.0) == pytest.approx(0.75)
    assert tree.normalised(None) is None
