"""Measured runs of a bundle as a process of a trace, beside the prediction where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from android_harness.bundles.recording import Look, RecordedRun, Recording
from collab.errors import ConfigError, JournalError
from collab.wording.options import option_named
from lut.traces.events import CONDITION, Process, Trace
from lut.traces.predicted import about_prediction, add_prediction
from lut.traces.runs import TimedStep, UnitTracks

if TYPE_CHECKING:
    from lut.prediction.model_latency import Prediction

MEDIAN: Final = "median"
ALL: Final = "all"
_KINDS: Final = frozenset({"wait", "write", "run", "read"})


def check_choice(which: str) -> None:
    """Checks that a text says which runs to show: ``median``, ``all`` or a number from 1 on.

    Raises:
        ConfigError: it does not.
    """
    if which not in (MEDIAN, ALL) and not (which.isascii() and which.isdecimal() and 0 < len(which) < 10 and int(which) > 0):
        raise ConfigError(f"{option_named('--run', which)}: which run to show is {MEDIAN}, {ALL} or a number from 1 on")


def measured_trace(recording: Recording, prediction: Prediction | None = None, *, which: str = MEDIAN, model: str = "") -> Trace:
    """Returns a trace of what was measured, and of its prediction where there is one.

    One run is shown from its release on, as its prediction is. All runs are shown where the device's clock had them; the prediction
    begins with the first.

    Args:
        recording: with one visit at least.
        which: as in `check_choice`. The median is the real run whose time is nearest to it: medians of steps need not fit together.
        model: the name, where no prediction says it.

    Raises:
        ConfigError: there is no such run.
        JournalError: steps of one run overlap, or are of no known kind.
    """
    check_choice(which)
    runs = recording.runs
    about = {**({"model": model} if model else {}), **(about_prediction(prediction) if prediction else {})}
    about |= {"run": which, "runs": len(runs), "measured_median_us": round(recording.median_us, 3)}
    trace = Trace({**about, **{f"{CONDITION}{name}": text for name, text in recording.conditions.items()}})
    if which == ALL:
        _add_all(trace, recording, runs, prediction)
    else:
        _add_one(trace, recording, _the_run(recording, runs, which), len(runs), which, prediction)
    return trace


def measured_steps_of(run: RecordedRun) -> tuple[TimedStep, ...]:
    """Returns the steps of one run.

    Raises:
        JournalError: steps of one unit overlap, or end after the run, or a step is of no known kind.
    """
    done = run.visit.done
    steps: list[TimedStep] = []
    ended_ns: dict[str, int] = {}
    for label, begins_ns, ends_ns in zip(done.steps, done.begin_ns, done.end_ns, strict=True):
        begin_ns, end_ns = begins_ns[run.index], ends_ns[run.index]
        if label.step not in _KINDS:
            raise JournalError(f"{done.job} has a step {label.step}; a run has wait, write, run and read")
        if begin_ns < ended_ns.get(label.unit, 0) or end_ns > run.total_ns:
            raise JournalError(f"{done.job}: steps of {label.unit} overlap, or last longer than their run; the journal is damaged")
        ended_ns[label.unit] = end_ns
        steps.append(TimedStep(label.unit, label.segment, label.step, label.peer, begin_ns, end_ns))
    return tuple(steps)


def same_segments(recording: Recording, prediction: Prediction) -> bool:
    """Tells whether what was measured is a bundle of the predicted model and placement, as far as units and segments tell it."""
    measured = {(label.unit, label.segment) for visit in recording.visits for label in visit.done.steps}
    return measured == {(step.unit, step.segment) for step in prediction.steps}


def _the_run(recording: Recording, runs: Sequence[RecordedRun], which: str) -> RecordedRun:
    if which == MEDIAN:
        return recording.median_run()
    if int(which) > len(runs):
        raise ConfigError(f"{option_named('--run', which)}: there are {len(runs)} runs; name one of them, or {MEDIAN} or {ALL}")
    return runs[int(which) - 1]


def _units(recording: Recording) -> list[str]:
    return list(dict.fromkeys(label.unit for visit in recording.visits for label in visit.done.steps))


def _add_one(trace: Trace, recording: Recording, run: RecordedRun, runs: int, which: str, prediction: Prediction | None) -> None:
    if prediction is not None:
        add_prediction(trace, prediction)
    near = ", nearest to the median" if which == MEDIAN else ""
    process = trace.add_process(f"measured: {run.total_ns / 1e6:.3f} ms (run {run.number} of {runs}{near})")
    whole = process.add_thread("whole run")
    whole.add_slice(f"run {run.number}", 0, run.total_ns, category="whole", values=_about_run(run))
    UnitTracks(trace, process, _units(recording)).add_run(measured_steps_of(run))
    for look in _latest(recording.looks, run.visit.end_ns).values():
        process.add_counter(look.name, look.unit, 0, look.value)
        # Once more at the end: a counter of one value has no length.
        process.add_counter(look.name, look.unit, run.total_ns, look.value)


def _add_all(trace: Trace, recording: Recording, runs: Sequence[RecordedRun], prediction: Prediction | None) -> None:
    """Draws all runs. A journal says when a visit ended and what each run took, so runs are laid one after another up to that end."""
    origin_ns = min(visit.begin_ns for visit in recording.visits)
    first_ns: int | None = None
    process = trace.add_process(f"measured: {recording.median_us / 1e3:.3f} ms median ({len(runs)} runs)")
    whole = process.add_thread("visits and runs")
    tracks = UnitTracks(trace, process, _units(recording))
    shown_ns = 0
    remaining = iter(runs)
    for number, visit in enumerate(recording.visits, start=1):
        took_ns = sum(visit.done.total_ns)
        begin_ns = max(shown_ns, visit.begin_ns - origin_ns)
        released_ns = max(begin_ns, visit.end_ns - origin_ns - took_ns)
        shown_ns = released_ns + took_ns
        whole.add_slice(f"visit {number}", begin_ns, shown_ns, category="whole", values={"job": visit.done.job, "round": visit.done.round})
        for _ in visit.done.total_ns:
            run = next(remaining)
            first_ns = released_ns if first_ns is None else first_ns
            whole.add_slice(f"run {run.number}", released_ns, released_ns + run.total_ns, category="whole", values=_about_run(run))
            tracks.add_run(measured_steps_of(run), released_ns=released_ns)
            released_ns += run.total_ns
    _add_counters(process, recording.looks, origin_ns, shown_ns)
    if prediction is not None:
        add_prediction(trace, prediction, released_ns=first_ns or 0)


def _add_counters(process: Process, looks: Iterable[Look], origin_ns: int, end_ns: int) -> None:
    for look in looks:
        at_ns = look.at_ns - origin_ns
        if 0 <= at_ns <= end_ns:
            process.add_counter(look.name, look.unit, at_ns, look.value)


def _latest(looks: Sequence[Look], at_ns: int) -> Mapping[str, Look]:
    """Returns for each value the last look up to a moment or, where there is none, the first after it."""
    found: dict[str, Look] = {}
    for look in looks:
        if look.name not in found or look.at_ns <= at_ns:
            found[look.name] = look
    return found


def _about_run(run: RecordedRun) -> dict[str, str | float]:
    return {"run": run.number, "ms": run.total_ns / 1e6, "job": run.visit.done.job, "round": run.visit.done.round}
