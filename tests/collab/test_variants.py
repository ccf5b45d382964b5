"""Collaborative variants: strategies, widths and shares of channels as they are asked for or drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.errors import ConfigError
from collab.variants import CHANNEL_STEP, collaborative, even_shares, random_collaborative

BASE = configs.load("mini_v2")
STRATEGIES = st.tuples(*[st.sampled_from("nac")] * 6, st.sampled_from("ac")).map("".join)


@given(STRATEGIES, st.integers(2, 4), st.floats(0.05, 2))
def test_branches_have_the_bases_blocks_and_what_a_concat_joins_is_the_bases(strategy: str, branches: int, scale: float) -> None:
    model = collaborative(BASE, strategy, branches=branches, scale=scale)
    assert (model.strategy, model.branches) == (strategy, branches)
    for base_stage, stage, letter in zip(BASE.stages, model.stages, strategy, strict=True):
        assert stage.out_c == base_stage.out_c
        for blocks in stage.branches:
            for base_block, block in zip(base_stage.branches[0], blocks, strict=True):
                assert (block.in_size, block.kernel, block.stride) == (base_block.in_size, base_block.kernel, base_block.stride)
                assert block.has_expansion == base_block.has_expansion
                assert not block.has_expansion or block.exp_c % CHANNEL_STEP == 0
            assert letter == "c" or blocks[-1].out_c == base_stage.out_c
            assert blocks[-1].out_c % CHANNEL_STEP == 0


def test_branches_differ_by_a_tenth_each_and_scale_with_the_first() -> None:
    model = collaborative(BASE, "nnnnnna", branches=3)
    [widest] = [stage for stage in model.stages if stage.branches[0][0].exp_c == max(block.exp_c for block in model.blocks)][:1]
    first, second, third = (blocks[0].exp_c for blocks in widest.branches)
    assert first > second > third
    assert second == pytest.approx(0.9 * first, abs=CHANNEL_STEP)
    assert third == pytest.approx(0.8 * first, abs=CHANNEL_STEP)


@given(st.integers(1, 400).map(lambda steps: 4 * steps), st.integers(2, 8))
def test_even_shares_are_multiples_that_add_up_and_differ_by_one_step(channels: int, branches: int) -> None:
    if channels < CHANNEL_STEP * branches:
        with pytest.raises(ConfigError, match=f"{channels} channels have no {branches} shares"):
            even_shares(channels, branches)
        return
    shares = even_shares(channels, branches)
    assert sum(shares) == channels
    assert shares == sorted(shares, reverse=True)
    assert max(shares) - min(shares) in (0, CHANNEL_STEP)
    assert all(share > 0 and share % CHANNEL_STEP == 0 for share in shares)


def test_channels_that_are_no_multiple_have_no_shares() -> None:
    with pytest.raises(ConfigError, match="multiples of 4"):
        even_shares(18, 2)


@given(st.integers(0, 2**32), st.integers(2, 3))
def test_random_models_are_within_the_bounds_and_the_same_for_a_seed(seed: int, branches: int) -> None:
    model = random_collaborative(BASE, np.random.default_rng(seed), branches=branches, low=0.5, high=1.0)
    assert model == random_collaborative(BASE, np.random.default_rng(seed), branches=branches, low=0.5, high=1.0)
    assert model.strategy[-1] in "ac"
    for base_stage, stage in zip(BASE.stages, model.stages, strict=True):
        assert stage.out_c == base_stage.out_c
        for blocks in stage.branches:
            for base_block, block in zip(base_stage.branches[0], blocks, strict=True):
                # Rounding to a step, and one step on where a block without expansion would come out.
                assert 0.5 * base_block.exp_c - CHANNEL_STEP <= block.exp_c <= base_block.exp_c + CHANNEL_STEP


def test_scales_make_a_branch_narrower() -> None:
    drawn = [random_collaborative(BASE, np.random.default_rng(seed), scales=[1.0, 0.3]) for seed in range(20)]
    wide, narrow = (sum(block.exp_c for model in drawn for stage in model.stages for block in stage.branches[b]) for b in (0, 1))
    assert narrow < 0.6 * wide


@pytest.mark.parametrize("strategy", ["", "nnn", "nnnnnnaa"])
def test_a_strategy_has_a_letter_for_every_stage(strategy: str) -> None:
    with pytest.raises(ConfigError, match=r"one letter for each of its 7 stages"):
        collaborative(BASE, strategy)


@pytest.mark.parametrize("strategy", ["nnnnnnn", "nnnnnxa"])
def test_letters_that_are_none_are_refused(strategy: str) -> None:
    with pytest.raises(ConfigError, match="sync"):
        collaborative(BASE, strategy)


def test_variants_are_made_of_base_models() -> None:
    with pytest.raises(ConfigError, match="a base model"):
        collaborative(configs.load("syncnas_mobilenet_v2_100"), "nnnnnna")
