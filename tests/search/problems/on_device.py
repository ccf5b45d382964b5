"""Problems of mini_v2 on a made device."""

from __future__ import annotations

from pathlib import Path

from search.driver import Search
from search.engine.tree_search import Settings
from search.executors.inline import InlineExecutor
from search.problems.device import DeviceProblem
from search.problems.placements import placements_to_try
from search.results.archive import Found
from search.results.files import write_results
from search.state import Objective
from search.widths.budget import base_latency
from tests.search.made import BASE, costs
from tests.search.workers import Macs

COSTS = costs()
UNITS = ["cpu0", "cpu1"]
BASE_US = base_latency(BASE, UNITS, COSTS).us


def problem(scale: float, placement: str = "best") -> DeviceProblem:
    placements, in_tree = placements_to_try(placement, UNITS, branches=2)
    return DeviceProblem(BASE, COSTS, placements, scale * BASE_US, in_tree=in_tree)


def search(folder: Path, problem: DeviceProblem, *, seed: int = 3) -> Search:
    """A search on the made device; its journal has the widths of all models."""
    settings = {"model": BASE.name, "seed": seed, "method": "uct", "budget_us": round(problem.budget_us, 3)}
    return Search(problem, Settings(seed=seed, method="uct"), Objective(), folder, settings, inputs={"base": BASE.sha256}, base=BASE)


def searched(folder: Path, evaluations: int) -> list[Found]:
    """What a search on the made device finds, with all that it leaves in its folder."""
    made = search(folder, problem(0.7))
    made.run(InlineExecutor(Macs({})), evaluations)
    made.close()
    write_results(folder, made.status.found, made.status.best, Macs({}))
    return made.status.found
