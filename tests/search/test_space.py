"""Spaces, codes and placements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.errors import ConfigError
from search.space import Space, all_placements, strategy_space

SPACES = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), min_size=2, max_size=6).map(
    lambda options: Space(tuple(tuple(sorted(each)) for each in options))
)


@pytest.mark.parametrize("name", ["mobilenet_v2", "mnasnet_b1", "fbnet_c", "mini_v2", "micro_v2"])
def test_seven_stages_have_1458_strategies(name: str) -> None:
    base = configs.load(name)
    assert len(base.stages) == 7
    assert strategy_space(base).size == 1458


def test_a_sync_after_any_block_of_mobilenet_v2() -> None:
    base = configs.load("mobilenet_v2:blocks")
    assert len(base.stages) == 17
    assert strategy_space(base).size == 2 * 3**16
    assert strategy_space(base, placements=len(all_placements(["cpu0", "gpu0", "npu0"]))).size > 10**9
    assert base.blocks == configs.load("mobilenet_v2").blocks


@given(space=SPACES, seed=st.integers(0, 1000))
def test_codes_count_the_leaves_through(space: Space, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(space.size, size=20)
    leaves = space.leaves(codes)
    assert np.array_equal(space.codes(leaves), codes)
    assert all(value in options for leaf in leaves for value, options in zip(leaf, space.options, strict=True))


@given(space=SPACES)
def test_leaves_are_distinct_and_in_order(space: Space) -> None:
    leaves = [tuple(leaf) for leaf in space.leaves(np.arange(min(space.size, 300))).tolist()]
    assert leaves == sorted(set(leaves))


@given(space=SPACES, seed=st.integers(0, 1000))
def test_neighbours_differ_in_one_decision(space: Space, seed: int) -> None:
    leaf = space.random(1, np.random.default_rng(seed))[0]
    neighbours = space.neighbours(leaf)
    assert len(neighbours) == sum(count - 1 for count in space.counts)
    assert all(np.count_nonzero(row != leaf) == 1 for row in neighbours)


def test_letters_and_leaves() -> None:
    space = strategy_space(configs.load("mini_v2"))
    leaf = space.leaf("annncna")
    assert leaf == (1, 0, 0, 0, 2, 0, 1, 0)
    assert space.strategy(leaf) == "annncna"


@pytest.mark.parametrize("strategy", ["annncnn", "ann", "annncnx", ""])
def test_what_is_no_strategy_is_refused(strategy: str) -> None:
    with pytest.raises(ConfigError, match="no strategy"):
        strategy_space(configs.load("mini_v2")).leaf(strategy)


def test_too_few_channels_leave_no_concat() -> None:
    base = configs.load("mini_v2")
    assert strategy_space(base, branches=5).options[0] == (0, 1)


def test_placements_without_mirror_images() -> None:
    found = all_placements(["cpu0", "gpu0"])
    assert len(set(found)) == len(found) == 6
    assert len(all_placements(["cpu0", "cpu1", "gpu0"])) == 18
    with pytest.raises(ConfigError, match="2 units"):
        all_placements(["cpu0"])


def test_collaborative_models_have_their_syncs_where_they_are() -> None:
    with pytest.raises(ConfigError, match="base models"):
        configs.load("syncnas_mobilenet_v2_100:blocks")
