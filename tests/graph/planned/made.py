"""Networks drawn at random in files, with tables of costs drawn at random, and plans that put each block on some unit."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from graph.format.writing import model_bytes
from graph.plan_file import PLAN_SUFFIX, PlacementPlan, read_plan
from graph.planned.network import PlannedNetwork, read_planned
from graph.reading import read_network
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.tables import load_tables, save
from search.placing.objective import Judge, Objective
from search.placing.plans import plan_of
from search.placing.searching import Found
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE
from tests.search.placing.made import random_tables

UNITS = ("cpu0", "cpu1")


@dataclass(frozen=True)
class Made:
    """A network's file, the folder of its tables, and the file of a plan."""

    model: Path
    tables: Path
    plan: Path

    @property
    def planned(self) -> PlannedNetwork:
        return read_planned(read_plan(self.plan), model=self.model, tables=None)

    @property
    def costs(self) -> Costs:
        return Costs(load_tables(self.tables), source="made")


def made(folder: Path, seed: int = 0, *, least: int = 5, most: int = 12) -> Made:
    """A network of so many blocks, with tables, and a plan that uses both units."""
    found = Made(folder / "made.tflite", folder / "luts", folder / f"made{PLAN_SUFFIX}")
    for attempt in range(1000):
        found.model.write_bytes(model_bytes(random_network(seed + 7919 * attempt), NO_SOURCE))
        cut = CutNetwork(read_network(found.model), name="made", grain_us=0.0)
        if least <= len(cut.blocks) <= most:
            break
    else:
        raise AssertionError("no network has so many blocks")
    save(random_tables(cut.opaque, seed, contention=True, units=UNITS), found.tables)
    found.plan.write_text(planned_at_random(cut, found.costs, seed).to_json())
    return found


def planned_at_random(cut: CutNetwork, costs: Costs, seed: int) -> PlacementPlan:
    """A plan in which both units have something to do."""
    draw = random.Random(f"placement/{seed}")
    units = [0, 1, *(draw.randrange(2) for _ in cut.blocks[2:])]
    draw.shuffle(units)
    judge = Judge(cut, costs, UNITS, objective=Objective.LATENCY)
    whole = [tuple([unit] * len(cut.blocks)) for unit in range(2)]
    us = judge.us([tuple(units), *whole]).tolist()
    placed = Found(tuple(units), us[0], dict(enumerate(us[1:])), is_proven=False, judged=3)
    return plan_of(cut, placed, UNITS, costs, objective="latency", grain_us=0.0)
