"""``python -m profiler.verify``: predicted against measured latency of one model, step by step and end to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import DeviceName, with_harness_options
from android_harness.protocol.phases import MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
from collab.files import holding, write_whole
from profiler.options import AsJson, RunsPerVisit, hot_sentence

if TYPE_CHECKING:
    from profiler.compare import Comparison


@with_harness_options
def main(
    lut: Annotated[Path, typer.Option(help="Folder of the tables.")],
    model: Annotated[str, typer.Option(help="A model of the zoo, or the path of a config.")],
    device: DeviceName = "",
    placement: Annotated[str, typer.Option(help="Which unit runs what, e.g. 0=cpu0,1=cpu1,stem=all,head=0.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=MOST_ROUNDS, help="Visits of each of the two jobs.")] = 8,
    runs: RunsPerVisit = 10,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Where the raw samples go, and beside them, as .json, what --json prints; default: verify.jsonl beside the tables."
        ),
    ] = None,
    *,
    harness: HarnessOptions,
    json: AsJson = False,
) -> None:
    """Hold a model's predicted latency against a measured one, step by step.

    The model is exported, and run with all its units at once.
    """
    from json import dumps

    from android_harness.bundles.result import require_right
    from android_harness.targets.find import closing, device_of, open_target
    from collab.config import load as load_config
    from collab.placement import parse_placement
    from lut.meta import META_FILE
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from profiler.compare import Candidate, Trial, compare, visits
    from profiler.progress import phase_bar

    config = load_config(model)
    journal = journal or lut / "verify.jsonl"
    costs = Costs(load_tables(lut), source=str(lut))
    candidate = Candidate(model, config, parse_placement(placement, branches=config.branches))
    trial = Trial(rounds=rounds, runs=runs)
    with (
        holding(journal),
        closing(open_target(device_of(device, costs.meta.device, lut / META_FILE, cluster=harness.cluster), harness)) as target,
        phase_bar(f"Running {model}", quiet=json) as bar,
    ):
        target.prepare(tell)
        bar.expect(visits(1, trial))
        [comparison] = compare(target, [candidate], costs, trial, journal=journal, on_event=bar.note)
    document = comparison_document(comparison)
    if comparison.result.is_right:
        write_whole(_beside(journal), dumps(document, indent=1, allow_nan=False) + "\n")
    if json:
        print_json(document)
    else:
        _print(comparison)
    require_right(comparison.result)


def _beside(journal: Path) -> Path:
    """Returns the path of the result: the journal's with ``.json`` in place of its ending, or behind it where it ends so itself."""
    return journal.with_name(f"{journal.name}.json") if journal.suffix == ".json" else journal.with_suffix(".json")


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as a JSON object: times in microseconds, errors as signed fractions of the measured median."""
    shared = comparison.result.to_document(comparison.prediction.steps)
    return {
        "model": comparison.prediction.model,
        "placement": comparison.prediction.placement.text,
        "predicted_us": round(comparison.prediction.total_us, 3),
        **shared,
        "error": round(comparison.error, 5),
        "error_drift_corrected": round(comparison.error_drift_corrected, 5),
        "corrected_us": round(comparison.corrected_us, 3),
        "drift": {unit: round(drift, 5) for unit, drift in comparison.drift.items()},
        "sentinel_drift": {unit: round(drift, 5) for unit, drift in comparison.sentinel_drift.items()},
        "network_drift": {unit: round(drift, 5) for unit, drift in comparison.network_drift.items()},
        "repeatability": round(comparison.repeatability, 5),
        "dropped_hot": comparison.dropped_hot,
        "notes": list(comparison.notes),
    }


def _print(comparison: Comparison) -> None:
    from android_harness.bundles.result import latency_line, output_line
    from android_harness.bundles.steps import pair_steps, step_table

    title = f"{comparison.prediction.model}  ({comparison.prediction.placement})"
    console = result_console()
    console.print(step_table(title, pair_steps(comparison.result.steps, comparison.prediction.steps)))
    console.print(f"Predicted: {comparison.prediction.total_us / 1e3:.3f} ms")
    console.print(latency_line(comparison.result))
    drift = ", ".join(f"{unit} {100 * (slowness - 1):+.1f} %" for unit, slowness in comparison.drift.items())
    console.print(
        f"Error:     {100 * comparison.error:+.1f} %, {100 * comparison.error_drift_corrected:+.1f} % corrected for the drift since the"
        f" tables were measured ({drift})"
    )
    console.print(f"Repeatability: {100 * comparison.repeatability:.1f} % (the same bundle measured twice, interleaved)")
    console.print(output_line(comparison.result))
    if comparison.dropped_hot:
        console.print(hot_sentence(comparison.dropped_hot))
    for sentence in comparison.notes:
        console.print(sentence)


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
