"""Traces of predictions, of what a journal holds, or of both beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from android_harness.bundles.traces import check_choice, measured_trace, same_segments
from collab.config import load as load_config
from collab.errors import ConfigError, SyncNasError
from collab.model import ModelConfig
from collab.placement import parse_placement
from collab.wording.commands import command_named
from collab.wording.options import option_named
from graph.plan_file import read_plan
from graph.planned.network import read_planned
from lut.prediction.costs import Costs
from lut.prediction.model_latency import Prediction, predict
from lut.tables import load_tables
from lut.traces.events import Trace
from lut.traces.predicted import predicted_trace
from profiler.trials import VERIFY_JOURNAL
from report.traces.sources import journal_of, read_recording, tables_of, verified_model


@dataclass(frozen=True)
class Predicted:
    """A model to be predicted: its `name` in the trace, and its config; None for that of the name.

    With a `plan`, the name is the path of the plan's network; empty for the one beside the tables.
    """

    name: str
    config: ModelConfig | None = None
    placement: str = ""
    plan: Path | None = None


def make_trace(source: Path, wanted: Predicted | None, *, lut: Path | None, which: str, job: str, notice: Callable[[str], None]) -> Trace:
    """Makes the trace of a prediction, of what a journal holds, or of both.

    Args:
        source: a folder of tables or a journal.
        wanted: the model to predict; None: the one that was verified, if it can still be predicted.
        lut: folder of the tables to predict with; None: that of the source.
        which: ``median``, ``all`` or a run's number.
        job: whose runs, where a journal has those of several bundles.
        notice: takes a sentence on what is not in the trace.

    Raises:
        ConfigError: there is neither, or they are not of the same model.
        JournalError, TableError: what is read is damaged.
    """
    check_choice(which)
    journal, tables = journal_of(source), lut or tables_of(source)
    if journal is None:
        if wanted is None:
            raise ConfigError(
                f"{source} has no {VERIFY_JOURNAL}: measure with {command_named('verify')}, name a journal, or predict with"
                f" {option_named('--model')} or {option_named('--plan')}"
            )
        return predicted_trace(_prediction(tables, wanted))
    recording = read_recording(journal, job)
    prediction = _prediction(tables, wanted) if wanted is not None else _verified_prediction(journal, tables, notice)
    if prediction is None or same_segments(recording, prediction):
        return measured_trace(recording, prediction, which=which)
    if wanted is None:
        return measured_trace(recording, which=which)
    if source.is_file():
        raise ConfigError(
            f"{journal} has runs of another model or placement than {prediction.model}; give the {option_named('--model')} and"
            f" {option_named('--placement')}, or the {option_named('--plan')}, that ran"
        )
    notice(f"{journal} has runs of another model or placement; the trace is of the prediction alone")
    return predicted_trace(prediction)


def _verified_prediction(journal: Path, tables: Path | None, notice: Callable[[str], None]) -> Prediction | None:
    """Predicts what verify has measured; None, with a note, where that model cannot be predicted any more."""
    verified = verified_model(journal)
    if verified is None or tables is None:
        return None
    name, placement = verified
    try:
        return _prediction(tables, Predicted(name, placement=placement))
    except (SyncNasError, OSError) as error:
        notice(f"Without a prediction: {error}")
        return None


def _prediction(lut: Path | None, wanted: Predicted) -> Prediction:
    if lut is None:
        raise ConfigError(f"there are no tables beside the journal to predict with; name their folder with {option_named('--lut')}")
    costs = Costs(load_tables(lut), source=str(lut))
    if wanted.plan is not None:
        return _planned_prediction(wanted, wanted.plan, costs, lut)
    config = wanted.config or load_config(wanted.name)
    placement = parse_placement(wanted.placement, branches=config.branches)
    return replace(predict(config, placement, costs), model=wanted.name)


def _planned_prediction(wanted: Predicted, plan_file: Path, costs: Costs, lut: Path) -> Prediction:
    if wanted.placement or wanted.config is not None:
        raise ConfigError(
            f"{option_named('--plan')} says which unit runs what of a .tflite, {option_named('--placement')} of a config; give one of them"
        )
    return read_planned(read_plan(plan_file), model=Path(wanted.name) if wanted.name else None, tables=lut).predict(costs)
