"""The search as a conversation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.landscapes import KINDS, Landscape, make, space
from search.mcts import Settings, TreeSearch
from search.space import Leaf, Space
from search.surrogate import Surrogate


def all_leaves(of: Space) -> np.ndarray:
    return of.leaves(np.arange(of.size))


def search(landscape: Landscape, **settings: object) -> TreeSearch:
    return TreeSearch(space(landscape.stages), landscape.feasible, Settings(**settings))  # type: ignore[arg-type]


def converse(asked: TreeSearch, landscape: Landscape, count: int) -> list[Leaf]:
    leaves = []
    for _ in range(count):
        leaf = asked.ask()
        if leaf is None:
            break
        leaves.append(leaf)
        asked.tell(leaf, float(landscape.accuracy(np.array([leaf]))[0]))
    return leaves


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_is_found_in_few_evaluations(kind: str) -> None:
    everything = all_leaves(space(7))
    needed = []
    for seed in range(12):
        landscape = make(kind, seed)
        values = landscape.accuracy(everything[landscape.feasible(everything)])
        found = landscape.accuracy(np.array(converse(search(landscape, seed=seed), landscape, 90)))
        hits = np.flatnonzero(found >= values.max() - 1e-12)
        needed.append(int(hits[0]) + 1 if len(hits) else 91)
    assert np.median(needed) <= {"effects": 30, "interactions": 45, "tight": 30, "noisy": 45}[kind]


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("stages", [4, 17])
def test_equal_seeds_ask_equally_and_others_do_not(prior: bool, stages: int) -> None:
    landscape = make("effects", 3, stages=stages)
    first, second, other = (converse(search(landscape, seed=seed, prior=prior), landscape, 15) for seed in (5, 5, 6))
    assert first == second
    assert first != other


@pytest.mark.parametrize("prior", [True, False])
def test_infeasible_leaves_are_never_asked_for_and_all_others_are(prior: bool) -> None:
    landscape = make("tight", 1, stages=4)
    everything = all_leaves(space(4))
    feasible = sorted(map(tuple, everything[landscape.feasible(everything)].tolist()))
    asked = search(landscape, prior=prior)
    assert asked.feasible_leaves == len(feasible)
    assert sorted(converse(asked, landscape, 1000)) == feasible
    assert asked.ask() is None


@pytest.mark.parametrize("prior", [True, False])
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_parallel_questions_are_distinct_and_answers_may_come_in_any_order(prior: bool, seed: int, order) -> None:  # type: ignore[no-untyped-def]
    landscape = make("effects", seed, stages=4)
    asked, flying, met = search(landscape, seed=seed, prior=prior), [], []
    for _ in range(60):
        while len(flying) < 5 and (leaf := asked.ask()) is not None:
            flying.append(leaf)
            met.append(leaf)
        if not flying:
            break
        leaf = flying.pop(order.randrange(len(flying)))
        if order.random() < 0.2:
            asked.fail(leaf)
        else:
            asked.tell(leaf, float(landscape.accuracy(np.array([leaf]))[0]))
    assert len(set(met)) == len(met) == 54


def test_parallel_proposals_do_not_pile_up() -> None:
    """Eight questions at once are further apart than the eight leaves that are the most promising when none is under way."""
    everything = all_leaves(space(7))
    gains = []
    for seed in range(6):
        landscape = make("interactions", seed)
        asked, surrogate = search(landscape, seed=seed), Surrogate(7, pool=everything[:, :7])
        for leaf in converse(asked, landscape, 12):
            surrogate.tell(surrogate.await_value(np.array(leaf[:7])), float(landscape.accuracy(np.array([leaf]))[0]))
        flying = np.array([asked.ask() for _ in range(8)])
        promising = everything[np.argsort(-surrogate.log_improvement())[:8]]
        assert len(np.unique(flying, axis=0)) == 8
        gains.append(spread(flying) - spread(promising))
    assert np.median(gains) > 0


def spread(leaves: np.ndarray) -> float:
    """Mean number of decisions in which two leaves differ."""
    return float((leaves[:, None, :] != leaves[None, :, :]).sum(axis=2).mean())


@pytest.mark.parametrize("kind", ["effects", "tight"])
def test_the_fine_space_is_searched_better_than_at_random(kind: str) -> None:
    gains = []
    for seed in range(3):
        landscape = make(kind, seed, stages=17)
        leaves = converse(search(landscape, seed=seed), landscape, 40)
        assert landscape.feasible(np.array(leaves)).all()
        assert len(set(leaves)) == 40
        drawn = space(17).random(4000, np.random.default_rng(seed))
        random = landscape.accuracy(drawn[landscape.feasible(drawn)][:40])
        gains.append(landscape.accuracy(np.array(leaves)).max() - random.max())
    assert np.median(gains) > 0


def test_a_space_in_which_nothing_is_feasible_asks_nothing() -> None:
    for stages in (4, 17):
        asked = TreeSearch(space(stages), lambda leaves: np.zeros(len(leaves), bool), Settings())
        assert asked.ask() is None


def test_replayed_beginnings_lead_to_the_same_questions() -> None:
    landscape = make("interactions", 4)
    first = search(landscape, seed=1)
    leaves = converse(first, landscape, 10)
    second = search(landscape, seed=1)
    for leaf in leaves:
        second.begin(leaf)
        second.tell(leaf, float(landscape.accuracy(np.array([leaf]))[0]))
    assert first.ask() == second.ask()
