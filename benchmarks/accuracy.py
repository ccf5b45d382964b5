"""Prediction against measurement on two CPU units: the found models and random strategies, at 224 x 224."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from android_harness.find import open_target
from benchmarks import tables
from benchmarks.results import FOLDER, keep, say
from collab import config as configs
from collab.placement import parse_placement
from collab.variants import random_collaborative
from lut.costs import Costs
from lut.tables import load
from profiler.compare import Candidate, Comparison, Trial, compare
from profiler.verify import comparison_document

TARGET = 0.10
RANDOM = 20
FOUND = ("syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100")


def run() -> None:
    """Compares with the full tables, and with the coarse ones."""
    for name in ("full", "quick"):
        check(tables.TABLES / name, name)


def check(folder: Path, name: str, *, seed: int = 1) -> None:
    """Compares with these tables."""
    generator = np.random.default_rng(seed)
    base = configs.load("mobilenet_v2")
    models = [*(configs.load(found) for found in FOUND), *(random_collaborative(base, generator) for _ in range(RANDOM))]
    placement = parse_placement("", branches=2)
    costs = Costs(load(folder), source=str(folder))
    results = compare(
        open_target("local"),
        [Candidate(model.name, model, placement) for model in models],
        costs,
        Trial(rounds=8, runs=8, seed=seed),
        journal=FOLDER / f"accuracy-{name}.jsonl",
    )
    _report(results, name)


def _report(results: list[Comparison], name: str) -> None:
    for result in results:
        print(
            f"  {result.prediction.model:42} predicted {result.prediction.total_us / 1e3:7.3f} ms"
            f"  measured {result.measured.median_us / 1e3:7.3f} ms"
            f"  error {100 * result.error:+6.1f} %  corrected {100 * result.error_drift_corrected:+6.1f} %"
            f"  repeatability {100 * result.repeatability:4.1f} %"
        )
    raw, corrected, repeatability = (
        np.array([abs(getattr(result, field)) for result in results]) for field in ("error", "error_drift_corrected", "repeatability")
    )
    for what, errors in (("raw", raw), ("drift-corrected", corrected)):
        value = f"{100 * np.median(errors):.1f} % (p95 {100 * np.percentile(errors, 95):.1f})"
        met = bool(np.median(errors) <= TARGET)
        say(f"accuracy ({name}), median |error| {what} (n = {len(results)})", value, f"<= {100 * TARGET:.0f} %", met=met)
    print(f"  repeatability: median {100 * np.median(repeatability):.1f} %, p95 {100 * np.percentile(repeatability, 95):.1f} %")
    print("  raw:", keep(f"accuracy-{name}", {"results": [comparison_document(result) for result in results]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    check(arguments.tables, arguments.tables.name, seed=arguments.seed)
