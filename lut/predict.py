"""``python -m lut.predict``: predicted latency of a model and the timeline it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from collab.cli import make_app, print_json, run_app
from collab.console import result_console, say
from collab.errors import ConfigError
from collab.options import AsJson, PlacementText, PlanFile, TablesFolder, flag, models, option

if TYPE_CHECKING:
    from lut.certificate import Certificate
    from lut.meta import Meta
    from lut.prediction.costs import Costs
    from lut.prediction.model_latency import Prediction, Step

_BAR_WIDTH = 24
"""Width of a timeline in a narrow terminal; a wider one gives it what is left over."""
_OTHER_COLUMNS = 56
_BLOCK_COLUMN = 26
"""The width by which the other columns grow when blocks are printed."""


def main(
    lut: TablesFolder,
    model: Annotated[
        str,
        option(
            value="MODEL",
            complete=models,
            help="A model of the zoo, the path of a config, or with --plan a .tflite; with it, the default is the one that was profiled.",
        ),
    ] = "",
    placement: PlacementText = "",
    plan: PlanFile = None,
    blocks: Annotated[bool, flag("--blocks", help="Also print every block of every run.")] = False,
    trace: Annotated[Path | None, option(value="FILE", help="Also write the timeline as a trace, for Perfetto, to this file.")] = None,
    json: AsJson = False,
) -> None:
    """Predict a model's latency and its timeline from tables.

    The model's schedule is replayed with measured costs.
    """
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from lut.traces.events import require_free, write_trace
    from lut.traces.predicted import predicted_trace

    if trace is not None:
        require_free(trace)
    costs = Costs(load_tables(lut), source=str(lut))
    prediction = _planned(plan, model, placement, lut, costs) if plan is not None else _predicted(model, placement, costs)
    if trace is not None:
        write_trace(trace, predicted_trace(prediction))
    if json:
        print_json({**prediction_document(prediction, costs.meta.certificate), **_imported_document(costs.meta)})
    else:
        _print(prediction, blocks=blocks)
        _print_imported(costs.meta)
        if not costs.meta.source:
            say(f"Certificate: {costs.certificate_sentence}")


def _predicted(model: str, placement: str, costs: Costs) -> Prediction:
    """Predicts a model of a config.

    Raises:
        ConfigError: no model is named, it is none, or the placement does not fit it.
        MissingEntryError: the tables lack what it needs.
    """
    from collab.config import load as load_config
    from collab.placement import parse_placement
    from lut.prediction.model_latency import predict

    if not model:
        raise ConfigError("name a model with --model, or the plan of a .tflite with --plan")
    config = load_config(model)
    return replace(predict(config, parse_placement(placement, branches=config.branches), costs), model=model)


def _planned(plan: Path, model: str, placement: str, lut: Path, costs: Costs) -> Prediction:
    """Predicts a network by a plan.

    Raises:
        ConfigError: there is a placement as well.
        NetworkError: the plan or its network cannot be read, or they do not belong together.
        MissingEntryError: the tables lack what it needs.
    """
    from graph.plan_file import read_plan
    from graph.planned.network import read_planned

    if placement:
        raise ConfigError("--plan says which unit runs what of a .tflite, --placement of a config; give one of them")
    return read_planned(read_plan(plan), model=Path(model) if model else None, tables=lut).predict(costs)


def prediction_document(prediction: Prediction, certificate: Certificate | None) -> dict[str, Any]:
    """Returns the prediction as a JSON object, times in microseconds."""
    return {
        "model": prediction.model,
        "placement": prediction.placement,
        "predicted_us": round(prediction.total_us, 3),
        "critical": {unit: round(share, 4) for unit, share in prediction.critical.items()},
        "certificate": certificate.to_document() if certificate is not None else None,
        "steps": [
            {
                "unit": step.unit,
                "segment": step.segment,
                "step": step.step,
                "peer": step.peer,
                "begin_us": round(step.begin_us, 3),
                "end_us": round(step.end_us, 3),
                "parts": [{"what": part.what, "begin_us": round(part.begin_us, 3), "end_us": round(part.end_us, 3)} for part in step.parts],
            }
            for step in prediction.steps
        ],
    }


def bar(begin_us: float, end_us: float, total_us: float, *, width: int, character: str = "█") -> str:
    """Returns the line of a timeline, `width` characters long, on which only what lasts from `begin_us` to `end_us` is drawn."""
    if end_us - begin_us < total_us * 1e-4:
        return ""
    first = min(int(begin_us / total_us * width), width - 1)
    last = max(first + 1, round(end_us / total_us * width))
    return " " * first + character * (last - first)


def _print(prediction: Prediction, *, blocks: bool) -> None:
    from rich.table import Table

    other = _OTHER_COLUMNS + (_BLOCK_COLUMN if blocks else 0)
    width = max(_BAR_WIDTH, min(result_console().width - other, 100))
    console = result_console(width=other + width, wraps=True)
    table = Table(title=f"{prediction.model}  ({prediction.placement})", title_justify="left", pad_edge=False, box=None)
    for column in ("unit", "segment", "step", "peer"):
        table.add_column(column, no_wrap=True)
    table.add_column("begin ms", justify="right", no_wrap=True)
    table.add_column("takes ms", justify="right", no_wrap=True)
    table.add_column("timeline", no_wrap=True, min_width=width)
    for step in prediction.steps:
        character = "░" if step.step == "wait" else "█"
        table.add_row(
            step.unit,
            step.segment,
            step.step,
            step.peer,
            f"{step.begin_us / 1e3:.3f}",
            f"{step.duration_us / 1e3:.3f}",
            bar(step.begin_us, step.end_us, prediction.total_us, width=width, character=character),
        )
        if blocks and step.step == "run":
            _add_parts(table, step)
    console.print(table)
    shares = ", ".join(f"{unit} {100 * share:.0f} %" for unit, share in prediction.critical.items())
    console.print(f"Predicted: {prediction.total_us / 1e3:.3f} ms; critical path: {shares}")


def _add_parts(table: Any, step: Step) -> None:
    for part in step.parts:
        if part.end_us > part.begin_us:
            table.add_row("", "", "", f"  {part.what}", f"{part.begin_us / 1e3:.3f}", f"{(part.end_us - part.begin_us) / 1e3:.3f}", "")


def _imported_document(meta: Meta) -> dict[str, Any]:
    return {"tables": {"source": meta.source, "lacks": list(meta.lacks)}} if meta.source else {}


def _print_imported(meta: Meta) -> None:
    """Prints which latencies a prediction from imported tables rests on, and which costs are not in its number."""
    if not meta.source:
        return
    import textwrap

    say(f"Rests on:  latencies of blocks{_handovers_text(meta)} imported from {meta.source}")
    say(textwrap.fill(f"Unknown:   {'; '.join(meta.lacks)}", width=120, subsequent_indent=" " * 11))


def _handovers_text(meta: Meta) -> str:
    from lut.tables import HANDOVERS

    return " and hand-overs" if HANDOVERS not in meta.lacks else ""


app = make_app(
    main,
    examples=(
        "syncnas predict --lut luts/phone --model mobilenet_v2",
        "syncnas predict --lut luts/phone --blocks \\\n    --model mobilenet_v2 --placement 0=gpu0",
        "syncnas predict --lut luts/face --plan face.plan.json",
    ),
)

if __name__ == "__main__":
    run_app(app)
