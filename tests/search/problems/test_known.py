"""Strategies of a table, and problems that are restricted to some."""

from __future__ import annotations

import numpy as np
import pytest

from collab.errors import ConfigError
from search.problems.base import InfeasibleError
from search.problems.known import Restricted, StrategyTable
from tests.search.problems.on_device import problem


def test_a_table_has_its_strategies_and_no_others() -> None:
    table = StrategyTable(["ana", "nna", "cnc"])
    leaves = table.space.leaves(np.arange(table.space.size))
    feasible = [table.space.strategy(leaf) for leaf in leaves[table.feasible(leaves)].tolist()]
    assert sorted(feasible) == ["ana", "cnc", "nna"]
    assert table.why_not(table.space.leaf("ann"[:2] + "a")) == "ana: not in the table"


@pytest.mark.parametrize("strategies", [[], ["ana", "aa"]])
def test_tables_that_are_none(strategies: list[str]) -> None:
    with pytest.raises((InfeasibleError, ConfigError)):
        StrategyTable(strategies)


def test_what_an_evaluator_does_not_know_is_infeasible() -> None:
    subject = Restricted(problem(0.7), frozenset({"nnnnnna", "acnnaca"}))
    leaves = subject.space.leaves(np.arange(1458))
    assert sorted(subject.space.strategy(leaf) for leaf in leaves[subject.feasible(leaves)].tolist()) == ["acnnaca", "nnnnnna"]
    assert subject.candidate(subject.space.leaf("nnnnnna")).config is not None
