"""Interpolation between measured points, within families of blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collab.blocks import Concat, MBConv
from collab.errors import MissingEntryError
from lut.prediction.costs import Costs
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import BASE, linear_cost


def test_no_expansion_is_never_interpolated_through() -> None:
    # exp == in (24) is measured as a block of its own, at an absurd cost; its neighbours must not feel it.
    block = BASE.stages[1].branches[0][1]
    assert block.in_c == 24
    plan = plan_model(BASE, COARSE)
    rows = made_tables(
        plan.blocks, plan.transfers, lambda unit, b: 1e6 if isinstance(b, MBConv) and not b.has_expansion else linear_cost(unit, b)
    )
    table = Costs(rows, source="x")
    assert table.marginal_us("cpu0", replace(block, exp_c=24)) == 1e6
    for exp_c in (16, 20, 28, 32):
        assert table.marginal_us("cpu0", replace(block, exp_c=exp_c)) == pytest.approx(linear_cost("cpu0", replace(block, exp_c=exp_c)))


def test_uneven_concats_are_interpolated_by_their_first_share() -> None:
    rows = made_tables([Concat(8, (4, 28)), Concat(8, (16, 16))], [], lambda unit, b: float(b.shares[0]) if isinstance(b, Concat) else 0.0)
    table = Costs(rows, source="x")
    assert table.marginal_us("cpu0", Concat(8, (12, 20))) == pytest.approx(12)
    for asked in (Concat(8, (20, 12)), Concat(16, (12, 20)), Concat(8, (12, 12))):
        with pytest.raises(MissingEntryError):
            table.marginal_us("cpu0", asked)
