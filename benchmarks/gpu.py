"""Benchmark of a GPU's latency in three ways, in turns: the runner's, LiteRT's own Python benchmark's, and wall time until the output is
read.

The model is an MBConv stage of four blocks. LiteRT's benchmark does not wait for the GPU, so its figure is the time to queue the work; the
runner's must agree with the wall time. It uses the Vulkan driver that the environment names, and is skipped where there is none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from android_harness.device.gpu_driver import DRIVER, NO_DRIVER, gpu_warning
from android_harness.protocol.journal import Event, JobFailed, TimeDone
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.targets.execute import execute
from android_harness.targets.find import open_target
from benchmarks.results import FOLDER, keep, say
from collab import config as configs
from collab.errors import RunnerError
from collab.units import parse_unit
from exporters.tflite_route import write_chain
from lut.statistics import Summary, summarise
from profiler.execution import temporary_folder

AGREES = 1.1
TURNS, WARMUP, RUNS = 8, 4, 10
UNIT, PRECISION = "gpu0", "fp32"
"""Given explicitly, as drivers differ in their default."""
_LIMIT_S = 120


def run() -> None:
    """Times the stage in turns and prints the differences of the three ways."""
    target = open_target("local")
    driver, note = target.info.conditions[DRIVER], gpu_warning(target.info.conditions)
    if driver == NO_DRIVER:
        print(f"gpu: skipped: {note}")
        return
    print(f"  gpu: {note or driver}")
    [stage] = [stage for stage in configs.load("mobilenet_v2").stages if stage.out_c == 64]
    published = []
    events: list[Event] = []
    clock: dict[str, list[int]] = {}
    with temporary_folder() as folder:
        model = folder / "stage.tflite"
        model.write_bytes(write_chain(stage.branches[0]))
        units = {UNIT: parse_unit(f"gpu:precision={PRECISION}")}
        jobs = (TimeJob("stage", UNIT, model, warmup=WARMUP, runs=RUNS),)
        FOLDER.mkdir(exist_ok=True)
        for turn in range(TURNS):
            if not execute(target, Phase(f"gpu-{turn}", units, jobs, Repeat(1, 1), seed=turn), FOLDER / "gpu.jsonl", events.append):
                raise RunnerError("the benchmark was stopped")
            published.append(_published(model, folder / "published.json"))
            for name, values in _clock(model).items():
                clock.setdefault(name, []).extend(values)
    _report(events, published, clock, driver)


def _published(model: Path, result: Path) -> dict[str, Any]:
    """Returns the latencies that LiteRT's benchmark reports, in milliseconds; it has no option for the precision."""
    options = ["--use_gpu", "--no_cpu", "--warmup_runs", str(WARMUP), "--num_runs", str(RUNS), "--result_json", str(result)]
    _python("ai_edge_litert.tools.benchmark_litert_model", "--model", str(model), *options)
    latency: dict[str, Any] = json.loads(result.read_text())["latency"]
    return latency


def _clock(model: Path) -> dict[str, list[int]]:
    """Returns the samples of `benchmarks.gpu_wall`, in nanoseconds."""
    output = _python("benchmarks.gpu_wall", str(model), str(WARMUP), str(RUNS), PRECISION)
    samples: dict[str, list[int]] = json.loads(output.splitlines()[-1])
    return samples


def _python(module: str, *arguments: str) -> str:
    """Runs a Python module and returns its standard output.

    Raises:
        RunnerError: it ends with another status than 0.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if done.returncode != 0:
        complaint = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise RunnerError(f"{module} ended with status {done.returncode} and said: {complaint}")
    return done.stdout


def _report(events: Sequence[Event], published: list[dict[str, Any]], clock: dict[str, list[int]], driver: str) -> None:
    failures = [event.reason for event in events if isinstance(event, JobFailed)]
    if failures:
        raise RunnerError(f"the GPU unit cannot run the stage: {failures[-1]}")
    visits = [event for event in events if isinstance(event, TimeDone)]
    runner = {name: [ns for visit in visits for ns in visit.samples[name]] for name in ("write", "run", "read", "total")}
    for who, parts in (("runner", runner), ("by the clock", clock)):
        print(f"  {who}: " + "; ".join(f"{name} {_text(summarise([values]))}" for name, values in parts.items()))
    mine_us, clock_us = summarise([runner["total"]]).median_us, summarise([clock["total"]]).median_us
    ratio, least_ratio = mine_us / clock_us, min(runner["total"]) / min(clock["total"])
    say("gpu: runner / clock until the output is read", f"{ratio:.3f} x", f"within {AGREES} x", met=1 / AGREES <= ratio <= AGREES)
    say("gpu: the same of the shortest of each", f"{least_ratio:.3f} x", f"within {AGREES} x", met=1 / AGREES <= least_ratio <= AGREES)
    medians_us = sorted(1000 * float(turn["median_ms"]) for turn in published)
    print(f"  LiteRT's own benchmark: medians of {len(medians_us)} x {RUNS} runs: {', '.join(f'{median:.0f}' for median in medians_us)} us")
    print(f"  by the clock / LiteRT's own benchmark: {clock_us / max(medians_us[len(medians_us) // 2], 1.0):.0f} x")
    print("  raw:", keep("gpu", {"driver": driver, "published_ms": published, "clock_ns": clock, "runner_ns": runner}))


def _text(part: Summary) -> str:
    """Returns median, median absolute deviation and number of samples as a text."""
    return f"{part.median_us:.0f} us (MAD {part.mad_us:.0f}, n = {part.n})"


if __name__ == "__main__":
    run()
