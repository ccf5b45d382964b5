"""Spaces as journals hold them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine.tree_search import ENUMERABLE
from search.journals.record import record_of
from search.problems.known import StrategyTable
from tests.search.problems.on_device import problem


@given(strategies=st.sets(st.text("nac", min_size=3, max_size=3), min_size=1))
def test_a_record_holds_the_space_and_what_can_be_evaluated(strategies: set[str]) -> None:
    table = StrategyTable(sorted(strategies))
    record = record_of(table)
    assert record.space() == table.space
    codes = record.feasible_codes()
    assert codes is not None
    leaves = table.space.leaves(np.flatnonzero(codes))
    assert {table.space.strategy(leaf) for leaf in leaves.tolist()} == strategies


def test_bits_are_in_the_order_of_the_codes() -> None:
    record = record_of(StrategyTable(["na", "cc"]))
    assert record.options == ((0, 2), (1, 2), (0,))
    assert base64.b64decode(record.feasible or "") == bytes([0b10010000])


def test_placements_are_the_last_decision() -> None:
    record = record_of(problem(0.7, "tree"))
    assert record.options[-1] == (0, 1, 2, 3, 4, 5)
    codes = record.feasible_codes()
    assert codes is not None
    assert len(codes) == 6 * 1458


def test_large_spaces_do_not_say_what_can_be_evaluated() -> None:
    class Large(StrategyTable):
        @property
        def space(self):  # type: ignore[no-untyped-def]
            from search.space import Space

            return Space((*[(0, 1, 2)] * 9, (1, 2), (0,)))

    record = record_of(Large(["na"]))
    assert record.space().size > ENUMERABLE
    assert record.feasible is None
    assert record.feasible_codes() is None


@pytest.mark.parametrize("scale", [0.2, 0.7])
def test_a_budget_decides_what_can_be_evaluated(scale: float) -> None:
    subject = problem(scale)
    codes = record_of(subject).feasible_codes()
    assert codes is not None
    assert np.array_equal(codes, subject.feasible(subject.space.leaves(np.arange(1458))))
