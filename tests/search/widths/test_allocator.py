"""Widths: within the budget and close to it, balanced, deterministic, and what they are is what the config says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.config import SYNCS
from collab.errors import ConfigError
from collab.placement import Placement, parse_placement
from lut.prediction.model_latency import predict
from lut.prediction.variants import VariantCosts
from search.widths.allocator import WidthAllocator
from search.widths.budget import base_latency
from tests.search.made import BASE, costs

ALL = np.array([letters for letters in product(range(3), repeat=7) if letters[-1]])
COSTS = costs(contention=1.1)
BASE_US = base_latency(BASE, ["cpu0", "cpu1"], COSTS).us


def allocator(placement: str = "", **options: float) -> WidthAllocator:
    return WidthAllocator(VariantCosts(BASE, parse_placement(placement, branches=2), COSTS), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("placement", ["stem=all,head=0", "stem=0,head=1", "0=cpu1,1=cpu0,stem=all,head=0"])
@pytest.mark.parametrize("scale", [0.5, 0.75, 1.0])
def test_every_strategy_meets_the_budget_and_uses_it(placement: str, scale: float) -> None:
    found = allocator(placement).allocate(ALL, scale * BASE_US)
    assert found.feasible.all()
    used = found.latency_us / (scale * BASE_US)
    assert used.max() <= 1.0
    assert used[~found.widest].min() >= 0.99


@given(row=st.integers(0, len(ALL) - 1), scale=st.sampled_from([0.4, 0.8, 1.1]), placement=st.sampled_from(["", "stem=1,head=1"]))
@settings(max_examples=40)
def test_the_config_is_predicted_to_take_what_the_allocation_says(row: int, scale: float, placement: str) -> None:
    widths = allocator(placement)
    found = widths.allocate(ALL[[row]], scale * BASE_US)
    config = widths.config(found, 0)
    assert config.strategy == "".join(SYNCS[letter] for letter in ALL[row])
    predicted = predict(config, parse_placement(placement, branches=2), COSTS)
    assert predicted.total_us == pytest.approx(found.latency_us[0], rel=1e-9)
    assert all(block.exp_c % 4 == 0 or not block.has_expansion for block in config.blocks)


def test_branches_wait_little_for_each_other() -> None:
    widths = allocator()
    found = widths.allocate(ALL, 0.8 * BASE_US)
    shares = []
    for row in range(0, len(ALL), 50):
        steps = predict(widths.config(found, row), parse_placement("", branches=2), COSTS).steps
        shares.append(sum(step.duration_us for step in steps if step.step == "wait") / 2 / found.latency_us[row])
    assert np.median(shares) < 0.03
    assert max(shares) < 0.10


def test_the_slower_unit_gets_the_narrower_blocks() -> None:
    widths = allocator()
    config = widths.config(widths.allocate(ALL[-1:], BASE_US), 0)
    fast, slow = (sum(block.exp_c for stage in config.stages for block in stage.branches[branch]) for branch in (0, 1))
    assert 0.35 < slow / fast < 0.65


def test_the_base_s_proportions_are_kept() -> None:
    widths = allocator()
    found = widths.allocate(np.array([[1, 1, 1, 1, 1, 1, 1]]), 0.8 * BASE_US)
    config = widths.config(found, 0)
    ratios = [
        sum(branch[0].exp_c for branch in stage.branches) / base_stage.branches[0][0].exp_c
        for stage, base_stage in zip(config.stages[1:], BASE.stages[1:], strict=True)
    ]
    assert max(ratios) / min(ratios) < 1.35


def test_allocations_do_not_depend_on_the_other_strategies() -> None:
    together = allocator().allocate(ALL, 0.7 * BASE_US)
    widths = allocator()
    for row in (0, 700, 1457):
        alone = widths.allocate(ALL[[row]], 0.7 * BASE_US)
        assert alone.latency_us[0] == together.latency_us[row]
        assert widths.config(alone, 0).document == widths.config(together, row).document


def test_it_is_deterministic() -> None:
    first, second = (allocator().allocate(ALL, 0.6 * BASE_US) for _ in range(2))
    assert np.array_equal(first.latency_us, second.latency_us)
    assert np.array_equal(first.scale, second.scale)


def test_a_budget_without_room_is_infeasible() -> None:
    widths = allocator()
    found = widths.allocate(ALL, 0.02 * BASE_US)
    assert not found.feasible.any()
    assert (found.latency_us > 0.02 * BASE_US).all()
    with pytest.raises(ConfigError, match="infeasible"):
        widths.config(found, 0)


def test_a_budget_between_strategies_tells_them_apart() -> None:
    widths = allocator()
    narrowest = widths.narrowest_us(ALL)
    found = widths.allocate(ALL, float(np.median(narrowest)))
    assert np.array_equal(found.feasible, narrowest <= np.median(narrowest))
    assert 0 < found.feasible.sum() < len(ALL)


def test_more_room_than_the_tables_know_takes_the_widest() -> None:
    widths = allocator()
    found = widths.allocate(ALL[:5], 100 * BASE_US)
    assert found.widest.all()
    config = widths.config(found, 0)
    assert config.stages[6].branches[0][0].exp_c == 480


@pytest.mark.parametrize("multiple", [8, 16])
def test_widths_are_multiples_of_what_is_asked_for(multiple: int) -> None:
    widths = allocator(multiple=multiple)
    config = widths.config(widths.allocate(ALL[[1000]], 0.8 * BASE_US), 0)
    assert all(block.exp_c % multiple == 0 for block in config.blocks if block.has_expansion)


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiples"):
        allocator(multiple=0)


def test_a_sync_may_follow_any_block() -> None:
    base = configs.load("mini_v2:blocks")
    table = costs(base)
    widths = WidthAllocator(VariantCosts(base, parse_placement("", branches=2), table))
    letters = np.random.default_rng(0).integers(0, 3, size=(200, len(base.stages)))
    letters[:, -1] = np.maximum(letters[:, -1], 1)
    limit_us = 0.9 * predict(base, Placement(("cpu0",)), table).total_us
    found = widths.allocate(letters, limit_us)
    assert found.feasible.all()
    assert (found.latency_us >= 0.99 * limit_us).all()
    assert (found.latency_us <= limit_us).all()
    config = widths.config(found, 7)
    assert predict(config, parse_placement("", branches=2), table).total_us == pytest.approx(found.latency_us[7], rel=1e-9)


def test_the_most_that_any_strategy_gets_bounds_every_config() -> None:
    widths = allocator()
    found = widths.allocate(ALL, 0.8 * BASE_US)
    most = widths.most(found)
    seen = np.zeros_like(most)
    for row in range(len(ALL)):
        config = widths.config(found, row)
        rows = [[block.exp_c for stage in config.stages for block in stage.branches[branch]] for branch in (0, 1)]
        assert (np.array(rows) <= most).all()
        seen = np.maximum(seen, rows)
    assert np.array_equal(seen, most)
