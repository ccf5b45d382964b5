"""How much of a profile's time goes into samples; leaves tables that the search's benchmark uses."""

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
    """Profiles two base models: the full grid, and the coarse one."""
    for name, options in (("full", []), ("quick", ["--quick"])):
        said = measure(TABLES / name, options)
        ratio = said["wall_s"] / said["sampled_s"]
        say(f"profile ({name}): wall {said['wall_s']:.0f} s / samples and creation", f"{ratio:.3f} x", f"<= {RATIO} x", met=ratio <= RATIO)
        print("  raw:", keep(f"profile-{name}", said))


def measure(out: Path, options: list[str]) -> dict[str, float]:
    """Runs the profiler as a user does; gives what it says."""
    shutil.rmtree(out, ignore_errors=True)
    models = [part for model in MODELS for part in ("--model", model)]
    command = [sys.executable, "-m", "profiler.run", *models, "--out", str(out), "--json", *options]
    said: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return said
