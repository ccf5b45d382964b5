"""Ways down the tree: PUCT and UCT, against choices made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine.prior import SHARPNESS, Candidates
from search.engine.selection import PUCT_EXPLORATION, UCT_EXPLORATION, puct_scores, select_by_puct, select_by_uct, uct_scores
from search.engine.tree import Tree
from search.space import Space

SMALL = Space(((0, 1, 2), (0, 1, 2), (1, 2), (0,)))
WIDE = Space(((0, 1, 2), tuple(range(40)), (1, 2), (0,)))


def leaves(space: Space) -> list[tuple[int, ...]]:
    return [tuple(leaf) for leaf in space.leaves(np.arange(space.size)).tolist()]


def seen(space: Space, rewards: dict[tuple[int, ...], float]) -> Tree:
    tree = Tree(space)
    for leaf, reward in rewards.items():
        tree.begin(leaf)
        tree.end(leaf, reward)
    return tree


def open_candidates(tree: Tree, improvement: dict[tuple[int, ...], float], *, otherwise: float) -> Candidates:
    """All open leaves, with their expected improvements."""
    found = [leaf for leaf in leaves(tree.space) if tree.is_open(leaf)]
    return Candidates(np.array(found), np.log([improvement.get(leaf, otherwise) for leaf in found]))


def test_scores_of_a_small_tree_are_those_made_by_hand() -> None:
    """Rewards 2, 4 and 10 are 0, 0.25 and 1 when normalised; one evaluation is under way beneath the letter 1."""
    tree = seen(SMALL, {(0, 0, 1, 0): 2.0, (0, 1, 1, 0): 4.0, (1, 0, 1, 0): 10.0})
    tree.begin((1, 1, 1, 0))
    scores = puct_scores(tree, tree.root, {0: 0.2, 1: 0.3, 2: 0.5})
    root, c = math.sqrt(4), PUCT_EXPLORATION
    assert scores[0] == pytest.approx(0.125 + c * 0.2 * root / 3)
    assert scores[1] == pytest.approx(1.0 + c * 0.3 * root / 3)
    # Nothing was seen beneath the letter 2: its quality is the parent's, (2 + 4 + 10) / 3, normalised.
    assert scores[2] == pytest.approx((16 / 3 - 2) / 8 + c * 0.5 * root / 1)


def test_a_node_that_nothing_is_known_of_is_left_to_the_prior() -> None:
    scores = puct_scores(Tree(SMALL), None, {0: 0.2, 1: 0.8})
    assert scores == pytest.approx({0: 0.5 + PUCT_EXPLORATION * 0.2, 1: 0.5 + PUCT_EXPLORATION * 0.8})


def test_the_way_down_a_small_tree_is_that_made_by_hand() -> None:
    """Beneath the letter 1 the prior is (nearly) 1, and again beneath 1 2: the score follows it against better rewards elsewhere."""
    tree = seen(SMALL, {(0, 0, 1, 0): 1.0, (1, 0, 1, 0): 0.5, (2, 0, 1, 0): 0.0})
    some = open_candidates(tree, {(1, 2, 2, 0): 1.0}, otherwise=1e-9)
    # 0: 1 + 4 * 0 * sqrt(3) / 2 = 1; 1: 0.5 + 4 * 1 * sqrt(3) / 2 = 3.96; 2: 0.
    assert puct_scores(tree, tree.root, {0: 0.0, 1: 1.0, 2: 0.0})[1] == pytest.approx(0.5 + PUCT_EXPLORATION * math.sqrt(3) / 2)
    assert select_by_puct(tree, some, np.random.default_rng(0)) == (1, 2, 2, 0)


def test_rewards_decide_between_equal_priors() -> None:
    tree = seen(WIDE, {(0, 0, 1, 0): 0.1, (1, 0, 1, 0): 0.9, (2, 0, 1, 0): 0.2})
    found = [select_by_puct(tree, open_candidates(tree, {}, otherwise=1.0), np.random.default_rng(seed)) for seed in range(10)]
    assert {leaf[0] for leaf in found} == {1}


def test_equals_are_told_apart_at_random() -> None:
    tree = Tree(SMALL)
    some = open_candidates(tree, {}, otherwise=1.0)
    assert len({select_by_puct(tree, some, np.random.default_rng(seed)) for seed in range(200)}) == SMALL.size
    assert len({select_by_uct(tree, np.random.default_rng(seed)) for seed in range(200)}) == SMALL.size


def test_in_flight_questions_spread_over_what_is_equally_promising() -> None:
    """By PUCT: three leaves with the same prospects beneath different letters, and nothing else worth a look."""
    tree = seen(SMALL, {(0, 0, 1, 0): 0.5, (1, 0, 1, 0): 0.5, (2, 0, 1, 0): 0.5})
    good = {leaf: 1.0 for leaf in leaves(SMALL) if leaf[1] == 2}
    chosen = []
    for number in range(6):
        leaf = select_by_puct(tree, open_candidates(tree, good, otherwise=1e-6), np.random.default_rng(number))
        tree.begin(leaf)
        chosen.append(leaf)
    assert sorted(leaf[0] for leaf in chosen[:3]) == sorted(leaf[0] for leaf in chosen[3:]) == [0, 1, 2]
    assert set(chosen) == set(good)


@given(seed=st.integers(0, 10_000), closed=st.sets(st.integers(0, 17)), rewards=st.booleans(), by_prior=st.booleans())
def test_every_open_leaf_is_met_once_and_no_closed_one(seed: int, closed: set[int], rewards: bool, by_prior: bool) -> None:
    tree, generator, everything = Tree(SMALL), np.random.default_rng(seed), leaves(SMALL)
    for index in closed:
        tree.close(everything[index])
    met = []
    while not tree.is_exhausted:
        if by_prior:
            some = open_candidates(tree, {}, otherwise=1.0)
            leaf = select_by_puct(tree, Candidates(some.leaves, 9 * generator.normal(size=len(some.leaves))), generator)
        else:
            leaf = select_by_uct(tree, generator)
        assert tree.is_open(leaf)
        tree.begin(leaf)
        assert not tree.is_open(leaf)
        met.append(leaf)
        tree.end(leaf, float(generator.normal()) if rewards else None)
    assert sorted(met) == sorted(set(everything) - {everything[index] for index in closed})


def shares(reward: dict[int, float], count: int, *, scale: float = 1.0, by_prior: bool = False) -> list[int]:
    """How often each first letter was chosen, when a letter has a reward of its own."""
    tree, chosen = Tree(WIDE), [0, 0, 0]
    for number in range(count):
        generator = np.random.default_rng(number)
        leaf = select_by_puct(tree, open_candidates(tree, {}, otherwise=1.0), generator) if by_prior else select_by_uct(tree, generator)
        tree.begin(leaf)
        chosen[leaf[0]] += 1
        tree.end(leaf, scale * reward[leaf[0]])
    return chosen


@pytest.mark.parametrize(("by_prior", "least"), [(False, 50), (True, 32)])
def test_better_rewards_are_followed_whatever_their_scale(by_prior: bool, least: int) -> None:
    plain, small, large = (shares({0: 0.1, 1: 0.9, 2: 0.2}, 90, scale=scale, by_prior=by_prior) for scale in (1.0, 1e-6, 1e6))
    assert plain == small == large
    assert plain[1] > least


def test_uct_scores_are_those_made_by_hand() -> None:
    tree = seen(SMALL, {(0, 0, 1, 0): 2.0, (0, 1, 1, 0): 4.0, (1, 0, 1, 0): 10.0})
    tree.begin((1, 1, 1, 0))
    scores = uct_scores(tree, tree.root, [0, 1, 2])
    assert scores[0] == pytest.approx(0.125 + UCT_EXPLORATION * math.sqrt(2 * math.log(4) / 2))
    assert scores[1] == pytest.approx(1.0 + UCT_EXPLORATION * math.sqrt(2 * math.log(4) / 2))
    assert scores[2] == math.inf


def test_what_is_under_way_counts_as_a_visit() -> None:
    tree = seen(WIDE, {(0, 0, 1, 0): 0.5, (1, 0, 1, 0): 0.6, (2, 0, 1, 0): 0.58})
    chosen = []
    for number in range(12):
        leaf = select_by_uct(tree, np.random.default_rng(number))
        tree.begin(leaf)
        chosen.append(leaf[0])
    # Without counting them, nothing would have changed from one choice to the next, and letter 1 be chosen 12 times.
    assert chosen.count(1) <= 8
    assert chosen.count(2) >= 3


def test_a_sharp_prior_is_followed_to_the_most_promising_leaf() -> None:
    tree = seen(SMALL, {(0, 0, 1, 0): 0.5, (1, 0, 1, 0): 0.5})
    improvement = {leaf: 10.0 ** (-number / SHARPNESS) for number, leaf in enumerate(leaves(SMALL)) if tree.is_open(leaf)}
    best = max(improvement, key=lambda leaf: improvement[leaf])
    assert select_by_puct(tree, open_candidates(tree, improvement, otherwise=1e-9), np.random.default_rng(0)) == best
