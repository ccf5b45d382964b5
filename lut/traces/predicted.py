"""Predictions as processes of a trace."""

from __future__ import annotations

from lut.prediction.model_latency import Prediction
from lut.traces.events import NS_PER_US, Trace
from lut.traces.runs import TimedPart, TimedStep, UnitTracks


def predicted_trace(prediction: Prediction) -> Trace:
    """Returns a trace of a prediction alone."""
    trace = Trace(about_prediction(prediction))
    add_prediction(trace, prediction)
    return trace


def about_prediction(prediction: Prediction) -> dict[str, str | float]:
    """Returns what a trace says of a prediction in it."""
    return {"model": prediction.model, "placement": prediction.placement, "predicted_us": round(prediction.total_us, 3)}


def add_prediction(trace: Trace, prediction: Prediction, *, released_ns: int = 0) -> None:
    """Draws a prediction as a process of its own: one run, released at that moment, with the blocks of every segment."""
    process = trace.add_process(f"predicted: {prediction.total_us / 1e3:.3f} ms")
    whole = process.add_thread("whole run")
    whole.add_slice(prediction.model, released_ns, released_ns + _ns(prediction.total_us), category="whole")
    UnitTracks(trace, process, prediction.units).add_run(predicted_steps(prediction), released_ns=released_ns)


def predicted_steps(prediction: Prediction) -> tuple[TimedStep, ...]:
    """Returns the steps of a prediction with their parts, in whole nanoseconds."""
    return tuple(
        TimedStep(
            step.unit,
            step.segment,
            step.step,
            step.peer,
            _ns(step.begin_us),
            _ns(step.end_us),
            tuple(TimedPart(part.what, _ns(part.begin_us), _ns(part.end_us)) for part in step.parts if step.step == "run"),
        )
        for step in prediction.steps
    )


def _ns(us: float) -> int:
    # Every moment is rounded by itself, so what is in order and nests stays so.
    return round(us * NS_PER_US)
