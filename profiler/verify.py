"""``python -m profiler.verify``: predicted against measured latency of one model, step by step and end to end."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_harness.options import DeviceOfTables, TraceFile, with_harness_options
from android_harness.protocol.phases import MOST_ROUNDS
from android_harness.targets.options import HarnessOptions
from collab.cli import FAILED, keeping, make_app, print_json, run_app
from collab.command_line.progress import sending_bar
from collab.console import result_console, tell
from collab.options import EXPERT, AnyModelName, AsJson, PlacementText, PlanFile, TablesFolder, option, share, whole
from profiler.options import FailAbove, RunsPerVisit, hot_sentence

if TYPE_CHECKING:
    from android_harness.targets.base import Target
    from profiler.compare import Comparison


@with_harness_options
def main(
    lut: TablesFolder,
    model: AnyModelName,
    device: DeviceOfTables = "",
    placement: PlacementText = "",
    plan: PlanFile = None,
    fail_above: FailAbove = "",
    json: AsJson = False,
    rounds: Annotated[int, whole(least=1, most=MOST_ROUNDS, panel=EXPERT, help="Visits of each of the two jobs.")] = 8,
    runs: RunsPerVisit = 10,
    journal: Annotated[
        Path | None,
        option(
            value="FILE",
            panel=EXPERT,
            help="Where the raw samples go, and what --json prints, as .json. Default: verify.jsonl beside the tables.",
        ),
    ] = None,
    trace: TraceFile = None,
    *,
    harness: HarnessOptions,
) -> None:
    """Hold a model's predicted latency against a measured one, step by step.

    The model is exported, and run with all its units at once.
    """
    from android_harness.bundles.recording import Recording
    from android_harness.bundles.result import require_right
    from android_harness.bundles.traces import measured_trace
    from android_harness.targets.find import closing, device_of, open_target
    from lut.meta import META_FILE
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from lut.traces.events import require_free, write_trace
    from profiler.candidates import named_candidate
    from profiler.compare import Trial
    from profiler.job_ids import TrialId, parse_job_id, timed_unit
    from profiler.progress import phase_bar
    from profiler.request import kept_network
    from profiler.trials import VERIFY_JOURNAL, comparison_document, result_of, verify_model

    limit = share("--fail-above", fail_above) if fail_above else None
    journal = journal or lut / VERIFY_JOURNAL
    if trace is not None:
        require_free(trace, taken=(journal, result_of(journal)))
    costs = Costs(load_tables(lut), source=str(lut))
    candidate = named_candidate(model, costs, placement=placement, plan=plan)

    def opened() -> AbstractContextManager[Target]:
        name = device_of(device, costs.meta.device, lut / META_FILE, cluster=harness.cluster)
        return closing(open_target(name, harness, sending=partial(sending_bar, quiet=json)))

    recording = Recording(lambda job: isinstance(parse_job_id(job), TrialId), timed_unit)
    with keeping("Nothing was measured yet; the tables are as they were."):
        comparison = verify_model(
            candidate,
            costs,
            Trial(rounds=rounds, runs=runs),
            opened,
            lambda: phase_bar(f"Running {model}", quiet=json),
            journal=journal,
            notice=tell,
            network_file=kept_network(lut),
            on_event=recording.add,
        )
    fails = limit is not None and abs(comparison.error_drift_corrected) > limit
    if json:
        print_json(comparison_document(comparison) | {"fails": fails})
    else:
        _print(comparison)
    # Behind the result, which a full disk must not take with it.
    if trace is not None:
        write_trace(trace, measured_trace(recording, comparison.prediction))
    require_right(comparison.result)
    if fails:
        tell(f"Failed: off by {100 * abs(comparison.error_drift_corrected):.1f} %, more than --fail-above {fail_above}")
        raise typer.Exit(FAILED)


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


app = make_app(
    main,
    examples=(
        "syncnas verify --lut luts/phone \\\n    --model syncnas_mobilenet_v2_100",
        "syncnas verify --lut luts/phone --model mobilenet_v2 \\\n    --device R5CT123ABCD --fail-above 5% --json",
        "syncnas verify --lut luts/face --model face_landmark.tflite \\\n    --plan face.plan.json",
    ),
)

if __name__ == "__main__":
    run_app(app)
