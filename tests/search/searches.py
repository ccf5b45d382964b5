"""Searches over known accuracies of 1458 strategies, and what their journals hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.landscapes import make, space
from lut.prediction.replay import Ints
from search.driver import Search
from search.engine.tree_search import Settings
from search.executors.base import Executor
from search.executors.inline import InlineExecutor
from search.problems.base import Candidate
from search.problems.known import StrategyTable
from search.space import Leaf, Space
from search.state import Objective
from tests.search.workers import Known

LANDSCAPE = make("effects", 11)
EVERYTHING = space(7).leaves(np.arange(1458))
ACCURACIES = {
    space(7).strategy(leaf): float(value) for leaf, value in zip(EVERYTHING.tolist(), LANDSCAPE.accuracy(EVERYTHING), strict=True)
}


HEADER = {"model": "made", "seed": 3}


def search(folder: Path, *, seed: int = 3, header: dict[str, Any] = HEADER, problem: Any = None) -> Search:
    return Search(problem or StrategyTable(sorted(ACCURACIES)), Settings(seed=seed), Objective(), folder, header)


def run(folder: Path, evaluations: int, executor: Executor | None = None, **options: Any) -> Search:
    found = search(folder, **options)
    executor = executor or InlineExecutor(Known(ACCURACIES))
    try:
        found.run(executor, evaluations)
    finally:
        found.close()
        executor.close()
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def evaluated(folder: Path) -> list[str]:
    return [line["strategy"] for line in lines(folder) if line["event"] == "evaluated"]


class Twins:
    """Leaves of which every two stand for one architecture: those that differ in the first letter being a or c."""

    def __init__(self) -> None:
        self._table = StrategyTable(sorted(ACCURACIES))

    @property
    def space(self) -> Space:
        return self._table.space

    def feasible(self, leaves: Ints) -> np.ndarray[Any, Any]:
        return self._table.feasible(leaves)

    def candidate(self, leaf: Leaf) -> Candidate:
        strategy = self._table.candidate(leaf).strategy
        return Candidate(strategy, strategy.replace("c", "a"))

    def why_not(self, leaf: Leaf) -> str:
        return self._table.why_not(leaf)
