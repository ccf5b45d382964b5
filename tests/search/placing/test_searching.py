"""The search for placements: what exhaustive search finds, wherever that can be waited for, and never worse than one unit alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from collab.errors import MissingEntryError
from lut.prediction.costs import Costs
from lut.tables import Tables
from search.placing.bounds import Bounds
from search.placing.objective import Judge, Objective
from search.placing.partial import Partial, extended
from search.placing.searching import search_placement
from tests.search.placing.made import UNITS, chain, costs_of, random_cut, random_tables


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("contention", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_it_finds_what_exhaustive_search_finds(seed: int, contention: bool, objective: Objective) -> None:
    units = UNITS if seed % 2 else UNITS[:2]
    cut = random_cut(seed, most=5 if len(units) == 3 else 8)
    costs = costs_of(cut, seed, contention=contention, units=units)
    judge = Judge(cut, costs, units, objective=objective)
    every = list(product(range(len(units)), repeat=len(cut.blocks)))
    found = search_placement(cut, costs, units, objective=objective)
    assert found.is_proven
    assert found.us == pytest.approx(float(np.min(judge.us(every))), rel=1e-9)


def test_no_bound_is_above_what_the_replay_gives() -> None:
    for seed in range(12):
        cut = random_cut(seed, most=7)
        costs = costs_of(cut, seed, contention=True)
        bounds = Bounds(cut, costs, UNITS)
        for objective in Objective:
            judge = Judge(cut, costs, UNITS, objective=objective)
            every = list(product(range(3), repeat=len(cut.blocks)))[seed :: 7 if len(cut.blocks) < 7 else 61]
            for assignment, us in zip(every, judge.us(every), strict=True):
                partial: Partial | None = Partial.empty(bounds)
                for unit in assignment:
                    assert partial is not None
                    partial = extended(partial, unit, bounds, objective)
                assert partial is not None
                assert partial.bound_us <= us + 1e-6


def test_a_chain_of_twelve_on_three_units_is_proven() -> None:
    cut = chain(12)
    costs = costs_of(cut, 12, contention=False)
    found = search_placement(cut, costs, UNITS)
    assert found.is_proven
    assert len({block.key for block in cut.opaque}) == 12
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    others = [(*found.units[:at], unit, *found.units[at + 1 :]) for at in range(12) for unit in range(3)]
    assert found.us <= float(np.min(judge.us(others))) + 1e-9


@pytest.mark.parametrize("objective", list(Objective))
def test_a_chain_of_a_hundred_is_searched_within_its_budget(objective: Objective) -> None:
    cut = chain(100)
    found = search_placement(cut, costs_of(cut, 100, contention=False), UNITS, objective=objective)
    assert found.us <= min(found.alone_us.values()) + 1e-9
    assert found.judged < 1500


def test_blocks_are_put_only_where_they_were_measured() -> None:
    cut = random_cut(3, most=8)
    tables = random_tables(cut.opaque, 3, contention=False)
    without = [row for row in tables.blocks if not (row.unit == "gpu0" and row.block == cut.opaque[0].key)]
    costs = Costs(Tables(tuple(without), tables.transfers, tables.meta), source="x")
    found = search_placement(cut, costs, UNITS)
    assert UNITS[found.units[0]] != "gpu0"
    assert 2 not in found.alone_us


def test_a_block_that_no_unit_was_measured_with_is_named() -> None:
    cut = random_cut(3, most=8)
    tables = random_tables(cut.opaque, 3, contention=False)
    failed = [replace(row, status="failed", reason="it broke") if row.block == cut.opaque[0].key else row for row in tables.blocks]
    costs = Costs(Tables(tuple(failed), tables.transfers, tables.meta), source="x")
    with pytest.raises(MissingEntryError, match=cut.opaque[0].key):
        search_placement(cut, costs, UNITS)


def test_placements_that_need_a_missing_hand_over_are_one_sentence() -> None:
    cut = chain(4)
    tables = random_tables(cut.opaque, 3, contention=False, units=UNITS[:2])
    apart = [row for row in tables.blocks if (row.unit, row.block) not in {("cpu0", cut.opaque[0].key), ("cpu1", cut.opaque[-1].key)}]
    costs = Costs(Tables(tuple(apart), (), tables.meta), source="x")
    with pytest.raises(MissingEntryError, match="no unit of cpu0, cpu1 was measured with all blocks"):
        search_placement(cut, costs, UNITS[:2])
