"""Benchmark of units that run side by side: end-to-end latency against the replay of the same steps, measured one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from android_harness.device.units import default_units, resolve_units
from android_harness.protocol.journal import CollabDone, Event
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.execute import execute
from android_harness.targets.find import open_target
from benchmarks.results import FOLDER, keep, say
from collab import config as configs
from collab.placement import parse_placement
from collab.schedule import Schedule, build_schedule
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from lut.prediction.program import Operation, pack
from lut.prediction.replay import NONE, replay
from lut.statistics import summarise
from profiler.execution import temporary_folder

RATIO = 1.1
ROUNDS, RUNS = 12, 20
MODELS = ("syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100")


def run() -> None:
    """Runs each bundle with its units side by side and one segment at a time, interleaved."""
    for model in MODELS:
        with temporary_folder() as folder:
            _run_model(model, folder)


def _run_model(model: str, folder: Path) -> None:
    """Runs one model's bundle in both modes and prints the ratio of the median latency to the replayed one."""
    config = configs.load(model)
    placement = parse_placement("", branches=config.branches)
    write_bundle(config, placement, folder / "b")
    device = open_target("local")
    jobs = tuple(CollabJob(mode, folder / "b" / MANIFEST, warmup=3, runs=RUNS, mode=mode) for mode in ("concurrent", "sequential"))
    units = resolve_units(default_units(device.info), device.info)
    phase = Phase("collab", units, jobs, Repeat(ROUNDS, ROUNDS), resident=True)
    events: list[Event] = []
    FOLDER.mkdir(exist_ok=True)
    assert execute(device, phase, FOLDER / "collab.jsonl", events.append)
    visits = [event for event in events if isinstance(event, CollabDone)]
    together = summarise(visit.total_ns for visit in visits if visit.job == "concurrent")
    replayed_us = _replay(build_schedule(config, placement), [visit for visit in visits if visit.job == "sequential"])
    ratio = together.median_us / replayed_us
    what = f"{model}: end to end / replay of its steps (n = {together.n})"
    say(what, f"{ratio:.3f} x", f"<= {RATIO} x", met=ratio <= RATIO)
    figures = {"model": model, "end_to_end_us": together.median_us, "mad_us": together.mad_us, "replayed_us": replayed_us, "n": together.n}
    print("  raw:", keep("collab", figures), FOLDER / "collab.jsonl")


def _replay(schedule: Schedule, visits: list[CollabDone]) -> float:
    """Replays the schedule with the median duration of each step when nothing else runs, and hand-overs of no time; in microseconds."""
    events = {segment.name: number for number, segment in enumerate(schedule.segments)}
    operations: dict[str, list[Operation]] = {unit: [] for unit in schedule.units}
    for index, label in enumerate(visits[0].steps):
        durations = [e - b for visit in visits for b, e in zip(visit.begin_ns[index], visit.end_ns[index], strict=True)]
        waits = label.step == "wait"
        work_us = 0.0 if waits else float(np.median(durations)) / 1000
        operations[label.unit].append(
            Operation(
                label.segment,
                label.step,
                label.peer,
                "",
                work_us,
                needs=events[label.peer] if waits else NONE,
                fires=events[label.segment] if label.step == "run" else NONE,
            )
        )
    return float(replay(pack([list(operations.values())])).total_us[0])
