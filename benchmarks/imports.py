"""Benchmark of the time that the command takes to start."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.results import keep, say

LIMIT_S = 0.5
REPEATS = 11


def run() -> None:
    """Imports the profiler in fresh processes and prints the median and longest time."""
    seconds = [_seconds() for _ in range(REPEATS)]
    value = f"{median(seconds):.2f} s (max {max(seconds):.2f})"
    say(f"import profiler.run, process included (n = {REPEATS})", value, f"< {LIMIT_S} s", met=median(seconds) < LIMIT_S)
    print("  raw:", keep("imports", {"seconds": seconds}))


def _seconds() -> float:
    """Returns the time of one import, process included."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import profiler.run"], check=True)
    return time.perf_counter() - started
