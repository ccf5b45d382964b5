"""Benchmark of exact splits: MobileNetV2 as an ordinary network on two CPU cores, placed with splits, against one core and two threads.

The zoo's model is written as one ``.tflite`` that says nothing of blocks, profiled, placed and run. All ways take turns, visit by visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from android_harness.bundles.result import output_error
from android_harness.device.units import resolve_units
from android_harness.protocol.journal import CollabDone, Event
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.base import Target
from android_harness.targets.execute import execute
from android_harness.targets.find import open_target
from benchmarks.results import FOLDER, keep, say
from collab import config as configs
from collab.placement import Placement
from collab.units import parse_unit
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from exporters.network_export import write_planned
from graph.plan_file import PlacementPlan, plan_for
from graph.reading import read_network
from graph.splitting.cutting import Splittable
from graph.splitting.rewriting import JOINED
from graph.splitting.split import Split
from lut.prediction.costs import Costs
from lut.tables import Tables
from profiler.execution import temporary_folder
from profiler.profiling import ProfileOptions, profile_into
from profiler.progress import phase_bar
from search.placing.objective import Judge, Objective
from search.placing.plans import plan_of
from search.placing.searching import Found
from search.placing.splits import Placed, place_with_splits, splits_of_tables

MODEL = "mobilenet_v2"
UNITS = ("cpu0", "cpu1")
SPECS = ("cpu:cores=0", "cpu:cores=1")
THREADS = "cpu:threads=2,cores=0-1"
GRAIN_US = 50.0
WITHIN = 1e-5
ROUNDS, RUNS = 30, 10
ONE, FOUND, HALVES, TWO = "one core", "splits found", "every stretch in halves", "two threads"


@dataclass(frozen=True)
class _Way:
    """A way to run the network, with what the replay says of it, if anything."""

    plan: PlacementPlan
    placed: Placed
    predicted_us: float | None


def run(*, quick: bool = True) -> None:
    """Profiles, places, exports and measures, and prints each way against one core and against two threads."""
    device = open_target("local")
    FOLDER.mkdir(exist_ok=True)
    with temporary_folder() as folder:
        model = _whole(folder)
        tables = _profiled(device, model, folder / "luts", quick=quick)
        ways = _ways(model, Costs(tables, source=str(folder)))
        visits, errors = _measured(device, ways, folder)
    figures = _figures(ways, visits, errors)
    for name, figure in figures.items():
        _say(name, figure)
    raw = {name: [visit.total_ns for visit in visits if visit.job == name] for name in ways}
    print("  raw:", keep("exact-splits", {"model": MODEL, "figures": figures, "total_ns": raw}))


def _whole(folder: Path) -> Path:
    """Writes the zoo's model as one file."""
    write_bundle(configs.load(MODEL), Placement(("cpu0",)), folder / "whole")
    path = folder / f"{MODEL}.tflite"
    path.write_bytes((folder / "whole/segments/cpu0.0.tflite").read_bytes())
    return path


def _profiled(device: Target, model: Path, out: Path, *, quick: bool) -> Tables:
    options = ProfileOptions(models=(str(model),), units=SPECS, quick=quick, grain_us=GRAIN_US, splits=True)
    done = profile_into(
        out,
        options,
        "local",
        lambda _: nullcontext(device),
        lambda request: phase_bar(f"Profiling {request.device}", quiet=True),
        notice=print,
    )
    return done.result.tables


