"""Benchmark of the search's own parts on one core: latencies by replay, widths of all strategies, and the time between two evaluations."""

from __future__ import annotations

import time
from itertools import product
from typing import Final

import numpy as np

from benchmarks import tables
from benchmarks.results import keep, say
from benchmarks.search.landscapes import BLOCKS, STAGES, make, space
from collab import config as configs
from collab.placement import parse_placement
from lut.prediction.costs import Costs
from lut.prediction.replay import Ints
from lut.prediction.variant_replay import Bodies, VariantReplay
from lut.prediction.variants import VariantCosts
from lut.tables import load_tables
from search.engine.tree_search import METHODS, Settings, TreeSearch
from search.widths.allocator import WidthAllocator
from search.widths.budget import base_latency

BASE = "mobilenet_v2"
REPEATS = 7
EVALUATIONS = 60


def run() -> None:
    """Times all parts, with the tables that the benchmark `tables` has left."""
    letters = np.array([each for each in product(range(3), repeat=7) if each[-1]])
    raw = {"replay_per_s": replays(letters), "widths_s": widths(letters)}
    rate = float(np.median(raw["replay_per_s"]))
    say(f"predicted latencies per second, schedules included (n = {REPEATS})", f"{rate:,.0f}", ">= 20,000", met=rate >= 20_000)
    worst = max(raw["widths_s"])
    say("widths of 1458 strategies at 0.5x, 0.75x, 1.0x: slowest", f"{worst:.2f} s", "<= 2 s", met=worst <= 2)
    for method in METHODS:
        for stages, most_ms in ((STAGES, 1.0), (BLOCKS, 20.0)):
            name = f"{method}, {stages} stages"
            raw[name] = overheads_ms(method, stages)
            middle = float(np.median(raw[name]))
            what = f"between two evaluations, {name} (n = {len(raw[name])} searches)"
            say(what, f"{middle:.2f} ms", f"<= {most_ms:.0f} ms", met=middle <= most_ms)
    print("  raw:", keep("search-speed", raw))


_SCALES: Final = np.array([300.0, 0.3, 1.0, 1.0])
"""Scales of what the blocks of a stretch cost: us of runs, megabytes of weights and of features, us of features that lie near."""


def _costs() -> Costs:
    folder = tables.TABLES / "quick"
    return Costs(load_tables(folder), source=str(folder))


def replays(letters: Ints) -> list[float]:
    """Returns the latencies per second of each repeat, from letters and the work of each stretch to latencies."""
    replay = VariantReplay(VariantCosts(configs.load(BASE), parse_placement("", branches=2), _costs()))
    rates = []
    for repeat in range(REPEATS):
        bodies = Bodies(*np.random.default_rng(repeat).uniform(1.0, 3.0, size=(4, len(letters), 2, 7)) * _SCALES[:, None, None, None])
        begin = time.perf_counter()
        replay.latencies_us(replay.schedules(letters), bodies)
        rates.append(len(letters) / (time.perf_counter() - begin))
    return rates


def widths(letters: Ints) -> list[float]:
    """Returns the seconds for the widths of all strategies in each repeat, from tables in memory on: curves, schedules, replays."""
    base, seconds = configs.load(BASE), []
    for scale in (0.5, 0.75, 1.0) * 2:
        costs = _costs()
        limit_us = scale * base_latency(base, ["cpu0", "cpu1"], costs).us
        begin = time.perf_counter()
        WidthAllocator(VariantCosts(base, parse_placement("", branches=2), costs)).allocate(letters, limit_us)
        seconds.append(time.perf_counter() - begin)
    return seconds


def overheads_ms(method: str, stages: int) -> list[float]:
    """Returns for each search the mean time between an answer and the next question, in milliseconds."""
    means = []
    for seed in range(10):
        landscape = make("interactions", seed, stages=stages)
        search = TreeSearch(space(stages), landscape.feasible, Settings(seed=seed, method=method))
        begin = time.perf_counter()
        spent_elsewhere = 0.0
        for _ in range(EVALUATIONS):
            leaf = search.ask()
            assert leaf is not None
            pause = time.perf_counter()
            accuracy = float(landscape.accuracy(np.array([leaf]))[0])
            spent_elsewhere += time.perf_counter() - pause
            search.tell(leaf, accuracy)
        means.append(1e3 * (time.perf_counter() - begin - spent_elsewhere) / EVALUATIONS)
    return means
