"""``python -m profiler.certify``: the error of predictions from some tables, on strategies that the tables have never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import DeviceName, with_harness_options
from android_harness.protocol.phases import MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
from collab.errors import RunnerError, TableError
from collab.files import existing_folder_lock, write_whole
from profiler.options import AsJson, RunsPerVisit, hot_sentence

if TYPE_CHECKING:
    from lut.certificate import Certificate
    from lut.prediction.costs import Costs
    from lut.tables import Tables
    from profiler.attribution import Term
    from profiler.compare import Candidate, Comparison

_WORST = 5
_NAMES = {
    "corrected": "replay, drift-corrected",
    "raw": "replay, raw",
    "isolated_sum": "sum of isolated blocks",
    "macs": "MACs-proportional",
}


@with_harness_options
def main(
    lut: Annotated[Path, typer.Option(help="Folder of the tables; the certificate goes into its meta.json.")],
    device: DeviceName = "",
    strategies: Annotated[int, typer.Option("-n", "--strategies", min=1, help="How many random strategies to measure.")] = 60,
    model: Annotated[str, typer.Option(help="Whose strategies: of the zoo, or a config. Default: what the tables were made for.")] = "",
    rounds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=MOST_ROUNDS,
            help="Visits of each of the two measurements of a strategy. Default: 12, and more of short ones, for a minute in all.",
        ),
    ] = None,
    runs: RunsPerVisit = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the strategies and of the order of visits.")] = 0,
    journal: Annotated[Path | None, typer.Option(help="Where the raw samples go; default: certify.jsonl beside the tables.")] = None,
    *,
    harness: HarnessOptions,
    json: AsJson = False,
) -> None:
    """Find out how far the predictions from some tables hold.

    Random strategies run on all units at once and are held against their predictions; the tables then carry the result.
    """
    from json import dumps

    from android_harness.targets.find import closing, device_of, open_target
    from lut.certificate import CERTIFICATE_FILE
    from lut.meta import META_FILE, check_belongs
    from lut.prediction.costs import Costs
    from lut.tables import load_tables, save
    from profiler.attribution import attribute
    from profiler.certification import bias_line, certify, rounds_for
    from profiler.compare import Trial, compare, visits
    from profiler.progress import phase_bar
    from profiler.trends import trends

    with existing_folder_lock(lut):
        tables = load_tables(lut)
        costs = Costs(tables, source=str(lut))
        with closing(open_target(device_of(device, tables.meta.device, lut / META_FILE, cluster=harness.cluster), harness)) as target:
            target.prepare(tell)
            check_belongs(tables.meta, fingerprint=target.info.fingerprint, runtime=target.runtime)
            candidates = _candidates(tables, costs, model, strategies, seed)
            trial = Trial(rounds=rounds or rounds_for(candidates, costs, runs), runs=runs, seed=seed)
            with phase_bar(f"Running {len(candidates)} strategies", quiet=json) as bar:
                bar.expect(visits(len(candidates), trial))
                comparisons = compare(target, candidates, costs, trial, journal=journal or lut / "certify.jsonl", on_event=bar.note)
        _check_outputs(comparisons)
        certificate = certify(tables, candidates, comparisons)
        terms, lines = attribute(candidates, comparisons, costs), trends(candidates, comparisons)
        save(replace(tables, meta=replace(tables.meta, certificate=certificate)), lut)
        document = {
            **certificate.to_document(),
            "terms": {term.name: term.to_document() for term in terms},
            "trends": {line.name: line.to_document() for line in lines},
            "dropped_hot": comparisons[0].dropped_hot,
            "notes": list(comparisons[0].notes),
            "strategies": [_strategy_document(number, comparison, terms) for number, comparison in enumerate(comparisons)],
        }
        write_whole(lut / CERTIFICATE_FILE, dumps(document, indent=1) + "\n")
    if json:
        print_json(document)
    else:
        _print(certificate, comparisons, bias_line(certificate.bias, terms, lines), lut)


def _candidates(tables: Tables, costs: Costs, model: str, count: int, seed: int) -> list[Candidate]:
    from collab.config import load as load_config
    from profiler.heldout import draw_candidates

    names = [model] if model else list(tables.meta.models)
    if not names:
        raise TableError("the tables were made for single blocks, not for a model; say whose strategies to run with --model")
    shares = [count // len(names) + (number < count % len(names)) for number in range(len(names))]
    candidates: list[Candidate] = []
    for number, (name, share) in enumerate(zip(names, shares, strict=True)):
        base = load_config(name)
        if base.is_collaborative:
            raise TableError(f"{name} is one strategy already; certify the base model that it comes from with --model")
        if share:
            candidates += draw_candidates(base, costs, list(tables.meta.units), share, seed=seed + number)
    return candidates


def _check_outputs(comparisons: Sequence[Comparison]) -> None:
    wrong = [comparison for comparison in comparisons if not comparison.result.is_right]
    if wrong:
        raise RunnerError(
            f"{len(wrong)} of {len(comparisons)} strategies gave wrong outputs, the first {wrong[0].prediction.model} (off by"
            f" {wrong[0].result.output_error:.1e} of its range); latencies of wrong results mean nothing, so there is no certificate"
        )


def _strategy_document(number: int, comparison: Comparison, terms: Sequence[Term]) -> Mapping[str, Any]:
    return {
        "model": comparison.prediction.model,
        "placement": comparison.prediction.placement.text,
        "predicted_us": round(comparison.prediction.total_us, 3),
        "corrected_us": round(comparison.corrected_us, 3),
        "measured_us": round(comparison.result.measured.median_us, 3),
        "mad_us": round(comparison.result.measured.mad_us, 3),
        "n": comparison.result.measured.n,
        "error": round(comparison.error, 5),
        "error_drift_corrected": round(comparison.error_drift_corrected, 5),
        "repeatability": round(comparison.repeatability, 5),
        "critical": {unit: round(share, 4) for unit, share in comparison.prediction.critical.items()},
        "terms": {term.name: round(term.by_strategy[number], 5) for term in terms},
    }


def _print(certificate: Certificate, comparisons: Sequence[Comparison], bias: str, lut: Path) -> None:
    from rich.table import Table

    from lut.certificate import CERTIFICATE_FILE

    console = result_console()
    table = Table(title=f"{certificate.n} strategies that the tables had not seen", title_justify="left", box=None, pad_edge=False)
    table.add_column("prediction")
    for column in ("median error", "p95 error", "within 5 %", "within 10 %"):
        table.add_column(column, justify="right")
    rows = {"corrected": certificate.corrected, "raw": certificate.raw, **certificate.baselines}
    for name, found in rows.items():
        shares = [f"{100 * value:.1f} %" for value in (found.median_error, found.p95_error)]
        shares += [f"{100 * value:.0f} %" for value in (found.within_5, found.within_10)]
        table.add_row(_NAMES[name], *shares)
    console.print(table)
    drift = ", ".join(f"{unit} {100 * (slowness - 1):+.1f} %" for unit, slowness in certificate.drift.items())
    spread = f"{100 * certificate.repeatability:.1f} % median, {100 * certificate.repeatability_p95:.1f} % p95"
    console.print(f"Repeatability: {spread} (each strategy twice, interleaved)")
    console.print(f"Drift since the tables: {drift}")
    console.print(bias)
    for comparison in sorted(comparisons, key=lambda comparison: -abs(comparison.error_drift_corrected))[:_WORST]:
        console.print(
            f"  {100 * comparison.error_drift_corrected:+6.1f} %  {comparison.prediction.model} ({comparison.prediction.placement}):"
            f" {comparison.result.measured.median_us / 1e3:.3f} ms, predicted {comparison.corrected_us / 1e3:.3f}"
        )
    if comparisons[0].dropped_hot:
        console.print(hot_sentence(comparisons[0].dropped_hot))
    for sentence in comparisons[0].notes:
        console.print(sentence)
    console.print(f"The certificate is in {lut}/meta.json, every strategy in {lut}/{CERTIFICATE_FILE}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
