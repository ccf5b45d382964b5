"""Targets: what is kept of one question says what a fresh question says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.surrogate.gaussian_process import Processes
from search.surrogate.targets import Moments, Targets

LEAVES = np.array(list(product(range(3), repeat=4)))
MODELS = np.array([2, 3, 17])


def moments(targets: Targets, processes: Processes, models: np.ndarray, more: np.ndarray) -> Moments:
    coefficients = processes.coefficients(models, processes.fit(np.linspace(-1, 1, len(processes))).residuals)
    return targets.moments(processes, models, coefficients, more, processes.extension(models, more))


def assert_alike(first: Moments, second: Moments) -> None:
    assert first.means == pytest.approx(second.means, abs=1e-8)
    assert first.squares == pytest.approx(second.squares, abs=1e-8)
    assert first.products == pytest.approx(second.products, abs=1e-8)


@given(seed=st.integers(0, 10_000), steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
def test_what_is_kept_says_what_a_fresh_question_says(seed: int, steps: list[tuple[int, int, bool]]) -> None:
    """Observations come one by one, leaves are exchanged, other processes are asked, and the processes are replaced, in any order."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(81)
    processes, seen, targets = Processes(LEAVES[order[:2]]), 2, Targets(LEAVES[::2])
    for observed, exchanged, anew in steps:
        for _ in range(observed):
            processes.append(LEAVES[order[seen]])
            seen += 1
        if anew:
            processes = Processes(LEAVES[order[:seen]])
        if exchanged:
            kept = generator.random(len(targets.leaves)) < 0.7
            targets.replace(kept, LEAVES[generator.integers(81, size=exchanged)])
        models = np.sort(generator.choice(24, 3, replace=False))
        more = LEAVES[order[40 : 40 + int(generator.integers(3))]]
        assert_alike(moments(targets, processes, models, more), moments(Targets(targets.leaves), processes, models, more))


def test_squares_and_products_are_those_of_the_inverse_factor_times_the_correlations() -> None:
    processes, more = Processes(LEAVES[5:15]), LEAVES[30:32]
    grown = Processes(np.concatenate([LEAVES[5:15], more]))
    found = moments(Targets(LEAVES), processes, MODELS, more)
    for place, model in enumerate(MODELS):
        from search.surrogate.kernels import agreements

        whitened = grown.inverse[model] @ grown.tables[grown.kernel_of[model]][agreements(grown.leaves, LEAVES)]
        assert found.squares[place] == pytest.approx((whitened**2).sum(axis=0), abs=1e-8)
        assert found.products[place] == pytest.approx(grown.inverse[model].sum(axis=1) @ whitened, abs=1e-8)


def test_more_targets_than_are_worked_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = moments(Targets(LEAVES), Processes(LEAVES[5:15]), MODELS, LEAVES[30:32])
    monkeypatch.setattr("search.surrogate.targets._CHUNK", 7)
    assert_alike(moments(Targets(LEAVES), Processes(LEAVES[5:15]), MODELS, LEAVES[30:32]), whole)
