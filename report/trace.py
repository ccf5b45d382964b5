"""``python -m report.trace``: predicted and measured runs on a timeline that Perfetto shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from collab.cli import make_app, print_json, run_app
from collab.console import say, tell
from collab.options import EXPERT, AsJson, PlacementText, models, option, place
from lut.traces.events import CONDITION

if TYPE_CHECKING:
    from lut.traces.events import Trace


def main(
    source: Annotated[Path, place("SOURCE", help="A profile's folder, or a journal of verify, certify or deploy.")],
    model: Annotated[
        str,
        option(
            value="MODEL",
            complete=models,
            help="The model to predict: of the zoo, a config, or a .tflite with --plan. Default: the one that was verified or profiled.",
        ),
    ] = "",
    placement: PlacementText = "",
    plan: Annotated[
        Path | None, option(value="FILE", help="Which unit runs which block of a .tflite: a plan that place has written, to predict.")
    ] = None,
    run: Annotated[
        str,
        option(value="RUN", complete=("median", "all"), help="Which run to show: median (the nearest to it), all, or a number from 1 on."),
    ] = "median",
    out: Annotated[Path, option("-o", "--out", value="FILE", help="The file to write.")] = Path("trace.json"),
    json: AsJson = False,
    lut: Annotated[
        Path | None, option(value="FOLDER", panel=EXPERT, help="Folder of the tables to predict with. Default: that of the source.")
    ] = None,
    job: Annotated[str, option(value="JOB", panel=EXPERT, help="Whose runs to show, where a journal has those of several bundles.")] = "",
) -> None:
    """Show predicted and measured runs on a timeline, in Perfetto.

    A trace is written: units are tracks, and hand-overs are arrows. Open it at ui.perfetto.dev or in chrome://tracing.
    """
    from lut.traces.events import require_free, write_trace
    from report.traces.making import Predicted, make_trace

    require_free(out)
    wanted = Predicted(model, placement=placement, plan=plan) if model or plan is not None else None
    trace = make_trace(source, wanted, lut=lut, which=run, job=job, notice=tell)
    write_trace(out, trace)
    if json:
        print_json(_document(out, trace))
        return
    if "predicted_us" in trace.about:
        say(f"Predicted: {float(trace.about['predicted_us'] or 0) / 1e3:.3f} ms")
    if "measured_median_us" in trace.about:
        median_ms = float(trace.about["measured_median_us"] or 0) / 1e3
        say(f"Measured:  {median_ms:.3f} ms median of {trace.about['runs']} runs; shown: {run}")
    say(f"Trace: {out} ({trace.events} events). Open it at https://ui.perfetto.dev (it stays on this computer) or in chrome://tracing")


def _document(out: Path, trace: Trace) -> dict[str, Any]:
    """Returns what was written as a JSON object: what the trace is of, and the conditions of a measured one by their names."""
    plain = {name: value for name, value in trace.about.items() if not name.startswith(CONDITION)}
    conditions = {name.removeprefix(CONDITION): value for name, value in trace.about.items() if name.startswith(CONDITION)}
    return {"trace": str(out), "events": trace.events, **plain, "conditions": conditions}


app = make_app(
    main,
    examples=(
        "syncnas trace luts/phone",
        "syncnas trace luts/phone --run all --out all.json",
        "syncnas trace luts/face --plan face.plan.json --out face.json",
        "syncnas trace luts/phone/certify.jsonl --job collab/7 \\\n    --out worst.json",
    ),
)

if __name__ == "__main__":
    run_app(app)
