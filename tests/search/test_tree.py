"""The tree's bookkeeping and its choices."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search.space import Space
from search.tree import Tree

SMALL = Space(((0, 1, 2), (0, 1, 2), (1, 2), (0,)))


def leaves(space: Space) -> list[tuple[int, ...]]:
    return [tuple(leaf) for leaf in space.leaves(np.arange(space.size)).tolist()]


@given(seed=st.integers(0, 10_000), closed=st.sets(st.integers(0, 17)), rewards=st.booleans())
def test_every_open_leaf_is_met_once_and_no_closed_one(seed: int, closed: set[int], rewards: bool) -> None:
    tree, generator, everything = Tree(SMALL), np.random.default_rng(seed), leaves(SMALL)
    for index in closed:
        tree.close(everything[index])
    met = []
    while not tree.is_exhausted:
        leaf = tree.select(generator)
        assert tree.is_open(leaf)
        tree.begin(leaf)
        assert not tree.is_open(leaf)
        met.append(leaf)
        tree.end(leaf, float(generator.normal()) if rewards else None)
    assert sorted(met) == sorted(set(everything) - {everything[index] for index in closed})


def test_visits_and_flights_add_up() -> None:
    tree = Tree(SMALL)
    for leaf in leaves(SMALL)[:6]:
        tree.begin(leaf)
    assert (tree.root.visits, tree.root.in_flight) == (0, 6)
    tree.end((0, 0, 1, 0), 0.5)
    tree.end((0, 1, 2, 0), None)
    assert (tree.root.visits, tree.root.in_flight, tree.root.total) == (1, 4, 0.5)
    assert tree.root.children[0].children[0].visits == 1


def test_a_node_with_nothing_open_is_closed_in_its_parent() -> None:
    tree = Tree(SMALL)
    for leaf in leaves(SMALL):
        if leaf[:2] == (1, 1):
            tree.close(leaf)
    assert 1 in tree.root.children[1].closed
    assert not tree.is_open((1, 1, 2, 0))
    assert tree.is_open((1, 0, 2, 0))


def shares(reward: dict[int, float], count: int, *, scale: float = 1.0) -> list[int]:
    """How often each first letter was chosen, when a letter has a reward of its own."""
    space = Space(((0, 1, 2), tuple(range(40)), (1, 2), (0,)))
    tree, chosen = Tree(space), [0, 0, 0]
    for number in range(count):
        leaf = tree.select(np.random.default_rng(number))
        tree.begin(leaf)
        chosen[leaf[0]] += 1
        tree.end(leaf, scale * reward[leaf[0]])
    return chosen


def test_better_rewards_are_followed_whatever_their_scale() -> None:
    plain, small, large = (shares({0: 0.1, 1: 0.9, 2: 0.2}, 90, scale=scale) for scale in (1.0, 1e-6, 1e6))
    assert plain == small == large
    assert plain[1] > 50


def test_what_is_under_way_counts_as_a_visit() -> None:
    space = Space(((0, 1, 2), tuple(range(40)), (1, 2), (0,)))
    tree = Tree(space)
    for first, reward in ((0, 0.5), (1, 0.6), (2, 0.58)):
        leaf = (first, 0, 1, 0)
        tree.begin(leaf)
        tree.end(leaf, reward)
    chosen = []
    for number in range(12):
        leaf = tree.select(np.random.default_rng(number))
        tree.begin(leaf)
        chosen.append(leaf[0])
    # Without counting them, nothing would have changed from one choice to the next, and letter 1 be chosen 12 times.
    assert chosen.count(1) <= 8
    assert chosen.count(2) >= 3
