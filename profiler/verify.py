"""``python -m profiler.verify``: predicted against measured latency of one model, step by step and end to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_harness.options import DeviceName, with_harness_options
from android_harness.protocol.phases import MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, tell
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
    from android_harness.bundles.result import require_right
    from android_harness.targets.find import closing, device_of, open_target
    from collab.config import load as load_config
    from collab.placement import parse_placement
    from lut.meta import META_FILE
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from profiler.compare import Candidate, Trial
    from profiler.progress import phase_bar
    from profiler.trials import comparison_document, verify_model

    config = load_config(model)
    costs = Costs(load_tables(lut), source=str(lut))
    comparison = verify_model(
        Candidate(model, config, parse_placement(placement, branches=config.branches)),
        costs,
        Trial(rounds=rounds, runs=runs),
        lambda: closing(open_target(device_of(device, costs.meta.device, lut / META_FILE, cluster=harness.cluster), harness)),
        lambda: phase_bar(f"Running {model}", quiet=json),
        journal=journal or lut / "verify.jsonl",
        notice=tell,
    )
    if json:
        print_json(comparison_document(comparison))
    else:
        _print(comparison)
    require_right(comparison.result)


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
