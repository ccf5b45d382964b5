"""The models of a supernet: those that are drawn, and families that are none."""

from __future__ import annotations

import numpy as np
import pytest

from search.supernet.family import ModelFamily, SupernetError
from tests.models import changed
from tests.search.models import micro
from tests.search.supernets import WIDEST, space


def test_models_drawn_are_within_the_space() -> None:
    generator, seen, letters = np.random.default_rng(0), set(), set()
    for _ in range(200):
        config = space().random_model(generator, low=0.2)
        letters.update(enumerate(config.strategy))
        for index, stage in enumerate(config.stages):
            for branch, blocks in enumerate(stage.branches):
                for number, (block, base) in enumerate(zip(blocks, micro().stages[index].branches[0], strict=True)):
                    assert block.exp_c <= WIDEST[branch][index][number]
                    assert block.exp_c % 4 == 0
                    assert block.has_expansion or not base.has_expansion
                    seen.add((branch, index, number, block.exp_c))
    assert letters == {(0, "n"), (0, "a"), (0, "c"), (1, "n"), (1, "a"), (1, "c"), (2, "a"), (2, "c")}
    assert {width for branch, index, _, width in seen if (branch, index) == (0, 2)} == {8, 16, 20, 24, 28, 32, 36, 40}
    # In stage 0 the base has no expansion: models do without one, or have one where the space is wider than the input.
    assert {width for branch, index, _, width in seen if (branch, index) == (0, 0)} == {4, 8, 12}
    assert {width for branch, index, _, width in seen if (branch, index) == (1, 0)} == {8}
    narrow = space().narrowest_model(generator, low=0.2)
    assert [block.exp_c for block in narrow.stages[2].branches[0]] == [8]
    assert space().widest_model().strategy == "aaa"


def test_stages_without_shares_are_not_concatenated() -> None:
    base = changed(micro(), {"0": [[8, 3, 1, 8, 8, 6]], "1": [[8, 3, 2, 6, 24, 12], [4, 3, 1, 12, 32, 12]]})
    assert ModelFamily(base, 2, WIDEST).letters == ("na", "nac", "ac")


def test_refusals_of_spaces() -> None:
    with pytest.raises(SupernetError, match="needs a base model and two branches or more"):
        ModelFamily(micro(), 1, WIDEST[:1])
    with pytest.raises(SupernetError, match=r"2 branches of stages with \[1, 2, 1\] blocks each"):
        ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20,), (32,))))
    with pytest.raises(SupernetError, match="4 channels or more"):
        ModelFamily(micro(), 2, (WIDEST[0], ((8,), (20, 2), (32,))))
