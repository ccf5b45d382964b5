"""``make headline``: the paper's claims in miniature, on this machine.

Profiles two CPU units, searches strategies of a scaled-down MobileNetV2 at the base's own latency and at half of it, trains the base
and the found models alike from scratch, with several seeds, and measures their latencies side by side. Finished parts are kept in
``benchmarks/results/headline`` and not done again; remove that folder to begin anew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.results import FOLDER, keep
from collab import config as configs
from collab.model import ModelConfig
from collab.placement import Placement, parse_placement

if TYPE_CHECKING:
    from search.problems.device import DeviceProblem

BASE = "micro_v2"
BUDGETS = ("1.0x", "0.5x")
HOME = FOLDER / "headline"
LUTS = HOME / "luts"
FOUND = HOME / "found"
_CLOSE = 0.02
_ATTEMPTS = 6
_TRAINED = HOME / "trained.jsonl"
_SAMPLED = HOME / "sampled.jsonl"


@dataclass(frozen=True)
class Effort:
    """Amount of training and searching. The defaults take 60 minutes on two cores."""

    data: str = "glyphs:train=8000,val=2000"
    evaluations: int = 40
    supernet_epochs: float = 6.0
    epochs: float = 4.0
    seeds: int = 3
    sampled: int = 40


@dataclass(frozen=True)
class Contender:
    """Model that is trained and measured."""

    label: str
    config: ModelConfig
    placement: Placement


def main() -> None:
    """Carries out the steps that are not finished yet, and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Effort()
    for name in ("data", "evaluations", "supernet_epochs", "epochs", "seeds", "sampled"):
        value = getattr(default, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    effort = Effort(**vars(parser.parse_args()))
    # Threads that wait by spinning stand still on a shared machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    begin = time.monotonic()
    HOME.mkdir(parents=True, exist_ok=True)
    _step("profile", _profile)
    _step("search", lambda: _search(effort))
    contenders = _step("hold to the budgets as measured", lambda: _with_narrowed(_contenders()))
    latencies = _step("measure", lambda: _measure(contenders))
    accuracies = _step("train", lambda: _train(contenders, effort))
    sampled = _step("sample strategies at random", lambda: _sample(effort))
    _report(contenders, latencies, accuracies, sampled, effort)
    print(f"Time of this run: {(time.monotonic() - begin) / 60:.1f} min")


def _step(what: str, compute: Callable[[], Any]) -> Any:
    """Computes a step's result and prints the time that it took."""
    begin = time.monotonic()
    print(f"== {what}", flush=True)
    result = compute()
    print(f"   {what}: {time.monotonic() - begin:.0f} s", flush=True)
    return result


def _profile() -> None:
    if not (LUTS / "meta.json").exists():
        _run("profiler.run", "--device", "local", "--model", BASE, "--out", str(LUTS))


def _search(effort: Effort) -> None:
    if all((FOUND / budget / "found.json").exists() for budget in BUDGETS):
        return
    resume = ["--resume"] if (FOUND / "shared").is_dir() else []
    what = ["--lut", str(LUTS), "--model", BASE, "--budget", ",".join(BUDGETS), "--out", str(FOUND)]
    how = ["--evaluator", "supernet", "--data", effort.data, "--epochs", str(effort.supernet_epochs), "--validation", "1000"]
    _run("search.run", *what, *how, "--evaluations", str(effort.evaluations), *resume)


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def _journal(budget: str) -> list[dict[str, Any]]:
    """Returns the evaluations of a budget's search, in their order."""
    lines = (FOUND / budget / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["event"] == "evaluated"]


def _contenders() -> list[Contender]:
    """Returns the base on its faster unit, and the most accurate found model for each budget."""
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from search.widths.budget import base_latency

    base = configs.load(BASE)
    costs = Costs(load_tables(LUTS), source=str(LUTS))
    contenders = [Contender("base", base, Placement((base_latency(base, list(costs.meta.units), costs).unit,)))]
    for budget in BUDGETS:
        best = max(_journal(budget), key=lambda entry: entry["accuracy"])
        placement = parse_placement(best["placement"], branches=2)
        contenders.append(Contender(f"found {budget}", configs.load(str(FOUND / budget / "found.json")), placement))
    return contenders


def _with_narrowed(contenders: list[Contender]) -> list[Contender]:
    """Returns the contenders, and the found strategies once more, narrowed until their measured latency is within their budget.

    Predictions of many short segments are too low on a machine whose cores disturb each other: the budget is then lowered by the same
    factor. The narrowed models are kept, as their training depends on them.
    """
    placed: list[Contender] = list(contenders)
    for contender, budget in zip(contenders[1:], BUDGETS, strict=True):
        kept = HOME / f"held-{budget}.json"
        if not kept.exists():
            kept.write_text(_narrowed(contenders[0], contender, budget).to_json(), encoding="utf-8")
        placed.append(Contender(f"held  {budget}", configs.load(str(kept)), contender.placement))
    return placed


def _narrowed(base: Contender, found: Contender, budget: str) -> ModelConfig:
    """Returns the widths that measured nearest below the budget, which is scaled by the overrun for each of at most `_ATTEMPTS`."""
    config, factor, best = found.config, 1.0, found.config
    target = float(budget.removesuffix("x"))
    nearest = 0.0
    for _ in range(_ATTEMPTS):
        base_us, own_us = (latency["median_us"] for latency in _measure([base, Contender("x", config, found.placement)]))
        print(f"   {found.label} x {factor:.3f}: measured {own_us / base_us:.3f} of the base", flush=True)
        used = own_us / (target * base_us)
        if nearest < used <= 1 + _CLOSE:
            nearest, best = used, config
        if abs(used - 1) <= _CLOSE:
            break
        factor /= used
        narrower = _problem(budget, placement=found.placement.text, factor=factor)
        config = narrower.candidate(narrower.space.leaf(config.strategy)).config or config
    document = {**best.document, "name": f"{found.config.name}_held"}
    return configs.from_document(document, origin=document["name"])


def _measure(contenders: list[Contender]) -> list[dict[str, float]]:
    """Measures all contenders in one phase with shuffled visits; returns the median and MAD of each (`profiler.compare`), and its
    prediction.
    """
    from android_harness.targets.find import open_target
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from profiler.candidates import ConfigCandidate
    from profiler.compare import Trial, compare

    costs = Costs(load_tables(LUTS), source=str(LUTS))
    candidates = [ConfigCandidate(c.label, c.config, c.placement) for c in contenders]
    comparisons = compare(open_target("local"), candidates, costs, Trial(rounds=40, runs=100), journal=HOME / "measured.jsonl")
    return [
        {
            "predicted_us": comparison.prediction.total_us,
            "median_us": comparison.result.measured.median_us,
            "mad_us": comparison.result.measured.mad_us,
            "n": comparison.result.measured.n,
            **{f"drift_{unit}": drift for unit, drift in comparison.drift.items()},
            "repeatability": comparison.repeatability,
            "output_error": comparison.result.output_error,
        }
        for comparison in comparisons
    ]


def _train(contenders: list[Contender], effort: Effort) -> dict[str, list[float]]:
    """Trains every contender with every seed and returns the accuracies; the seed is the outer loop, so that an interrupted run has trained
    all contenders equally often.
    """
    from search.data.open import open_for
    from search.training.recipe import Recipe
    from search.training.train import initial_network, train

    done = _kept_values(_TRAINED)
    for seed in range(effort.seeds):
        for contender in contenders:
            key = f"{contender.config.sha256}/{seed}/{effort.epochs}/{effort.data}"
            if key in done:
                continue
            data = open_for(contender.config, effort.data)
            network = initial_network(contender.config, seed=seed)
            done[key] = train(network, data, Recipe(epochs=effort.epochs), seed=seed)
            _keep_value(_TRAINED, key, done[key])
            print(f"   {contender.label}, seed {seed}: {done[key]:.4f}", flush=True)
    return {c.label: [done[f"{c.config.sha256}/{seed}/{effort.epochs}/{effort.data}"] for seed in range(effort.seeds)] for c in contenders}


def _sample(effort: Effort) -> dict[str, list[float]]:
    """Returns accuracies, by the same supernet, of strategies drawn uniformly for each budget, as a random search evaluates them."""
    from search.evaluators.base import Query
    from search.evaluators.supernet import SupernetEvaluator

    done = _kept_values(_SAMPLED)
    found: dict[str, list[float]] = {budget: [] for budget in BUDGETS}
    for budget in BUDGETS:
        problem = _problem(budget)
        evaluator = SupernetEvaluator(problem.base, 2, ((),), effort.data, validation=1000).in_folder(FOUND / "shared")
        leaves = problem.space.leaves(np.random.default_rng(1).permutation(problem.space.size)[: effort.sampled])
        for leaf in leaves[problem.feasible(leaves)].tolist():
            candidate = problem.candidate(tuple(leaf))
            key = f"{budget}/{candidate.strategy}"
            if key not in done:
                done[key] = evaluator.evaluate(Query(candidate.strategy, candidate.config, 0))
                _keep_value(_SAMPLED, key, done[key])
            found[budget].append(done[key])
    return found


def _problem(budget: str, *, placement: str = "best", factor: float = 1.0) -> DeviceProblem:
    """Returns the search problem of a budget whose limit is multiplied by `factor`."""
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from search.problems.device import DeviceProblem
    from search.problems.placements import placements_to_try
    from search.widths.budget import base_latency, parse_budgets

    base, costs = configs.load(BASE), Costs(load_tables(LUTS), source=str(LUTS))
    units = list(costs.meta.units)
    placements, in_tree = placements_to_try(placement, units, branches=2)
    limit_us = parse_budgets(budget)[0].resolve_us(base_latency(base, units, costs).us)
    return DeviceProblem(base, costs, placements, factor * limit_us, in_tree=in_tree)


def _kept_values(path: Path) -> dict[str, float]:
    """Reads the values that `_keep_value` has written, by key."""
    if not path.exists():
        return {}
    return {entry["key"]: entry["value"] for entry in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def _keep_value(path: Path, key: str, value: float) -> None:
    """Appends a value to a file, so that it is not computed again."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, "value": value}) + "\n")


def _report(
    contenders: list[Contender],
    latencies: list[dict[str, float]],
    accuracies: dict[str, list[float]],
    sampled: dict[str, list[float]],
    effort: Effort,
) -> None:
    """Prints mean and sample standard deviation of the accuracies, the median latencies, and the searches beside random strategies."""
    print(
        f"\n{BASE} on {effort.data}, each trained from scratch for {effort.epochs:g} epochs with {effort.seeds} seeds; latency measured\n"
    )
    columns = f"{'model':12} {'strategy':9} {'accuracy (mean, sd, each)':>42} {'latency':>10} {'of base':>8} {'budget':>7}"
    print(f"{columns} {'predicted':>10} {'MACs':>8}")
    base = np.array(accuracies["base"])
    for contender, latency in zip(contenders, latencies, strict=True):
        values = np.array(accuracies[contender.label])
        each = " ".join(f"{value:.4f}" for value in values)
        ratio = latency["median_us"] / latencies[0]["median_us"]
        print(
            f"{contender.label:12} {contender.config.strategy or '-':9} {values.mean():8.4f} {values.std(ddof=1):7.4f}  ({each})"
            f" {latency['median_us'] / 1e3:7.3f} ms {ratio:7.3f}x {contender.label[6:] or '-':>7}"
            f" {latency['predicted_us'] / 1e3:7.3f} ms {contender.config.macs / 1e6:6.2f} M"
        )
    for contender in contenders[1:]:
        gain = np.array(accuracies[contender.label]) - base
        print(f"{contender.label} - base: {100 * gain.mean():+.2f} points (by seed: {', '.join(f'{100 * g:+.2f}' for g in gain)})")
    for budget in BUDGETS:
        evaluated = [entry["accuracy"] for entry in _journal(budget)]
        random = np.array(sampled[budget])
        at = 1 + int(np.argmax(evaluated))
        print(
            f"search at {budget}: {len(evaluated)} evaluations of 1458, the best ({max(evaluated):.4f} by the supernet) at evaluation {at};"
            f" {len(random)} strategies at random: best {random.max():.4f}, median {np.median(random):.4f},"
            f" {np.mean(random < max(evaluated)):.0%} of them worse than the search's best"
        )
    raw = {"latencies": latencies, "accuracies": accuracies, "sampled": sampled, "searches": {b: _journal(b) for b in BUDGETS}}
    print("raw:", keep("headline", {**raw, "effort": vars(effort)}))


if __name__ == "__main__":
    main()
