"""Schedules as programs of operations, one or many at once."""

from __future__ import annotations

import numpy as np

from collab.placement import parse_placement
from collab.schedule import build_schedule
from collab.variants import collaborative
from lut.prediction.model_latency import predict
from lut.prediction.program import pack, unit_operations
from lut.prediction.replay import replay
from tests.lut.prediction.made_costs import BASE, SHARED_COSTS


def test_many_at_once_equal_each_alone() -> None:
    models = [collaborative(BASE, strategy) for strategy in ("nnnnnna", "acacacc", "ccccccc", "nananac")]
    placement = parse_placement("stem=1,head=1", branches=2)
    alone = [predict(model, placement, SHARED_COSTS).total_us for model in models]
    together = pack([list(unit_operations(build_schedule(model, placement), SHARED_COSTS).values()) for model in models])
    assert together.work_us.shape[:2] == (len(models), 2)
    assert np.allclose(replay(together, SHARED_COSTS.contention(placement.units)).total_us, alone)
