"""Steps of a collaborative run, unit by unit: medians over all visits, beside a prediction where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from android_harness.protocol.journal import CollabDone
from lut.statistics import summarise

if TYPE_CHECKING:
    from rich.table import Table

    from lut.prediction.model_latency import Step


@dataclass(frozen=True)
class MeasuredStep:
    """Step with the medians of its begin and duration over visits, and the MAD of its duration; begins count from the units' release."""

    unit: str
    segment: str
    step: str
    peer: str
    begin_us: float
    duration_us: float
    duration_mad_us: float


@dataclass(frozen=True)
class PairedStep:
    """Step as measured and, where there are tables, as predicted."""

    measured: MeasuredStep
    predicted: Step | None

    @property
    def error(self) -> float | None:
        """Error of the prediction as a signed fraction of the measured duration; None without a prediction or for a step of no duration."""
        if self.predicted is None or self.measured.duration_us <= 0:
            return None
        return self.predicted.duration_us / self.measured.duration_us - 1

    def to_document(self) -> dict[str, Any]:
        """Returns the step as a JSON object, times in microseconds."""
        measured, predicted = self.measured, self.predicted
        return {
            "unit": measured.unit,
            "segment": measured.segment,
            "step": measured.step,
            "peer": measured.peer,
            "predicted_begin_us": round(predicted.begin_us, 3) if predicted else None,
            "predicted_us": round(predicted.duration_us, 3) if predicted else None,
            "measured_begin_us": round(measured.begin_us, 3),
            "measured_us": round(measured.duration_us, 3),
            "measured_mad_us": round(measured.duration_mad_us, 3),
            "error": round(self.error, 5) if self.error is not None else None,
        }


def measured_steps(visits: Sequence[CollabDone]) -> tuple[MeasuredStep, ...]:
    """Summarises the steps of one bundle over at least one visit: medians and MAD (`lut.statistics.Summary`)."""
    steps: list[MeasuredStep] = []
    for index, label in enumerate(visits[0].steps):
        durations = summarise(np.subtract(visit.end_ns[index], visit.begin_ns[index]).tolist() for visit in visits)
        begin_us = summarise(visit.begin_ns[index] for visit in visits).median_us
        steps.append(MeasuredStep(label.unit, label.segment, label.step, label.peer, begin_us, durations.median_us, durations.mad_us))
    return tuple(steps)


def pair_steps(measured: Sequence[MeasuredStep], predicted: Sequence[Step]) -> list[PairedStep]:
    """Pairs each measured step with the predicted one of the same unit, segment, kind and peer, or with None."""
    known = {(step.unit, step.segment, step.step, step.peer): step for step in predicted}
    return [PairedStep(step, known.get((step.unit, step.segment, step.step, step.peer))) for step in measured]


def step_table(title: str, steps: Sequence[PairedStep]) -> Table:
    """Makes a table for people; the predicted columns are left out where nothing is predicted."""
    from rich.table import Table

    with_prediction = any(step.predicted is not None for step in steps)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("unit", "segment", "step", "peer"):
        table.add_column(column)
    for column in ("predicted ms", "measured ms", "error") if with_prediction else ("begin ms", "measured ms"):
        table.add_column(column, justify="right")
    for step in steps:
        measured = step.measured
        texts = [measured.unit, measured.segment, measured.step, measured.peer]
        if with_prediction:
            error = f"{100 * step.error:+.1f} %" if step.error is not None and measured.step == "run" else ""
            texts += [f"{step.predicted.duration_us / 1e3:.3f}" if step.predicted else "-", f"{measured.duration_us / 1e3:.3f}", error]
        else:
            texts += [f"{measured.begin_us / 1e3:.3f}", f"{measured.duration_us / 1e3:.3f}"]
        table.add_row(*texts)
    return table
