"""The search against all placements of random networks of up to twelve blocks on three units, and against exact programming on chains."""

from __future__ import annotations

import os
from itertools import count, islice, pairwise, product

import numpy as np
import pytest

from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from search.placing.objective import Assignment, Judge, Objective
from search.placing.searching import search_placement
from tests.search.placing.made import UNITS, chain, costs_of, random_cut

SEEDS = int(os.environ.get("SYNCNAS_EXHAUSTIVE_SEEDS", "1"))
"""How many networks of the most blocks are tried with all placements: 531,441 each. CI may ask for more."""
MOST = 12
_PART = 1 << 14


def largest_cut(number: int) -> tuple[CutNetwork, int]:
    """A network of just as many blocks as the most, with its seed."""
    cuts = ((random_cut(seed, most=MOST), seed) for seed in count())
    return next(islice((found for found in cuts if len(found[0].blocks) == MOST), number, None))


def least_of_all_us(judge: Judge, blocks: int, units: int) -> float:
    digits = units ** np.arange(blocks)
    parts = range(0, units**blocks, _PART)
    return min(
        float(judge.replayed(np.arange(begin, min(begin + _PART, units**blocks))[:, None] // digits % units).min()) for begin in parts
    )


@pytest.mark.parametrize("number", range(SEEDS))
def test_no_placement_of_twelve_blocks_is_better_than_what_is_found(number: int) -> None:
    cut, seed = largest_cut(number)
    costs = costs_of(cut, seed, contention=bool(number % 2))
    found = search_placement(cut, costs, UNITS)
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    assert found.us == pytest.approx(least_of_all_us(judge, MOST, 3), rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_no_placement_of_up_to_nine_blocks_is_better_than_what_is_found(seed: int) -> None:
    cut = random_cut(seed + 100, most=9 if seed % 4 == 0 else 7)
    costs = costs_of(cut, seed, contention=bool(seed % 2))
    found = search_placement(cut, costs, UNITS)
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    assert found.us == pytest.approx(least_of_all_us(judge, len(cut.blocks), 3), rel=1e-9)


def chain_us(cut: CutNetwork, costs: Costs) -> tuple[float, Assignment]:
    """The least latency of a chain, and a placement that has it: each block's time adds up with the call and the hand-over before it."""
    sizes = [cut.type_of(block.outputs[0]).size_bytes for block in cut.blocks]
    first = cut.type_of(cut.blocks[0].inputs[0]).size_bytes
    ways: list[tuple[float, Assignment]] = [
        (costs.input_write_us(unit, cut.opaque[0], first) + costs.call_us(unit) + costs.block(unit, cut.opaque[0]).alone_us, (number,))
        for number, unit in enumerate(UNITS)
    ]
    for block, size in zip(cut.opaque[1:], sizes, strict=False):
        ways = [
            min((us + _moved_us(costs, UNITS[way[-1]], unit, size) + costs.block(unit, block).alone_us, (*way, number)) for us, way in ways)
            for number, unit in enumerate(UNITS)
        ]
    return min((us + costs.output_read_us(UNITS[way[-1]], cut.opaque[-1], sizes[-1]), way) for us, way in ways)


def _moved_us(costs: Costs, sender: str, receiver: str, size: int) -> float:
    if sender == receiver:
        return 0.0
    cost = costs.handover(sender, receiver, size)
    return cost.claim_us + (cost.read_us if cost.copies_out else 0.0) + cost.wakeup_us + cost.write_us + costs.call_us(receiver)


@pytest.mark.parametrize("length", [2, 7, 12, 40])
def test_chains_are_placed_as_exact_programming_places_them(length: int) -> None:
    cut = chain(length)
    assert all(block.inputs == before.outputs for before, block in pairwise(cut.blocks))
    costs = costs_of(cut, length, contention=False)
    us, placement = chain_us(cut, costs)
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    assert judge.us([placement])[0] == pytest.approx(us, rel=1e-9)
    assert search_placement(cut, costs, UNITS).us == pytest.approx(us, rel=1e-9)


def test_exact_programming_itself_finds_the_best_of_all() -> None:
    cut = chain(6)
    costs = costs_of(cut, 6, contention=False)
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    assert chain_us(cut, costs)[0] == pytest.approx(float(judge.replayed(np.array(list(product(range(3), repeat=6)))).min()), rel=1e-9)
