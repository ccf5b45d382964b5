"""Costs that follow from a rule, of the plan of a small model."""

from __future__ import annotations

from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import Block, MBConv
from collab.model import ModelConfig
from lut.prediction.costs import Costs
from profiler.plan import COARSE, Grid, plan_model
from tests.lut.made_tables import made_tables

BASE = configs.load("mini_v2")
STRATEGIES = st.tuples(*[st.sampled_from("nac")] * 6, st.sampled_from("ac")).map("".join)


def linear_cost(unit: str, block: Block) -> float:
    """Linear in expansion and output channels apart, as the interpolation takes it to be; unit cpu1 is half as fast."""
    width = block.exp_c * 0.25 + block.out_c * 0.125 if isinstance(block, MBConv) else 3.0
    return (2.0 + width) * (2 if unit == "cpu1" else 1)


def costs(model: ModelConfig = BASE, grid: Grid = COARSE, *, path: str = "shared", branches: int = 2) -> Costs:
    plan = plan_model(model, grid, branches=branches)
    return Costs(made_tables(plan.blocks, plan.transfers, linear_cost, path=path), source="luts/x")


SHARED_COSTS = costs()
