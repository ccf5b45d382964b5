"""Tables of two units, one of which is slower than the other."""

from __future__ import annotations

from typing import Final

from collab import config as configs
from collab.blocks import Block, MBConv
from lut.tables import Tables
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables

BASE: Final = configs.load("mini_v2")
PLAN: Final = plan_model(BASE, COARSE)


def tables(slower: float) -> Tables:
    """Unit cpu1 takes so many times as long as cpu0, but for what is no block."""

    def cost_us(unit: str, block: Block) -> float:
        return 1.0 + (block.macs / 1e4 * (slower if unit == "cpu1" else 1.0) if isinstance(block, MBConv) else 0.0)

    return made_tables(PLAN.blocks, PLAN.transfers, cost_us)
