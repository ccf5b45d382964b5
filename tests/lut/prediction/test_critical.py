from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.placement import parse_placement
from collab.variants import random_collaborative
from lut.prediction.costs import Costs
from lut.prediction.critical import critical_shares
from lut.prediction.model_latency import predict
from lut.prediction.program import Operation, pack
from lut.prediction.replay import replay
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables

BASE = configs.load("mini_v2")


def operation(work_us: float, **events: float) -> Operation:
    return Operation("s", "run", "", "x", work_us, **events)  # type: ignore[arg-type]


def shares(operations: dict[str, list[Operation]]) -> dict[str, float]:
    return critical_shares(operations, replay(pack([list(operations.values())])))


def test_what_is_waited_for_is_on_the_path_and_what_waits_is_not() -> None:
    # b takes 30 until it fires; a is ready at 10, wakes up at 32 and goes on for 8.
    found = shares({"a": [operation(10), operation(0, needs=0, wakeup_us=2), operation(8)], "b": [operation(30, fires=0), operation(5)]})
    assert found == {"a": pytest.approx(10 / 40), "b": pytest.approx(30 / 40)}


def test_a_unit_that_is_late_itself_carries_the_path() -> None:
    found = shares({"a": [operation(50), operation(0, needs=0), operation(8)], "b": [operation(30, fires=0)]})
    assert found == {"a": pytest.approx(1.0), "b": 0.0}


@given(st.integers(0, 2**32 - 1))
def test_shares_add_up_to_one_and_the_slower_unit_gains(seed: int) -> None:
    config = random_collaborative(BASE, np.random.default_rng(seed))
    plan = plan_model(BASE, COARSE).merged(plan_model(config, COARSE))
    costs = Costs(made_tables(plan.blocks, plan.transfers, lambda _, block: 1.0 + block.macs / 1e4), source="t")
    placement = parse_placement("", branches=2)
    at_par, slower = (predict(config, placement, costs.slowed({"cpu1": slowness})).critical for slowness in (1.0, 50.0))
    for found in (at_par, slower):
        assert sum(found.values()) == pytest.approx(1.0)
        assert all(0 <= share <= 1 for share in found.values())
    assert slower["cpu1"] >= at_par["cpu1"] - 1e-9
