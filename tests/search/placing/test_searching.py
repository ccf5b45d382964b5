"""The search for placements: what exhaustive search finds, wherever that can be waited for, and never worse than one unit alone."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice, product

import numpy as np
import pytest

from collab.errors import MissingEntryError
from graph.scheduling import CutNetwork
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


MOST = int(os.environ.get("SYNCNAS_EXHAUSTIVE_BLOCKS", "6"))
"""On three units, so many blocks have 3 to the power of it placements: 6 take seconds, 12 many minutes."""


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("seed", range(2))
def test_of_the_most_blocks_that_can_be_waited_for_it_finds_the_best(seed: int, objective: Objective) -> None:
    cut = random_cut(seed, least=MOST, most=MOST)
    costs = costs_of(cut, seed, contention=bool(seed % 2))
    judge = Judge(cut, costs, UNITS, objective=objective)
    found = search_placement(cut, costs, UNITS, objective=objective)
    least_us, every = np.inf, product(range(len(UNITS)), repeat=MOST)
    while some := list(islice(every, 10_000)):
        least_us = min(least_us, float(np.min(judge.us(some))))
        judge.forget()
    assert found.us == pytest.approx(least_us, rel=1e-9)


def best_of_chain_us(cut: CutNetwork, costs: Costs) -> float:
    """The least latency of a chain of blocks without contention, by dynamic programming over the unit of each block."""
    sizes = [cut.type_of(block.outputs[0]).size_bytes for block in cut.blocks]
    input_bytes = cut.type_of(cut.network.inputs[0]).size_bytes
    best = {
        unit: costs.input_write_us(unit, cut.opaque[0], input_bytes) + costs.call_us(unit) + costs.block(unit, cut.opaque[0]).alone_us
        for unit in UNITS
    }
    for number, block in enumerate(cut.opaque[1:], 1):
        step = {}
        for unit in UNITS:
            ways = [best[unit]]
            for other in UNITS:
                if other != unit:
                    cost = costs.handover(other, unit, sizes[number - 1])
                    read_us = cost.read_us if cost.copies_out else 0.0
                    ways.append(best[other] + read_us + cost.wakeup_us + cost.write_us + costs.call_us(unit))
            step[unit] = min(ways) + costs.block(unit, block).alone_us
        best = step
    return min(us + costs.output_read_us(unit, cut.opaque[-1], sizes[-1]) for unit, us in best.items())


@pytest.mark.parametrize("length", [1, 5, 12, 30])
def test_of_a_chain_it_finds_what_dynamic_programming_finds(length: int) -> None:
    cut = chain(length)
    for seed in range(3):
        costs = costs_of(cut, seed, contention=False)
        assert search_placement(cut, costs, UNITS).us == pytest.approx(best_of_chain_us(cut, costs), rel=1e-9)


def test_no_bound_is_above_what_the_replay_gives() -> None:
    for seed in range(4):
        cut = random_cut(seed, most=6)
        costs = costs_of(cut, seed, contention=True)
        bounds = Bounds(cut, costs, UNITS)
        for objective in Objective:
            judge = Judge(cut, costs, UNITS, objective=objective)
            every = list(product(range(3), repeat=len(cut.blocks)))[::7]
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
