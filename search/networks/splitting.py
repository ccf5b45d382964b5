"""Splits of a network: what is missing is profiled, a placement is found, run beside each unit alone, and kept where it is no slower."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from collab.errors import RunnerError
from collab.files import holding, write_whole, writing
from collab.names import counted
from graph.plan_file import PLAN_SUFFIX, PlacementPlan
from graph.reading import read_network
from graph.splitting.cutting import Splittable
from lut.prediction.costs import Costs
from lut.tables import load_tables
from profiler.candidates import NetworkCandidate
from profiler.certification import rounds_for
from profiler.compare import Comparison, Trial, compare, visits
from profiler.profiling import ProfileOptions, profile_into
from profiler.request import PLAN_FILE, kept_network
from search.placing.objective import Objective
from search.placing.plans import plan_of
from search.placing.searching import Found
from search.placing.splits import Placed, place_with_splits, splits_of_tables

if TYPE_CHECKING:
    from android_harness.device.base import Notice
    from android_harness.targets.base import Target
    from profiler.progress import PhaseProgress
    from profiler.request import Request

BUNDLE: Final = "bundle"
TABLES: Final = "lut"
JOURNAL: Final = "split.jsonl"
RESULT: Final = "split.json"
"""In a split's folder: the bundle, the tables, raw samples of the comparison, and what came out."""


@dataclass(frozen=True)
class SplitOptions:
    """Options of a split; empty ones stand for those of an earlier profile of this folder, or for the defaults.

    `tables` is where the network's tables are, or get (None: in the split's folder). `rounds` is how often either measurement of each
    contender is visited (None: so often that all takes a minute), `runs` the inferences of a visit.
    """

    units: tuple[str, ...] = ()
    grain_us: float | None = None
    quick: bool = False
    budget_s: int | None = None
    tables: Path | None = None
    rounds: int | None = None
    runs: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Contender:
    """A placement with what it was measured to take; `unit` is the only one that runs it, empty for several."""

    unit: str
    candidate: NetworkCandidate
    comparison: Comparison

    @property
    def plan(self) -> PlacementPlan:
        return self.candidate.plan

    @property
    def us(self) -> float:
        """The median latency."""
        return self.comparison.result.measured.median_us

    @property
    def is_right(self) -> bool:
        return self.comparison.result.is_right


@dataclass(frozen=True)
class Split:
    """A network divided over units, or left whole where that is faster.

    Attributes:
        alone: each unit that can run all of it.
        found: the placement of least predicted latency; one of `alone` where no division is predicted to gain.
        kept: what the plan and the bundle are: `found`, unless a unit alone was measured to be as fast, or it computes something else.
        out: the folder.
    """

    model: str
    device: str
    alone: tuple[Contender, ...]
    found: Contender
    kept: Contender
    out: Path
    tables: Path

    @property
    def best(self) -> Contender | None:
        """The fastest unit alone, as measured; None where no unit can run all of it, rightly."""
        return min((entry for entry in self.alone if entry.is_right), key=lambda entry: entry.us, default=None)

    @property
    def plan_file(self) -> Path:
        return self.out / f"{self.model}{PLAN_SUFFIX}"

    @property
    def bundle(self) -> Path:
        return self.out / BUNDLE

    def gain(self, contender: Contender) -> float | None:
        """Returns how many times as long as a contender the best unit alone takes, both measured."""
        return None if self.best is None else self.best.us / contender.us

    def to_document(self) -> dict[str, Any]:
        """Returns the JSON object that stands in ``split.json``, times in microseconds."""
        rejected = None if self.kept is self.found or self.found.unit else self._contender_document(self.found)
        return {
            "model": self.model,
            "device": self.device,
            "units": {entry.unit: round(entry.us, 3) for entry in self.alone if entry.is_right},
            "best_unit": self.best.unit if self.best is not None else None,
            **self._contender_document(self.kept),
            "proven": self.found.plan.is_proven,
            "rejected": rejected,
            "plan": str(self.plan_file),
            "bundle": str(self.bundle),
            "lut": str(self.tables),
        }

    def _contender_document(self, entry: Contender) -> dict[str, Any]:
        comparison, gain = entry.comparison, self.gain(entry)
        measured = comparison.result.measured
        return {
            "placement": entry.plan.placement_text,
            "predicted_us": round(comparison.prediction.total_us, 3),
            "measured_us": {"median": round(measured.median_us, 3), "p95": round(measured.p95_us, 3), "n": measured.n},
            "error_drift_corrected": round(comparison.error_drift_corrected, 5),
            "repeatability": round(comparison.repeatability, 5),
            "gain": None if gain is None else round(gain, 5),
            "output_error": comparison.result.output_error,
        }


