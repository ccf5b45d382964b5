"""Priors from expected improvements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine import prior
from search.engine.prior import Candidates, child_priors
from search.space import Space

SMALL = Space(((0, 1, 2), (0, 1, 2), (1, 2), (0,)))


def candidates(seed: int, count: int, *, spread: float = 1.0) -> Candidates:
    generator = np.random.default_rng(seed)
    leaves = SMALL.leaves(np.sort(generator.choice(SMALL.size, count, replace=False)))
    return Candidates(leaves, spread * generator.normal(size=count))


def test_a_child_s_prior_is_its_share_of_the_sharpened_mass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prior, "SHARPNESS", 2.0)
    leaves = np.array([(0, 0, 1, 0), (0, 1, 1, 0), (2, 0, 1, 0)])
    # Improvements of 1, 2 and 3: squared 1 + 4 beneath the letter 0, 9 beneath 2, nothing beneath 1.
    assert child_priors(Candidates(leaves, np.log([1.0, 2.0, 3.0])), 0, (0, 1, 2)) == pytest.approx({0: 5 / 14, 2: 9 / 14})
    assert child_priors(Candidates(leaves[:2], np.log([1.0, 2.0])), 1, (0, 1, 2)) == pytest.approx({0: 0.2, 1: 0.8})


@given(seed=st.integers(0, 10_000), count=st.integers(1, 18), depth=st.integers(0, 3), spread=st.sampled_from([0.0, 1.0, 1e4]))
def test_the_priors_of_a_node_sum_to_1(seed: int, count: int, depth: int, spread: float) -> None:
    some = candidates(seed, count, spread=spread)
    beneath = some.beneath(some.leaves[0, :depth].tolist())
    found = child_priors(beneath, depth, SMALL.options[depth])
    assert sum(found.values()) == pytest.approx(1.0)
    assert set(found) == set(beneath.leaves[:, depth].tolist())
    assert all(0.0 <= value <= 1.0 for value in found.values())


def test_far_from_the_best_there_are_priors_as_well() -> None:
    leaves = np.array([(0, 0, 1, 0), (2, 0, 1, 0), (2, 1, 1, 0)])
    far = Candidates(leaves, np.array([0.0, -1e5, -1e5 - 0.1])).beneath((2,))
    first = 1 / (1 + np.exp(-0.1 * prior.SHARPNESS))
    assert child_priors(far, 1, (0, 1, 2)) == pytest.approx({0: first, 1: 1 - first})
