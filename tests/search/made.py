"""Costs that follow from a rule, for whatever a base's strategies need: a device whose every latency can be worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from collab import config as configs
from collab.blocks import Block, MBConv
from collab.model import ModelConfig
from collab.tensors.opaque import Opaque
from lut.entries import Contention, Rehearsed, ReuseCost, SharedCache
from lut.paths import copies_out
from lut.prediction.costs import Costs
from lut.tables import Tables, save
from profiler.plan import FULL, Plan, plan_model
from tests.lut.made_tables import made_tables

BASE = configs.load("mini_v2")


def work_cost(unit: str, block: Block) -> float:
    """By the work there is to do; unit cpu1 is half as fast."""
    us = 2.0 + block.macs * 1e-4 if isinstance(block, MBConv) else 3.0
    return us * (2 if unit == "cpu1" else 1)


REUSE = (
    ReuseCost("cpu0", "weights", (0.125, 0.5, 1.0), (0.0, 40.0, 100.0), n=9),
    ReuseCost("cpu0", "features", (0.25, 2.0), (10.0, 60.0), n=9),
    ReuseCost("cpu1", "features", (0.5, 1.0), (0.0, 300.0), n=9),
)
"""Curves of units whose caches hold less than a network of `BASE`."""
SHARED = (SharedCache("cpu0", "cpu1", 0.5, 0.5, 0.1, 9), SharedCache("cpu1", "cpu0", 0.25, 0.25, 0.1, 9))

REHEARSED = (
    Rehearsed("cpu0", "cpu1", "resume", 4.0, 4.0, 0.1, 9),
    Rehearsed("cpu1", "cpu0", "resume", 7.0, 7.0, 0.1, 9),
    Rehearsed("cpu1", "cpu0", "fetch", 0.3, 0.3, 0.1, 9),
    Rehearsed("cpu1", "cpu0", "write", 0.5, 0.5, 0.1, 9),
    Rehearsed("cpu0", "cpu1", "claim", -0.1, -0.1, 0.01, 9),
    Rehearsed("cpu0", "cpu1", "read", 0.25, 0.25, 0.1, 9),
    Rehearsed("cpu0", "cpu1", "wakeup", 0.2, 0.2, 0.1, 9),
)


def tables(
    base: ModelConfig = BASE,
    *,
    path: str = "shared",
    paths: Mapping[str, str] | None = None,
    contention: float = 1.0,
    branches: int = 2,
    reuse: tuple[ReuseCost, ...] = (),
) -> Tables:
    """Tables as `made_tables` makes them; `contention` is by how much either slows the other's blocks down."""
    plan = plan_model(base, FULL, branches=branches)
    made = made_tables(blocks_of(plan), plan.transfers, work_cost, path=path, paths=paths)
    if reuse:
        meta = replace(made.meta, reuse=reuse, block_in_network={"cpu0": 1.5}, features_share={"cpu1": 0.5}, shared_caches=SHARED)
        claimed = tuple(row if copies_out(row.path) else replace(row, claim_us=row.bytes / 3000) for row in made.transfers)
        made = replace(made, transfers=claimed, meta=replace(meta, jitter={"cpu0": 0.05, "cpu1": 0.1}, rehearsed=REHEARSED))
    if contention == 1.0:
        return made
    factors = tuple(
        Contention(unit, "mbconv", other, contention, contention, 0.1, 10, pooled=False)
        for unit, other in (("cpu0", "cpu1"), ("cpu1", "cpu0"))
    )
    return replace(made, meta=replace(made.meta, contention=factors))


def costs(base: ModelConfig = BASE, *, path: str = "shared", contention: float = 1.0, reuse: tuple[ReuseCost, ...] = ()) -> Costs:
    """What these tables cost."""
    return Costs(tables(base, path=path, contention=contention, reuse=reuse), source="luts/made")


def slow_cost(unit: str, block: Block) -> float:
    """The same of a device so slow that a tiny model's blocks, too, take longer than its calls and syncs."""
    return 100 * block.macs * 1e-4 * (2 if unit == "cpu1" else 1) + 0.1


def blocks_of(plan: Plan) -> list[Block]:
    return [block for block in plan.blocks if not isinstance(block, Opaque)]


def written(folder: Path, base: ModelConfig) -> Path:
    """Tables of a slow device as a folder of files."""
    plan = plan_model(base, FULL)
    save(made_tables(blocks_of(plan), plan.transfers, slow_cost), folder)
    return folder
