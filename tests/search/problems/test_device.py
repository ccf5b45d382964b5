"""Strategies on a device within a budget."""

from __future__ import annotations

import numpy as np
import pytest

from collab import config as configs
from collab.config import from_document
from collab.placement import parse_placement
from lut.prediction.model_latency import predict
from search.problems.base import InfeasibleError
from search.problems.device import DeviceProblem, architecture_key
from tests.search.made import costs
from tests.search.problems.on_device import BASE_US, COSTS, problem


def test_candidates_meet_the_budget_and_are_what_they_say() -> None:
    subject = problem(0.7)
    leaf = subject.space.leaf("acnnaca")
    candidate = subject.candidate(leaf)
    assert candidate.config is not None
    assert candidate.placement is not None
    assert candidate.config.strategy == candidate.strategy == "acnnaca"
    assert candidate.latency_us == pytest.approx(predict(candidate.config, candidate.placement, COSTS).total_us)
    assert 0.99 * 0.7 * BASE_US <= candidate.latency_us <= 0.7 * BASE_US  # type: ignore[operator]


def test_infeasible_leaves_say_why() -> None:
    tight = problem(0.7)
    leaves = tight.space.leaves(np.arange(1458))
    tight = problem(float(np.median(tight.narrowest_us(leaves))) / BASE_US)
    feasible = tight.feasible(leaves)
    assert 0 < feasible.sum() < 1458
    leaf = tuple(leaves[int(np.flatnonzero(~feasible)[0])].tolist())
    with pytest.raises(InfeasibleError, match="narrowest blocks"):
        tight.candidate(leaf)
    assert tight.candidate(tuple(leaves[int(np.flatnonzero(feasible)[0])].tolist())).config is not None
    tight.check()


@pytest.mark.parametrize("name", ["mini_v2", "mini_v2:blocks"])
def test_a_budget_that_nothing_fits(name: str) -> None:
    base = configs.load(name)
    with pytest.raises(InfeasibleError, match=r"no strategy of .* fits into 0\.001 ms.*larger budget=\.\.\."):
        DeviceProblem(base, costs(base), [parse_placement("", branches=2)], 1.0).check()


def test_equal_architectures_have_equal_keys() -> None:
    subject = problem(0.6)
    config = subject.candidate(subject.space.leaf("annanna")).config
    assert config is not None
    renamed = from_document({**config.document, "name": "other"})
    swapped = from_document(
        {key: ({"0": value["1"], "1": value["0"]} if key.isdigit() else value) for key, value in config.document.items()}
    )
    other = subject.candidate(subject.space.leaf("anaanna")).config
    assert other is not None
    assert architecture_key(config) == architecture_key(renamed) == architecture_key(swapped) != architecture_key(other)


def test_the_widest_blocks_bound_every_candidate() -> None:
    subject = problem(0.8)
    widest = subject.widest_blocks(np.random.default_rng(0))
    for strategy in ("nnnnnna", "aaaaaaa", "ccccccc", "ncanaca"):
        config = subject.candidate(subject.space.leaf(strategy)).config
        assert config is not None
        for branch in (0, 1):
            widths = [block.exp_c for stage in config.stages for block in stage.branches[branch]]
            assert all(width <= most for width, most in zip(widths, widest[branch], strict=True))
