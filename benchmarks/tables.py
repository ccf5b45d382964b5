"""Benchmark of the share of a profile's time that goes into samples; it leaves tables for the benchmark of the search."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.results import FOLDER, keep, say

RATIO = 1.2
TABLES = FOLDER / "luts"
MODELS = ("mobilenet_v2", "mnasnet_b1")


def run() -> None:
    """Profiles two base models with the full grid and with the coarse one."""
    for name, options in (("full", []), ("quick", ["--quick"])):
        figures = measure(TABLES / name, options)
        ratio = figures["wall_s"] / figures["sampled_s"]
        what = f"profile ({name}): wall {figures['wall_s']:.0f} s / samples and creation"
        say(what, f"{ratio:.3f} x", f"<= {RATIO} x", met=ratio <= RATIO)
        print("  raw:", keep(f"profile-{name}", figures))


def measure(out: Path, options: list[str]) -> dict[str, float]:
    """Runs the profiler's command and returns the figures that it prints."""
    shutil.rmtree(out, ignore_errors=True)
    models = [part for model in MODELS for part in ("--model", model)]
    command = [sys.executable, "-m", "profiler.run", *models, "--out", str(out), "--json", *options]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return figures
