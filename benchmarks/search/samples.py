"""Benchmark of searches: evaluations until the best of 1458 strategies and until the best 1 %, and the best value of 17 stages."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import numpy as np

from benchmarks.results import keep, say
from benchmarks.search.landscapes import BLOCKS, KINDS, Landscape, make, space
from benchmarks.search.peers import peers
from benchmarks.search.searchers import SEARCHERS, Searcher
from search.engine.tree_search import DEFAULT_METHOD

RUNS: Final = 50
PEER_RUNS: Final = 10
PEER_EVALUATIONS: Final = 200
"""Limit for searches of other projects; a strategy that they have not found by then counts as later."""
FINE_RUNS: Final = 20
FINE_EVALUATIONS: Final = 100
_TARGETS: Final = {"effects": 14, "interactions": 24, "tight": 11, "noisy": 22}
_TOP_TARGET: Final = 14
_FINE_TARGETS: Final = {"effects": 4.3, "interactions": 5.5, "tight": 4.1, "noisy": 5.1}
_NICE: Final = 10
_SEED: Final = 1000
_Found = TypeVar("_Found")


def run() -> None:
    """Runs every search in both spaces, on the same landscapes; one search a core runs side by side."""
    coarse()
    fine()


def _side_by_side(work: Callable[[tuple[str, str, int]], _Found], tasks: Iterable[tuple[str, str, int]]) -> list[_Found]:
    # Fresh processes, which read this before they load numpy: a process's threads would stand in the others' way.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), initializer=os.nice, initargs=(_NICE,)) as pool:
        return pool.map(work, tasks, chunksize=1)


def coarse() -> None:
    """Counts evaluations in the space of 7 stages, all of whose accuracies are known; prints medians over the landscapes."""
    names = {**dict.fromkeys(SEARCHERS, RUNS), **dict.fromkeys(peers(), PEER_RUNS)}
    tasks = [(kind, name, number) for name, runs in names.items() for kind in KINDS for number in range(runs)]
    needed: dict[str, dict[str, list[tuple[int, int]]]] = {kind: {name: [] for name in names} for kind in KINDS}
    for (kind, name, _), found in zip(tasks, _side_by_side(coarse_run, tasks), strict=True):
        needed[kind][name].append(found)
    for kind in KINDS:
        for name in names:
            _say_coarse(kind, name, np.array(needed[kind][name]))
    print("  raw:", keep("samples", needed))


def coarse_run(task: tuple[str, str, int]) -> tuple[int, int]:
    """Returns the evaluations of a search (landscape, name, number) until the best strategy, and until the first of the best 1 %."""
    kind, name, number = task
    landscape, everything = make(kind, _SEED + number), space(7)
    leaves = everything.leaves(np.arange(everything.size))
    values = landscape.accuracy(leaves[landscape.feasible(leaves)])
    limit = len(values) if name in SEARCHERS else min(len(values), PEER_EVALUATIONS)
    searcher = {**SEARCHERS, **peers()}[name](landscape, number)
    return _needed(searcher, landscape, float(values.max()), float(np.quantile(values, 0.99)), limit)


def _needed(searcher: Searcher, landscape: Landscape, best: float, top: float, limit: int) -> tuple[int, int]:
    """Counts a search's evaluations until the best strategy, and until the first of the best 1 %; limit + 1 where it finds none."""
    leaf, first_top = next(searcher), 0
    for count in range(1, limit + 1):
        value = float(landscape.accuracy(np.array([leaf]))[0])
        if not first_top and value >= top - 1e-12:
            first_top = count
        if value >= best - 1e-12:
            return count, first_top
        if count < limit:
            leaf = searcher.send(value)
    return limit + 1, first_top or limit + 1


def _say_coarse(kind: str, name: str, counts: np.ndarray[Any, Any]) -> None:
    best, top = np.median(counts, axis=0)
    low, high = np.quantile(counts[:, 0], [0.1, 0.9])
    figures = f"{best:.0f} ({low:.0f}-{high:.0f}), {top:.0f}"
    what = f"{kind}: to the best (10-90 %), to the top 1 %: {name} (n = {len(counts)})"
    if name == DEFAULT_METHOD:
        say(what, figures, f"<= {_TARGETS[kind]}, {_TOP_TARGET}", met=best <= _TARGETS[kind] and top <= _TOP_TARGET)
    else:
        print(f"{what:58} {figures:>18}", flush=True)


def fine() -> None:
    """Prints for 17 stages the median best accuracy after 100 evaluations, in standard deviations, and how often the default wins."""
    names = [name for name in SEARCHERS if name != "gp"]
    tasks = [(kind, name, number) for name in names for kind in KINDS for number in range(FINE_RUNS)]
    reached: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in names} for kind in KINDS}
    for (kind, name, _), found in zip(tasks, _side_by_side(fine_run, tasks), strict=True):
        reached[kind][name].append(found)
    for kind in KINDS:
        ours = np.array(reached[kind][DEFAULT_METHOD])
        for name in names:
            theirs = np.array(reached[kind][name])
            what = f"{kind}, 17 stages: best after {FINE_EVALUATIONS}, in deviations: {name} (n = {len(theirs)})"
            figure = float(np.median(theirs))
            if name == DEFAULT_METHOD:
                say(what, f"{figure:.1f}", f">= {_FINE_TARGETS[kind]}", met=round(figure, 1) >= _FINE_TARGETS[kind])
            else:
                print(f"{what:58} {figure:>18.2f}   {DEFAULT_METHOD} better in {np.mean(ours > theirs):.0%}", flush=True)
    print("  raw:", keep("samples-fine", reached))


def fine_run(task: tuple[str, str, int]) -> float:
    """Returns the best accuracy of a search (kind of landscape, name, number), in standard deviations of all strategies."""
    kind, name, number = task
    landscape = make(kind, _SEED + number, stages=BLOCKS)
    searcher = SEARCHERS[name](landscape, number)
    best, leaf = -np.inf, next(searcher)
    for _ in range(FINE_EVALUATIONS):
        value = float(landscape.accuracy(np.array([leaf]))[0])
        best = max(best, value)
        leaf = searcher.send(value)
    return (best - 0.70) / 0.02
