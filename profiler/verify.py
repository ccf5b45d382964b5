"""``python -m profiler.verify``: predicted against measured latency of one model, step by step and end to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_harness.options import MOST_ROUNDS, MOST_RUNS, Aars, CpuMhz, DeviceName, GpuMhz, Root, StorageMb, harness_options
from collab.cli import make_app, print_json, run_app
from collab.console import result_console
from collab.errors import RunnerError
from collab.files import holding

if TYPE_CHECKING:
    from profiler.compare import Comparison


def main(
    lut: Annotated[Path, typer.Option(help="Folder of the tables.")],
    model: Annotated[str, typer.Option(help="A model of the zoo, or the path of a config.")],
    device: DeviceName = "",
    placement: Annotated[str, typer.Option(help="Which unit runs what, e.g. 0=cpu0,1=cpu1,stem=all,head=0.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=MOST_ROUNDS, help="Visits of each of the two jobs.")] = 8,
    runs: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Inferences per visit.")] = 10,
    journal: Annotated[Path | None, typer.Option(help="Where the raw samples go; default: verify.jsonl beside the tables.")] = None,
    aar: Aars = None,
    storage_mb: StorageMb = 1024,
    root: Root = False,
    cpu_mhz: CpuMhz = 0,
    gpu_mhz: GpuMhz = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Predict a model's latency, measure it with all units at once, and print both side by side."""
    from android_harness.targets.find import closing, device_of, open_target
    from collab.config import load as load_config
    from collab.placement import parse_placement
    from exporters.checking import MAX_ERROR
    from lut.meta import META_FILE
    from lut.prediction.costs import Costs
    from lut.tables import load
    from profiler.compare import Candidate, Trial, compare, visits
    from profiler.progress import phase_bar

    config = load_config(model)
    journal = journal or lut / "verify.jsonl"
    costs = Costs(load(lut), source=str(lut))
    candidate = Candidate(model, config, parse_placement(placement, branches=config.branches))
    trial = Trial(rounds=rounds, runs=runs)
    options = harness_options(aar=aar, storage_mb=storage_mb, root=root, cpu_mhz=cpu_mhz, gpu_mhz=gpu_mhz)
    with (
        holding(journal),
        closing(open_target(device_of(device, costs.meta.device, lut / META_FILE), options)) as target,
        phase_bar(f"Running {model}", quiet=json) as bar,
    ):
        bar.expect(visits(1, trial))
        [result] = compare(target, [candidate], costs, trial, journal=journal, on_event=bar.note)
    if json:
        print_json(comparison_document(result))
    else:
        _print(result)
    if result.output_error > MAX_ERROR or result.distinct_outputs != 1:
        raise RunnerError(
            f"the output is wrong: it differs from the reference by {result.output_error:.1e} of its range, and the runs gave"
            f" {result.distinct_outputs} different outputs; latencies of a wrong result mean nothing"
        )


def comparison_document(result: Comparison) -> dict[str, Any]:
    """The comparison as a JSON object: times in microseconds, errors as signed fractions of the measured median."""
    from android_harness.bundles.timeline import pair_steps

    measured = result.measured
    return {
        "model": result.prediction.model,
        "placement": result.prediction.placement.text,
        "predicted_us": round(result.prediction.total_us, 3),
        "measured_us": {
            "median": round(measured.median_us, 3),
            "p95": round(measured.p95_us, 3),
            "mad": round(measured.mad_us, 3),
            "n": measured.n,
        },
        "error": round(result.error, 5),
        "error_drift_corrected": round(result.error_drift_corrected, 5),
        "corrected_us": round(result.corrected_us, 3),
        "drift": {unit: round(drift, 5) for unit, drift in result.drift.items()},
        "sentinel_drift": {unit: round(drift, 5) for unit, drift in result.sentinel_drift.items()},
        "network_drift": {unit: round(drift, 5) for unit, drift in result.network_drift.items()},
        "repeatability": round(result.repeatability, 5),
        "output_error": result.output_error,
        "distinct_outputs": result.distinct_outputs,
        "paths": dict(result.paths),
        "steps": [step.to_document() for step in pair_steps(result.steps, result.prediction.steps)],
    }


def _print(result: Comparison) -> None:
    from android_harness.bundles.timeline import pair_steps, step_table

    measured = result.measured
    title = f"{result.prediction.model}  ({result.prediction.placement})"
    console = result_console()
    console.print(step_table(title, pair_steps(result.steps, result.prediction.steps)))
    console.print(f"Predicted: {result.prediction.total_us / 1e3:.3f} ms")
    console.print(
        f"Measured:  {measured.median_us / 1e3:.3f} ms median, {measured.p95_us / 1e3:.3f} ms p95, MAD {measured.mad_us / 1e3:.3f} ms"
        f" (n = {measured.n})"
    )
    drift = ", ".join(f"{unit} {100 * (slowness - 1):+.1f} %" for unit, slowness in result.drift.items())
    console.print(
        f"Error:     {100 * result.error:+.1f} %, {100 * result.error_drift_corrected:+.1f} % corrected for the drift since the tables were"
        f" measured ({drift})"
    )
    console.print(f"Repeatability: {100 * result.repeatability:.1f} % (the same bundle measured twice, interleaved)")
    console.print(f"Output: differs from the reference by {result.output_error:.1e} of its range, {result.distinct_outputs} distinct")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
