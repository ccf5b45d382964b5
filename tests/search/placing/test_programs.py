"""Programs of many placements at once: what the schedules of each one give, with all that tables can say."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from collab.errors import MissingEntryError
from graph.scheduling import CutNetwork
from lut.entries import Rehearsed, ReuseCost, SharedCache
from lut.prediction.costs import Costs
from lut.prediction.program import Operation, pack, unit_operations
from lut.prediction.replay import NONE, Floats, replay
from lut.tables import Tables
from search.placing.objective import Judge, Objective
from search.placing.segmenting import segmented
from tests.search.placing.made import UNITS, chain, random_cut, random_tables


def rich_costs(cut: CutNetwork, seed: int) -> Costs:
    """Costs of all kinds: reuse, shared caches, jitter, contention, what rehearsals say."""
    tables = random_tables(cut.opaque, seed, contention=True)
    draw = np.random.default_rng(seed)
    meta = replace(
        tables.meta,
        reuse=tuple(
            ReuseCost(unit, what, (0.125, 1.0, 8.0), tuple(np.cumsum(draw.uniform(0, 900, 3)).tolist()), n=9)
            for unit in UNITS
            for what in ("weights", "features")
        ),
        features_share={"cpu0": 0.5},
        shared_caches=(SharedCache("cpu0", "cpu1", 0.5, measured=0.5, se=0.01, n=9),),
        jitter=dict.fromkeys(UNITS, 0.05),
        rehearsed=tuple(
            Rehearsed(one, other, what, 0.3 if what in ("read", "write") else 1.5, measured=1.5, se=0.01, n=9)
            for one, other in permutations(UNITS, 2)
            for what in ("read", "write", "wakeup", "resume", "claim", "fetch", "each_read", "each_write")
        ),
    )
    return Costs(Tables(tables.blocks, tables.transfers, meta), source="x")


def replayed_alone(cut: CutNetwork, costs: Costs, assignment: list[int], *, frames: int) -> Floats:
    """The end of each inference on each unit, of one placement's schedule as it is."""
    schedule = cut.schedule([UNITS[unit] for unit in assignment], order=UNITS)
    of = unit_operations(schedule, costs)
    events = 2 * len(schedule.segments)

    def later(operation: Operation, frame: int) -> Operation:
        needs, fires = (event if event == NONE else event + frame * events for event in (operation.needs, operation.fires))
        return replace(operation, needs=needs, fires=fires)

    operations = [[later(operation, frame) for frame in range(frames) for operation in of.get(unit, [])] for unit in UNITS]
    ends = replay(pack([operations]), costs.contention(UNITS), costs.jitter(UNITS)).end_us[0]
    each = [len(of.get(unit, [])) for unit in UNITS]
    return np.array([[ends[unit, (frame + 1) * count - 1] if count else 0.0 for frame in range(frames)] for unit, count in enumerate(each)])


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("seed", range(6))
def test_many_at_once_take_what_each_one_does(seed: int, objective: Objective) -> None:
    cut = random_cut(seed, most=12)
    costs = rich_costs(cut, seed)
    judge = Judge(cut, costs, UNITS, objective=objective)
    placements = np.random.default_rng(seed).integers(0, 3, (12, len(cut.blocks)))
    expected = []
    for row in placements.tolist():
        ends = replayed_alone(cut, costs, row, frames=judge.frames)
        half = judge.frames // 2
        expected.append(float(ends.max()) if judge.frames == 1 else float((ends[:, -1] - ends[:, half - 1]).max()) / (judge.frames - half))
    assert judge.replayed(placements).tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_segments_of_many_at_once_are_those_of_each_one(seed: int) -> None:
    cut = random_cut(seed, most=14)
    placements = np.random.default_rng(seed).integers(0, 3, (60, len(cut.blocks)))
    for row, found in zip(placements.tolist(), segmented(cut.before, placements, 3).segment.tolist(), strict=True):
        runs = cut.runs([UNITS[unit] for unit in row])
        assert found == [next(number for number, run in enumerate(runs) if block in run) for block in range(len(row))]


def test_what_tables_lack_is_named() -> None:
    cut = chain(3)
    tables = random_tables(cut.opaque, 1, contention=False)
    costs = Costs(Tables(tables.blocks, (), tables.meta), source="x")
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    assert judge.replayed(np.zeros((2, 3), np.int64)).shape == (2,)
    with pytest.raises(MissingEntryError, match="from cpu0 to cpu1"):
        judge.replayed(np.array([[0, 0, 0], [0, 1, 1]]))
