"""Schedules as programs of operations, one or many at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collab.placement import parse_placement
from collab.schedule import build_schedule
from collab.variants import collaborative
from lut.prediction.model_latency import predict
from lut.prediction.program import Operation, pack, repeated, unit_operations
from lut.prediction.replay import replay
from tests.lut.prediction.made_costs import BASE, SHARED_COSTS


def test_many_at_once_equal_each_alone() -> None:
    models = [collaborative(BASE, strategy) for strategy in ("nnnnnna", "acacacc", "ccccccc", "nananac")]
    placement = parse_placement("stem=1,head=1", branches=2)
    alone = [predict(model, placement, SHARED_COSTS).total_us for model in models]
    together = pack([list(unit_operations(build_schedule(model, placement), SHARED_COSTS).values()) for model in models])
    assert together.work_us.shape[:2] == (len(models), 2)
    assert np.allclose(replay(together, SHARED_COSTS.contention(placement.units)).total_us, alone)


def later(operation: Operation, events: int) -> Operation:
    """An operation of the second time."""
    moved = {name: value + events for name in ("needs", "fires") if (value := getattr(operation, name)) >= 0}
    return replace(operation, **moved)


@pytest.mark.parametrize("strategy", ["nnnnnna", "acacacc"])
def test_a_program_repeated_is_its_operations_written_twice(strategy: str) -> None:
    placement = parse_placement("stem=1,head=1", branches=2)
    units = [list(each) for each in unit_operations(build_schedule(collaborative(BASE, strategy), placement), SHARED_COSTS).values()]
    once = pack([units])
    twice = pack([[[*each, *(later(operation, once.events) for operation in each)] for each in units]])
    contention = SHARED_COSTS.contention(placement.units)
    expected, found = replay(twice, contention), replay(repeated(once, 2), contention)
    assert np.array_equal(found.end_us, expected.end_us)
    assert found.total_us > replay(once, contention).total_us
