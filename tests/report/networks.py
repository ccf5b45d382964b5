"""A network of others that was really profiled and placed, for tests of what is shown of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.graph.samples import forked_network
from tests.report.measured import run

UNITS = ("--unit", "cpu:cores=0", "--unit", "cpu:cores=1")


@dataclass(frozen=True)
class Profiled:
    """A network's file, the folder of its tables, and a plan with what `place` printed of it."""

    model: Path
    lut: Path
    plan: Path
    placed: dict[str, Any]


def profiled(folder: Path) -> Profiled:
    """Profiles a fork of two arms with two outputs, and places it for throughput, which puts some of it on either unit."""
    made = folder / "forked.tflite"
    made.write_bytes(forked_network())
    run("profiler.run", "--model", made, "--out", folder / "luts", *UNITS, "--grain", 1, "--quick")
    plan = folder / "forked.plan.json"
    given = ("--lut", folder / "luts", "--model", made, "--grain", 1, "--objective", "throughput", "--out", plan)
    return Profiled(made, folder / "luts", plan, json.loads(run("search.place", *given, "--json")))
