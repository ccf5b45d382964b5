"""Simpler predictions, on tables whose numbers follow from a rule."""

from __future__ import annotations

import pytest

from collab.blocks import MBConv
from lut.prediction.costs import Costs
from lut.tables import Tables
from profiler.baselines import ISOLATED, MACS, baselines
from tests.lut.made_tables import made_meta
from tests.profiler.unequal_units import PLAN, tables


def test_baselines_are_the_isolated_medians_and_costs_in_proportion_to_macs() -> None:
    made = tables(1.0)
    costs = {name: Costs(simpler, source=name) for name, simpler in baselines(made).items()}
    assert set(costs) == {ISOLATED}, "a network was run on cpu0 only, so cpu1 has no rate"
    block = next(block for block in PLAN.blocks if isinstance(block, MBConv) and block.has_expansion)
    row = next(row for row in made.blocks if (row.unit, row.block) == ("cpu0", block.key))
    assert costs[ISOLATED].marginal_us("cpu0", block) == row.median_us
    assert costs[ISOLATED].call_us("cpu0") == 0.0
    network = ("stem_32_k3s2_3-16_relu",)
    macs = 32 // 2 * (32 // 2) * 9 * 3 * 16
    measured = made_meta().network_runs["cpu0"]
    both = Tables(made.blocks, made.transfers, made_meta(network=(network,), network_runs={"cpu0": measured, "cpu1": measured}))
    proportional = Costs(baselines(both)[MACS], source="m")
    assert proportional.marginal_us("cpu1", block) == pytest.approx(block.macs * measured.median_us / macs)
