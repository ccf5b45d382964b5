"""Certificates of a device that is made of its tables: measurements are replays of its true costs, with noise that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from android_harness.protocol.journal import CollabDone, Outputs, StepLabel
from collab import config as configs
from collab.blocks import Block
from collab.schedule import build_schedule
from lut.entries import Contention
from lut.prediction.costs import BLOCK_CLASSES, Costs, block_class
from lut.prediction.model_latency import predict
from lut.prediction.program import Operation, pack, unit_operations
from lut.prediction.replay import Floats, replay
from lut.tables import Tables
from profiler.candidates import ConfigCandidate
from profiler.compare import Comparison, compared
from profiler.heldout import draw_candidates
from profiler.job_ids import RehearsalId, TrialId
from profiler.plan import COARSE, plan_model
from profiler.rehearsal import Rehearsal
from profiler.samples import SampleStore
from tests.lut.made_tables import made_tables

BASE = configs.load("mini_v2")
UNITS = ("cpu0", "cpu1")
_RATES = {"stem": 0.00012, "mbconv": 0.00006, "head": 0.0002, "sync": 0.0004}
"""Microseconds per multiplication, by class of block."""
_VISITS, _RUNS = 4, 3
"""Visits to either job of a strategy, and runs of each."""

_Program: TypeAlias = Mapping[str, Sequence[Operation]]


@dataclass(frozen=True)
class Noise:
    """Standard deviations of logarithms of times: of a segment of a strategy in all runs, of a run as a whole, of a segment in one run."""

    segment: float = 0.02
    run: float = 0.05
    moment: float = 0.0


def true_tables(*, path: str = "shared", factor: float = 1.2) -> Tables:
    """Tables of two units on which blocks take `factor` times as long while the other one works."""
    plan = plan_model(BASE, COARSE)
    made = made_tables(plan.blocks, plan.transfers, _cost_us, path=path)
    pairs = [(unit, other) for unit in UNITS for other in UNITS if unit != other]
    contention = tuple(
        Contention(unit, name, other, factor, factor, 0.01, 9, pooled=True) for unit, other in pairs for name in BLOCK_CLASSES
    )
    return replace(made, meta=replace(made.meta, contention=contention))


def _cost_us(unit: str, block: Block) -> float:
    slower = 1.0 if unit == "cpu0" else 1.3
    return 2.0 + slower * _RATES[BLOCK_CLASSES[block_class(block)]] * max(block.macs, np.prod(block.out_shape))


def drawn_strategies(tables: Tables, count: int, seed: int = 0) -> list[ConfigCandidate]:
    return draw_candidates(BASE, Costs(tables, source="true"), UNITS, count, seed=seed)


def measured(candidates: Sequence[ConfigCandidate], true: Tables, noise: Noise, *, seed: int = 0) -> SampleStore:
    """Measures strategies on the device that these tables describe."""
    jobs = [[TrialId(number, half).text for half in ("a", "b")] for number in range(len(candidates))]
    store = SampleStore()
    store.add_all(_visits(candidates, jobs, Costs(true, source="true"), noise, np.random.default_rng(seed)))
    return store


def rehearsed(rehearsals: Sequence[Rehearsal], true: Tables, noise: Noise, *, seed: int = 0) -> SampleStore:
    """Measures rehearsals on the device that these tables describe."""
    candidates = [ConfigCandidate(rehearsal.config.name, rehearsal.config, rehearsal.on(*UNITS)) for rehearsal in rehearsals]
    way = (true.meta.handover["path"], true.meta.handover["wait"])
    jobs = [[RehearsalId(*UNITS, rehearsal.name, *way).text] for rehearsal in rehearsals]
    store = SampleStore()
    store.add_all(_visits(candidates, jobs, Costs(true, source="true"), noise, np.random.default_rng(seed)))
    return store


def held_against(store: SampleStore, candidates: Sequence[ConfigCandidate], costs: Costs) -> list[Comparison]:
    """Holds what was measured against what these costs predict."""
    return [
        compared(candidate, predict(candidate.config, candidate.placement, costs), number, store, costs, 0.0)
        for number, candidate in enumerate(candidates)
    ]


def _visits(
    candidates: Sequence[ConfigCandidate], jobs: Sequence[Sequence[str]], costs: Costs, noise: Noise, generator: np.random.Generator
) -> list[CollabDone]:
    """The visits to the jobs of each strategy, by turns."""
    programs = [unit_operations(build_schedule(c.config, c.placement), costs) for c in candidates]
    runs = [run for program in programs for run in _noisy_runs(program, noise, generator)]
    timeline = replay(pack(runs), costs.contention(UNITS), costs.jitter(UNITS))
    found: list[CollabDone] = []
    for number, program in enumerate(programs):
        for visit in range(2 * _VISITS):
            first = (2 * number * _VISITS + visit) * _RUNS
            rows = slice(first, first + _RUNS)
            spans = _spans(program, timeline.begin_us[rows], timeline.end_us[rows])
            begins, ends = (tuple(tuple(map(int, span[side])) for span in spans.values()) for side in (0, 1))
            totals = tuple(map(int, 1e3 * timeline.total_us[rows]))
            job, index = jobs[number][visit % len(jobs[number])], visit // len(jobs[number])
            found.append(CollabDone(job, index, first, tuple(spans), begins, ends, totals, Outputs(1, "aa"), {}))
    return found


def _noisy_runs(program: _Program, noise: Noise, generator: np.random.Generator) -> list[list[list[Operation]]]:
    """The operations of either unit in every run of all visits; all that is no copy and no wait is slower or faster by chance."""
    segments = {operation.segment: math.exp(generator.normal(0, noise.segment)) for unit in UNITS for operation in program[unit]}
    found = []
    for _ in range(2 * _VISITS * _RUNS):
        run = math.exp(generator.normal(0, noise.run))
        times = {name: run * usual * math.exp(generator.normal(0, noise.moment)) for name, usual in segments.items()}
        found.append([[_slower(operation, times[operation.segment]) for operation in program[unit]] for unit in UNITS])
    return found


def _slower(operation: Operation, times: float) -> Operation:
    return replace(operation, work_us=times * operation.work_us) if operation.step == "run" else operation


def _spans(program: _Program, begin_us: Floats, end_us: Floats) -> dict[StepLabel, tuple[Floats, Floats]]:
    """Begin and end of each step in every run, in nanoseconds. A wait begins when what came before has ended."""
    found: dict[StepLabel, tuple[Floats, Floats]] = {}
    for unit, name in enumerate(UNITS):
        for number, operation in enumerate(program[name]):
            label = StepLabel(name, operation.segment, operation.step, operation.peer)
            waits = operation.step == "wait"
            ready_us = (end_us[:, unit, number - 1] if number else np.zeros(len(end_us))) if waits else begin_us[:, unit, number]
            found[label] = (found[label][0] if label in found else 1e3 * ready_us, 1e3 * end_us[:, unit, number])
    return found
