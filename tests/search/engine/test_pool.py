"""The candidates of spaces that can be listed, and of those that cannot."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.search.landscapes import Landscape, make, space
from search.engine.pool import CompletePool, SampledPool
from search.space import Leaf
from search.surrogate.mixture import Surrogate
from search.surrogate.targets import Targets

STAGES = 17
SPACE = space(STAGES)
CHOICES = np.arange(STAGES)


def told(landscape: Landscape, count: int, seed: int) -> tuple[Surrogate, list[Leaf]]:
    """A surrogate that was told of so many random leaves; and these, the best first."""
    drawn = SPACE.random(4000, np.random.default_rng(seed))
    drawn = drawn[landscape.feasible(drawn)][:count]
    values, surrogate = landscape.accuracy(drawn), Surrogate(STAGES)
    for leaf, value in zip(drawn.tolist(), values.tolist(), strict=True):
        surrogate.tell(tuple(leaf[:STAGES]), value)
    return surrogate, [tuple(drawn[row].tolist()) for row in np.argsort(-values)]


def test_a_complete_pool_has_all_that_is_open_and_what_is_expected_of_it() -> None:
    small, landscape = space(4), make("tight", 3, stages=4)
    everything = small.leaves(np.arange(small.size))
    feasible = everything[landscape.feasible(everything)]
    pool, surrogate = CompletePool(small, feasible, np.arange(4)), Surrogate(4)
    assert len(pool) == len(feasible)
    for leaf in feasible[::3].tolist():
        pool.begin(tuple(leaf))
        surrogate.tell(tuple(leaf[:4]), float(landscape.accuracy(np.array([leaf]))[0]))
    still = np.delete(feasible, np.arange(0, len(feasible), 3), axis=0)
    found = pool.candidates(0, [], surrogate)
    assert found.leaves.tolist() == still.tolist()
    assert found.log_improvement == pytest.approx(surrogate.log_improvement(Targets(still[:, :4])))
    drawn = pool.random(1000, np.random.default_rng(0))
    assert sorted(drawn.tolist()) == still.tolist()
    assert len(pool.random(2, np.random.default_rng(0))) == 2


@pytest.mark.parametrize("kind", ["effects", "tight"])
def test_a_sampled_pool_has_feasible_leaves_that_were_not_asked_for(kind: str) -> None:
    landscape = make(kind, 1, stages=STAGES)
    surrogate, best = told(landscape, 30, 1)
    pool = SampledPool(SPACE, landscape.feasible, CHOICES, seed=1)
    for leaf in best:
        pool.begin(leaf)
    for question in range(30, 50):
        found = pool.candidates(question, best[:12], surrogate)
        assert landscape.feasible(found.leaves).all()
        assert not {tuple(leaf) for leaf in found.leaves.tolist()} & set(best)
        assert len(np.unique(SPACE.codes(found.leaves))) == len(found.leaves) > 200
        assert found.log_improvement == pytest.approx(surrogate.log_improvement(Targets(found.leaves[:, :STAGES])), abs=1e-6)
        pool.begin(tuple(found.leaves[0].tolist()))
        best.append(tuple(found.leaves[0].tolist()))


def test_a_sampled_pool_is_the_same_whatever_was_asked_before() -> None:
    landscape = make("interactions", 2, stages=STAGES)
    surrogate, best = told(landscape, 40, 2)
    used, fresh = (SampledPool(SPACE, landscape.feasible, CHOICES, seed=4) for _ in range(2))
    for question in (3, 20, 29):
        used.candidates(question, best[question : question + 12], surrogate)
    first, second = used.candidates(40, best[:12], surrogate), fresh.candidates(40, best[:12], surrogate)
    assert first.leaves.tolist() == second.leaves.tolist()
    assert first.log_improvement == pytest.approx(second.log_improvement, abs=1e-9)


def test_the_best_leaf_of_a_sampled_pool_has_no_better_neighbour() -> None:
    for seed in range(4):
        landscape = make("effects", seed, stages=STAGES)
        surrogate, best = told(landscape, 40, seed)
        found = SampledPool(SPACE, landscape.feasible, CHOICES, seed=seed).candidates(40, best[:12], surrogate)
        top = found.leaves[found.log_improvement.argmax()]
        around = SPACE.neighbours(top)
        around = around[[tuple(leaf) not in best for leaf in around.tolist()]]
        assert surrogate.log_improvement(Targets(around[:, :STAGES])).max() <= found.log_improvement.max() + 1e-8


def test_neighbours_of_the_best_are_among_the_candidates() -> None:
    landscape = make("effects", 5, stages=STAGES)
    surrogate, best = told(landscape, 20, 5)
    pool = SampledPool(SPACE, landscape.feasible, CHOICES, seed=5)
    found = pool.candidates(20, best[:2], surrogate)
    wanted = np.concatenate([SPACE.neighbours(np.array(leaf)) for leaf in best[:2]])
    assert np.isin(SPACE.codes(wanted), SPACE.codes(found.leaves)).all()


def test_where_nothing_is_feasible_there_are_no_candidates() -> None:
    pool = SampledPool(SPACE, lambda leaves: np.zeros(len(leaves), bool), CHOICES, seed=0)
    surrogate, _ = told(make("effects", 0, stages=STAGES), 5, 0)
    assert not len(pool.random(5, np.random.default_rng(0)))
    assert not len(pool.candidates(5, [], surrogate).leaves)
