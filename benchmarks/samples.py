"""How many evaluations searches need to the very best of 1458 strategies and to the best per cent, and how far they get in the fine one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.landscapes import BLOCKS, KINDS, Landscape, make, space
from benchmarks.results import keep, say
from benchmarks.searchers import SEARCHERS, Searcher

RUNS = 50
FINE_RUNS = 20
FINE_EVALUATIONS = 100
_TARGETS = {"effects": 30, "interactions": 45, "tight": 30, "noisy": 45}
_TOP_TARGET = 14
_SEED = 1000


def run() -> None:
    """Both spaces; every search meets the same landscapes, one after the other."""
    coarse()
    fine()


def coarse() -> None:
    """7 stages, every strategy known."""
    everything = space(7)
    leaves = everything.leaves(np.arange(everything.size))
    needed: dict[str, dict[str, list[tuple[int, int]]]] = {kind: {name: [] for name in SEARCHERS} for kind in KINDS}
    for kind in KINDS:
        for number in range(RUNS):
            landscape = make(kind, _SEED + number)
            values = landscape.accuracy(leaves[landscape.feasible(leaves)])
            best, top = float(values.max()), float(np.quantile(values, 0.99))
            for name, searcher in SEARCHERS.items():
                needed[kind][name].append(_needed(searcher(landscape, number), landscape, best, top, len(values)))
        for name in SEARCHERS:
            _say_coarse(kind, name, np.array(needed[kind][name]))
    print("  raw:", keep("samples", needed))


def _needed(searcher: Searcher, landscape: Landscape, best: float, top: float, limit: int) -> tuple[int, int]:
    """Evaluations until the best one, and until one of the best per cent."""
    leaf, first_top = next(searcher), 0
    for count in range(1, limit + 1):
        value = float(landscape.accuracy(np.array([leaf]))[0])
        if not first_top and value >= top - 1e-12:
            first_top = count
        if value >= best - 1e-12:
            return count, first_top
        leaf = searcher.send(value)
    raise AssertionError("every strategy was evaluated and the best one not met")


def _say_coarse(kind: str, name: str, counts: np.ndarray[Any, Any]) -> None:
    best, top = np.median(counts, axis=0)
    low, high = np.quantile(counts[:, 0], [0.1, 0.9])
    figures = f"{best:.0f} ({low:.0f}-{high:.0f}), {top:.0f}"
    what = f"{kind}: evaluations to the best (10-90 %), to the top 1 %: {name}"
    if name == "tree":
        say(what, figures, f"<= {_TARGETS[kind]}, {_TOP_TARGET}", met=best <= _TARGETS[kind] and top <= _TOP_TARGET)
    else:
        print(f"{what:58} {figures:>18}", flush=True)


def fine() -> None:
    """17 stages: the best value after 100 evaluations, in standard deviations of all strategies, and the tree's wins."""
    names = [name for name in SEARCHERS if name != "gp"]
    reached: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in names} for kind in KINDS}
    seconds = 0.0
    for kind in KINDS:
        for number in range(FINE_RUNS):
            landscape = make(kind, _SEED + number, stages=BLOCKS)
            for name in names:
                begin = time.monotonic()
                reached[kind][name].append(_reached(SEARCHERS[name](landscape, number), landscape))
                seconds += time.monotonic() - begin if name == "tree" else 0.0
        ours = np.array(reached[kind]["tree"])
        for name in names:
            theirs = np.array(reached[kind][name])
            wins = "" if name == "tree" else f", tree better in {np.mean(ours > theirs):.0%}"
            print(
                f"{kind}, 17 stages: best after {FINE_EVALUATIONS} evaluations, in deviations: {name}: {np.median(theirs):.2f}{wins}",
                flush=True,
            )
    per_evaluation_ms = 1e3 * seconds / (len(KINDS) * FINE_RUNS * FINE_EVALUATIONS)
    print(f"17 stages: the tree's own time per evaluation {per_evaluation_ms:.0f} ms")
    print("  raw:", keep("samples-fine", reached))


def _reached(searcher: Searcher, landscape: Landscape) -> float:
    best, leaf = -np.inf, next(searcher)
    for _ in range(FINE_EVALUATIONS):
        value = float(landscape.accuracy(np.array([leaf]))[0])
        best = max(best, value)
        leaf = searcher.send(value)
    return (best - 0.70) / 0.02