def _ways(model: Path, costs: Costs) -> dict[str, _Way]:
    of = Splittable(read_network(model), name=MODEL, grain_us=GRAIN_US)
    measured = splits_of_tables(costs, of)
    placed = place_with_splits(of, costs, UNITS, measured)
    best = min(placed.found.alone_us, key=lambda unit: placed.found.alone_us[unit])
    alone = Found((best,) * len(of.plain.blocks), placed.found.alone_us[best], placed.found.alone_us, is_proven=False, judged=0)
    halves = [split for split in measured if len(set(split.groups)) == 1]
    made = of.cut(halves)
    units = tuple(best if arm == JOINED else (best + arm) % 2 for arm in made.arms)
    us = float(Judge(made.cut, costs, UNITS, objective=Objective.LATENCY).us([units])[0])
    found = {
        ONE: Placed(of.plain, (), alone),
        FOUND: placed,
        HALVES: Placed(made.cut, tuple(halves), Found(units, us, placed.found.alone_us, is_proven=False, judged=1)),
    }
    ways = {name: _Way(_plan(way, costs), way, way.found.us) for name, way in found.items()}
    # The whole on a unit of two threads, which the tables do not know.
    whole = plan_for(of.plain, ("cpu2",) * len(of.plain.blocks), {"cpu2": THREADS}, grain_us=GRAIN_US, predicted_us=0.0)
    return {**ways, TWO: _Way(whole, ways[ONE].placed, None)}


def _plan(placed: Placed, costs: Costs) -> PlacementPlan:
    return plan_of(placed.cut, placed.found, UNITS, costs, objective=Objective.LATENCY, grain_us=GRAIN_US, splits=placed.splits)


def _measured(device: Target, ways: Mapping[str, _Way], folder: Path) -> tuple[list[CollabDone], dict[str, float]]:
    jobs = []
    for number, (name, way) in enumerate(ways.items()):
        bundle = folder / f"bundle{number}"
        write_planned(way.placed.cut, way.plan, bundle)
        jobs.append(CollabJob(name, bundle / MANIFEST, warmup=3, runs=RUNS, settles=False, output=folder / f"out{number}.f32"))
    units = resolve_units([parse_unit(text) for text in (*SPECS, THREADS)], device.info)
    phase = Phase("exact-splits", units, tuple(jobs), Repeat(ROUNDS, ROUNDS), resident=True)
    events: list[Event] = []
    journal = folder / "exact-splits.jsonl"
    assert execute(device, phase, journal, events.append)
    errors = {job.id: output_error(job.manifest.parent, job.output).share for job in jobs if job.output is not None}
    return [event for event in events if isinstance(event, CollabDone)], errors


def _figures(ways: Mapping[str, _Way], visits: list[CollabDone], errors: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    by_round = {name: {visit.round: float(np.median(visit.total_ns)) / 1000 for visit in visits if visit.job == name} for name in ways}
    figures = {}
    for name, way in ways.items():
        own = by_round[name]
        figures[name] = {
            "n": len(own),
            "median_us": float(np.median(list(own.values()))),
            "predicted_us": way.predicted_us,
            "splits": [_said(split) for split in way.plan.splits],
            "output_error": errors[name],
            **{f"over {other}": _quartiles([own[at] / by_round[other][at] for at in own]) for other in (ONE, TWO)},
        }
    return figures


def _said(split: Split) -> str:
    return f"{split.opens}: {':'.join(map(str, split.groups))}"


def _quartiles(ratios: list[float]) -> list[float]:
    """Returns the lower quartile, the median and the upper quartile."""
    return [float(value) for value in np.percentile(ratios, [25, 50, 75])]


def _say(name: str, figure: Mapping[str, Any]) -> None:
    predicted = "" if figure["predicted_us"] is None else f", predicted {figure['predicted_us'] / 1000:.2f}"
    print(f"{name}: {figure['median_us'] / 1000:.2f} ms (n = {figure['n']}{predicted}), {len(figure['splits'])} splits")
    for other in (ONE, TWO):
        low, median, high = figure[f"over {other}"]
        say(f"  {name} / {other} (quartiles {low:.3f} to {high:.3f})", f"{median:.3f} x", "< 1 x", met=median < 1)
    error = figure["output_error"]
    say(f"  {name}: largest difference of outputs, of their range", f"{error:.1e}", f"<= {WITHIN:.0e}", met=error <= WITHIN)


if __name__ == "__main__":
    run()
