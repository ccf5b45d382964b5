"""The search as a conversation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.search.landscapes import KINDS, Landscape, make, space
from collab.errors import ConfigError
from search.engine.tree_search import METHODS, Settings, TreeSearch
from search.space import Leaf, Space
from search.surrogate.mixture import Bounds, Surrogate
from search.surrogate.targets import Targets


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
@pytest.mark.parametrize("method", ["tree", "surrogate"])
def test_the_best_is_found_in_few_evaluations(kind: str, method: str) -> None:
    everything = all_leaves(space(7))
    needed = []
    for seed in range(12):
        landscape = make(kind, seed)
        values = landscape.accuracy(everything[landscape.feasible(everything)])
        found = landscape.accuracy(np.array(converse(search(landscape, seed=seed, method=method), landscape, 60)))
        hits = np.flatnonzero(found >= values.max() - 1e-12)
        needed.append(int(hits[0]) + 1 if len(hits) else 61)
    assert np.median(needed) <= {"effects": 30, "interactions": 45, "tight": 30, "noisy": 45}[kind]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stages", [4, 17])
def test_equal_seeds_ask_equally_and_others_do_not(method: str, stages: int) -> None:
    landscape = make("effects", 3, stages=stages)
    first, second, other = (converse(search(landscape, seed=seed, method=method), landscape, 15) for seed in (5, 5, 6))
    assert first == second
    assert first != other


@pytest.mark.parametrize("method", METHODS)
def test_infeasible_leaves_are_never_asked_for_and_all_others_are(method: str) -> None:
    landscape = make("tight", 1, stages=4)
    everything = all_leaves(space(4))
    feasible = sorted(map(tuple, everything[landscape.feasible(everything)].tolist()))
    asked = search(landscape, method=method)
    assert asked.feasible_leaves == len(feasible)
    assert sorted(converse(asked, landscape, 1000)) == feasible
    assert asked.ask() is None


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15)
def test_parallel_questions_are_distinct_and_answers_may_come_in_any_order(method: str, seed: int, order) -> None:  # type: ignore[no-untyped-def]
    landscape = make("effects", seed, stages=4)
    asked, flying, met = search(landscape, seed=seed, method=method), [], []
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
        asked, surrogate = search(landscape, seed=seed), Surrogate(7)
        for leaf in converse(asked, landscape, 12):
            surrogate.tell(leaf[:7], float(landscape.accuracy(np.array([leaf]))[0]))
        flying = np.array([asked.ask() for _ in range(8)])
        promising = everything[np.argsort(-surrogate.log_improvement(Targets(everything[:, :7])))[:8]]
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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stages", [7, 17])
def test_replayed_beginnings_lead_to_the_same_questions(method: str, stages: int) -> None:
    """Also where the surrogate has chosen anew what it holds, and with evaluations under way."""
    landscape = make("interactions", 4, stages=stages)
    settings = {"seed": 1, "method": method, "bounds": Bounds(most=16, kept=12, best=6)}
    first, second = search(landscape, **settings), search(landscape, **settings)
    leaves = converse(first, landscape, 30)
    flying = [first.ask(), first.ask()]
    for leaf in leaves:
        second.begin(leaf)
        second.tell(leaf, float(landscape.accuracy(np.array([leaf]))[0]))
    for leaf in flying:
        second.begin(leaf)
    assert first.ask() == second.ask()
    for asked in (first, second):
        asked.fail(flying[0])
        asked.tell(flying[1], 0.5)
    assert [first.ask() for _ in range(3)] == [second.ask() for _ in range(3)]


def test_a_method_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no search method 'best'; take one of tree, uct, surrogate"):
        Settings(method="best")


@pytest.mark.parametrize("stages", [4, 17])
def test_what_is_explained_is_what_was_told_and_is_expected(stages: int) -> None:
    landscape = make("effects", 6, stages=stages)
    asked = search(landscape, seed=2, method="tree")
    leaves = converse(asked, landscape, 12)
    flying = asked.ask()
    rewards = dict(zip(leaves, landscape.accuracy(np.array(leaves)).tolist(), strict=True))
    for depth in (0, 1, 2):
        prefix = leaves[-1][:depth]
        children = asked.explain(prefix)
        assert [child.value for child in children] == [0, 1, 2]
        assert sum(child.prior or 0.0 for child in children) == pytest.approx(1.0)
        for child in children:
            beneath = [reward for leaf, reward in rewards.items() if leaf[: depth + 1] == (*prefix, child.value)]
            assert child.visits == len(beneath)
            assert child.in_flight == (flying[: depth + 1] == (*prefix, child.value))
            assert child.mean == (pytest.approx(np.mean(beneath)) if beneath else None)
            assert child.best == (max(beneath) if beneath else None)
            assert child.is_open == (child.visits + child.in_flight < math.prod(space(stages).counts[depth + 1 :]))


def test_the_next_question_follows_the_best_scores() -> None:
    landscape = make("interactions", 3)
    asked = search(landscape, seed=3, method="tree")
    converse(asked, landscape, 15)
    way: list[int] = []
    for _ in space(7).options:
        scores = {child.value: child.score for child in asked.explain(way) if child.score is not None}
        way.append(max(scores, key=lambda value: scores[value]))
    assert asked.ask() == tuple(way)


@pytest.mark.parametrize(("method", "has_prior", "has_score"), [("tree", True, True), ("surrogate", True, False), ("uct", False, True)])
def test_a_method_explains_what_it_asks_for(method: str, has_prior: bool, has_score: bool) -> None:
    landscape = make("effects", 6, stages=4)
    asked = search(landscape, method=method)
    assert all(child.prior is None for child in asked.explain())
    converse(asked, landscape, 8)
    assert [child.prior is not None for child in asked.explain()] == [has_prior] * 3
    assert [child.score is not None for child in asked.explain()] == [has_score] * 3
    before = asked.explain((1,))
    assert asked.explain((1,)) == before


def test_a_closed_child_says_so() -> None:
    landscape = make("effects", 6, stages=3)
    asked = search(landscape, method="tree")
    converse(asked, landscape, 18)
    assert not any(child.is_open for child in asked.explain())
    assert all(child.prior is None and child.score is None for child in asked.explain())
    assert sum(child.visits for child in asked.explain()) == 18


@pytest.mark.parametrize("prefix", [(3,), (0, 0, 0, 1, 0), (0, 0, 0, 0)])
def test_a_node_that_is_none_is_not_explained(prefix: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="lead to no node"):
        search(make("effects", 1, stages=4)).explain(prefix)
