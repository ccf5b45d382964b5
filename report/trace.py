"""``python -m report.trace``: predicted and measured runs on a timeline that Perfetto shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from collab.cli import make_app, print_json, run_app
from collab.console import say, tell
from collab.options import EXPERT, AsJson, PlacementText, models, option, place
from collab.wording.commands import command_named
from lut.traces.events import CONDITION

if TYPE_CHECKING:
    from lut.prediction.model_latency import Prediction
    from lut.traces.events import Trace


def main(
    source: Annotated[Path, place("SOURCE", help="A profile's folder, or a journal of verify, certify or deploy.")],
    model: Annotated[
        str,
        option(value="MODEL", complete=models, help="The model to predict: of the zoo, or a config. Default: the one that was verified."),
    ] = "",
    placement: PlacementText = "",
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
    from android_harness.bundles.traces import check_choice
    from lut.traces.events import require_free, write_trace

    require_free(out)
    check_choice(run)
    trace = _trace(source, model=model, placement=placement, lut=lut, which=run, job=job)
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


def _trace(source: Path, *, model: str, placement: str, lut: Path | None, which: str, job: str) -> Trace:
    """Makes the trace of a prediction, of what a journal holds, or of both.

    Raises:
        ConfigError: there is neither, or they are not of the same model.
    """
    from android_harness.bundles.traces import measured_trace, same_segments
    from collab.errors import ConfigError
    from lut.traces.predicted import predicted_trace
    from report.traces.sources import VERIFY_JOURNAL, journal_of, read_recording, tables_of

    journal, tables = journal_of(source), lut or tables_of(source)
    if journal is None:
        if not model:
            raise ConfigError(
                f"{source} has no {VERIFY_JOURNAL}: measure with {command_named('verify')}, name a journal, or predict with --model"
            )
        return predicted_trace(_prediction(tables, model, placement))
    recording = read_recording(journal, job)
    prediction = _prediction(tables, model, placement) if model else _verified_prediction(journal, tables)
    if prediction is None or same_segments(recording, prediction):
        return measured_trace(recording, prediction, which=which)
    if not model:
        return measured_trace(recording, which=which)
    if source.is_file():
        raise ConfigError(f"{journal} has runs of another model or placement than {model}; give the --model and --placement that ran")
    tell(f"{journal} has runs of another model or placement; the trace is of the prediction alone")
    return predicted_trace(prediction)


def _verified_prediction(journal: Path, tables: Path | None) -> Prediction | None:
    """Predicts what verify has measured; None, with a note, where that model cannot be predicted any more."""
    from collab.errors import SyncNasError
    from report.traces.sources import verified_model

    verified = verified_model(journal)
    if verified is None or tables is None:
        return None
    try:
        return _prediction(tables, *verified)
    except (SyncNasError, OSError) as error:
        tell(f"Without a prediction: {error}")
        return None


def _prediction(lut: Path | None, model: str, placement: str) -> Prediction:
    from dataclasses import replace

    from collab.config import load as load_config
    from collab.errors import ConfigError
    from collab.placement import parse_placement
    from lut.prediction.costs import Costs
    from lut.prediction.model_latency import predict
    from lut.tables import load_tables

    if lut is None:
        raise ConfigError("there are no tables beside the journal to predict with; name their folder with --lut")
    config = load_config(model)
    return replace(
        predict(config, parse_placement(placement, branches=config.branches), Costs(load_tables(lut), source=str(lut))), model=model
    )


app = make_app(
    main,
    examples=(
        "syncnas trace luts/phone",
        "syncnas trace luts/phone --run all --out all.json",
        "syncnas trace luts/phone/certify.jsonl --job collab/7 \\\n    --out worst.json",
    ),
)

if __name__ == "__main__":
    run_app(app)
