"""Placements: defaults, texts that parse back, and those that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ConfigError
from collab.placement import Placement, parse_placement


def test_what_a_placement_leaves_out_takes_its_default() -> None:
    assert parse_placement("", branches=2) == Placement(("cpu0", "cpu1"), None, 0)
    assert parse_placement("1=gpu0,head=gpu0", branches=2) == Placement(("cpu0", "gpu0"), None, 1)
    assert parse_placement("stem=1", branches=3) == Placement(("cpu0", "cpu1", "cpu2"), 1, 0)


@given(
    units=st.permutations(["cpu0", "cpu1", "gpu0", "nnapi0"]), branches=st.integers(2, 4), stem=st.integers(-1, 1), head=st.integers(0, 1)
)
def test_placements_parse_back(units: list[str], branches: int, stem: int, head: int) -> None:
    placement = Placement(tuple(units[:branches]), None if stem < 0 else stem, head)
    assert parse_placement(placement.text, branches=branches) == placement


@pytest.mark.parametrize(
    "text",
    [
        "2=cpu2",
        "0=cpu1",
        "0=gpu",
        "0=cpu0;1=cpu1",
        "stem=2",
        "head=all",
        "head=",
        "0=cpu0,0=cpu2",
        "tail=0",
        "0=cpu0 1=cpu1",
        "²=cpu0",
    ],
)
def test_placements_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="placement"):
        parse_placement(text, branches=2)