def split_network(
    model: Path,
    out: Path,
    options: SplitOptions,
    device: str,
    opened: Callable[[str], AbstractContextManager[Target]],
    profiling: Callable[[Request], AbstractContextManager[PhaseProgress]],
    comparing: Callable[[int], AbstractContextManager[PhaseProgress]],
    *,
    notice: Notice,
) -> Split:
    """Divides a network over the units of a device.

    Args:
        out: the folder for plan, bundle and samples; what was profiled there is gone on with.
        device: its name; empty: that of the earlier profile, or the only one.
        opened: opens a device by its name.
        profiling: gives what follows the measurement of a request.
        comparing: gives what follows the run of so many placements.
        notice: receives notes and warnings, each a sentence.

    Raises:
        TableError: the tables' folder holds something else, or was measured otherwise.
        MissingEntryError: no placement can be made of what was measured.
        RunnerError: no placement computes what the network does.
        KeyboardInterrupt: Ctrl-C was pressed; what was profiled is kept.
    """
    network = read_network(model)
    tables = options.tables or out / TABLES
    name, grain_us = _profiled(model, tables, options, device, opened, profiling, notice)
    costs = Costs(load_tables(tables), source=str(tables))
    units = tuple(costs.meta.units)
    of = Splittable(network, name=model.stem, grain_us=grain_us)
    notice(f"Looking for the fastest placement of {counted(len(of.plain.blocks), 'block')} on {', '.join(units)}")
    placed = place_with_splits(of, costs, units, splits_of_tables(costs, of))
    candidates = _candidates(of, placed, costs, units)
    comparisons = _compared(candidates, costs, options, name, opened, comparing, journal=out / JOURNAL, tables=tables, notice=notice)
    contenders = [Contender(_only_unit(each.plan), each, comparison) for each, comparison in zip(candidates, comparisons, strict=True)]
    alone = tuple(entry for entry in contenders if entry.unit)
    # What was found is the last one, or one of the units alone.
    found = contenders[-1] if len(alone) < len(contenders) else next(each for each in alone if each.unit == units[placed.found.units[0]])
    split = Split(model.stem, name, alone, found, found, out, tables)
    split = replace(split, kept=kept_of(split))
    write_whole(split.plan_file, split.kept.plan.to_json())
    split.kept.candidate.write(split.bundle)
    write_whole(out / RESULT, json.dumps(split.to_document(), indent=1, allow_nan=False) + "\n")
    return split


def _profiled(
    model: Path,
    tables: Path,
    options: SplitOptions,
    device: str,
    opened: Callable[[str], AbstractContextManager[Target]],
    profiling: Callable[[Request], AbstractContextManager[PhaseProgress]],
    notice: Notice,
) -> tuple[str, float]:
    """Profiles what is missing; returns the device's name and the grain of the blocks.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    resume = (tables / PLAN_FILE).exists()
    earlier = kept_network(tables) if resume else None
    asked = ProfileOptions(
        models=(str(model),),
        units=options.units,
        quick=options.quick and not resume,
        budget_s=options.budget_s,
        resume=resume,
        grain_us=options.grain_us,
        # Those that were chosen stay: times of now would tell slightly other shares.
        splits=options.budget_s is None and not (earlier is not None and earlier.splits),
    )
    profiled = profile_into(tables, asked, device, opened, profiling, notice=notice)
    if not profiled.result.complete:
        raise KeyboardInterrupt(f"What was measured is kept in {tables}; give the same command again to go on.")
    network = profiled.request.network
    if network is None:
        raise AssertionError("a profile of a network has one")
    return profiled.device, network.grain_us


def _candidates(of: Splittable, placed: Placed, costs: Costs, units: tuple[str, ...]) -> list[NetworkCandidate]:
    """Returns the placements that are run: each unit alone, and the one that was found behind them, unless it is one of these."""
    found, blocks = placed.found, len(of.plain.blocks)
    alone = [Found((unit,) * blocks, us, found.alone_us, is_proven=False, judged=found.judged) for unit, us in found.alone_us.items()]
    entries = [Placed(of.plain, (), found if not placed.splits and each.units == found.units else each) for each in alone]
    if placed.splits or found not in [entry.found for entry in entries]:
        entries.append(placed)
    return [
        NetworkCandidate(_only_unit(plan) or of.name, entry.cut, plan)
        for entry in entries
        for plan in [plan_of(entry.cut, entry.found, units, costs, objective=Objective.LATENCY, grain_us=of.grain_us, splits=entry.splits)]
    ]


def _only_unit(plan: PlacementPlan) -> str:
    units = set(plan.block_units)
    return units.pop() if len(units) == 1 else ""


def _compared(
    candidates: Sequence[NetworkCandidate],
    costs: Costs,
    options: SplitOptions,
    device: str,
    opened: Callable[[str], AbstractContextManager[Target]],
    comparing: Callable[[int], AbstractContextManager[PhaseProgress]],
    *,
    journal: Path,
    tables: Path,
    notice: Notice,
) -> list[Comparison]:
    rounds = options.rounds or rounds_for(candidates, costs, options.runs)
    trial = Trial(rounds=rounds, runs=options.runs, seed=options.seed, may_be_traced=True)
    with writing(journal):
        journal.parent.mkdir(parents=True, exist_ok=True)
    with holding(journal), opened(device) as target, comparing(len(candidates)) as progress:
        target.prepare(notice)
        progress.expect(visits(len(candidates), trial))
        network = kept_network(tables)
        return compare(target, candidates, costs, trial, journal=journal, network_file=network, on_event=progress.note)


def kept_of(split: Split) -> Contender:
    """Returns the contender to keep: what was found, if it was measured to be faster than each unit alone; else the fastest of these.

    Raises:
        RunnerError: none computes what the network does.
    """
    best, found = split.best, split.found
    if best is None and not found.is_right:
        raise RunnerError(
            f"no placement of {split.model} computes what it does as a whole (off by {found.comparison.result.output_error:.1e} of the"
            " output's range); latencies of wrong results mean nothing"
        )
    if best is None:
        return found
    return found if found.is_right and found.us < best.us else best
