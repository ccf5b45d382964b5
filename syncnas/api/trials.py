"""Predictions held against measurements: of one model, or of random strategies for a certificate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.connection import Device, target_of
from syncnas.api.models import Model, config_of, load_model
from syncnas.api.prediction import label_of
from syncnas.api.progress import OnNote, OnProgress, Reporter, notice_of
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, costs_of, load_tables
from syncnas.api.values import Latency, latency_of, percent, require

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from android_harness.bundles.steps import PairedStep
    from profiler.progress import PhaseProgress
    from profiler.trials import Certified


@dataclass(frozen=True, repr=False)
class Verification:
    """One model, predicted and measured with all units at once. Its output was that of the reference.

    Attributes:
        model: its name, or path.
        placement: which unit runs what.
        predicted_us: the prediction in microseconds.
        measured: the measured latency.
        error: the prediction's error, as a signed fraction of the measured median.
        error_drift_corrected: likewise, with every unit as fast as it is now.
        corrected_us: the prediction with every unit as fast as it is now.
        drift: per unit, how many times as long as with the tables it takes now.
        repeatability: how far two measurements in turns were apart, as a fraction; no prediction can be tested more finely.
        output_error: largest difference of the output to the reference, as a fraction of its range.
        dropped_hot: visits that do not count because the device was hot.
        notes: sentences on what else the device did.
    """

    model: str
    placement: str
    predicted_us: float
    measured: Latency
    error: float
    error_drift_corrected: float
    corrected_us: float
    drift: Mapping[str, float]
    repeatability: float
    output_error: float
    dropped_hot: int
    notes: tuple[str, ...]
    _steps: tuple[PairedStep, ...] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per step, in microseconds: ``predicted_us`` beside ``measured_us``, begins, and ``error``."""
        return steps_frame(self._steps)

    def plot(self) -> go.Figure:
        """Draws two lines for each unit, what was predicted above what was measured."""
        title = f"{self.model} ({self.placement}): {self.predicted_us / 1e3:.3f} ms predicted, {self.measured.median_ms:.3f} ms measured"
        return steps_figure(title, self._steps)

    def __repr__(self) -> str:
        return f"Verification({self.model!r}, predicted_us={self.predicted_us:.1f}, measured_us={self.measured.median_us:.1f})"

    def _repr_html_(self) -> str:
        facts = {
            "predicted": f"{self.predicted_us / 1e3:.3f} ms",
            "measured": self.measured,
            "error": f"{percent(self.error)}, {percent(self.error_drift_corrected)} corrected for drift",
            "drift since the tables": ", ".join(f"{unit} {percent(slowness - 1)}" for unit, slowness in self.drift.items()),
            "repeatability": f"{100 * self.repeatability:.1f} %",
            "placement": self.placement,
        }
        return html.card(f"Verification of {self.model}", facts, steps_table(self._steps), notes=self.notes)


@dataclass(frozen=True, repr=False)
class Certification:
    """Errors of the predictions of some tables, against measurements of random strategies that the tables have not seen.

    Errors are fractions of the measured median. Without ``raw_`` in the name they are corrected for the drift since the tables.

    Attributes:
        n: strategies.
        median_error: the median of absolute errors.
        p95_error: their 95th percentile.
        within_10: the share of strategies whose error is at most 10 %.
        raw_median_error: the median without the correction.
        bias: the median of signed errors.
        bias_interval: where it lies with a probability of 95 %; None for too few strategies.
        repeatability: how far two measurements of one strategy were apart, the median.
        sentence: all of it in words.
        notes: sentences on what else the device did.
    """

    n: int
    median_error: float
    p95_error: float
    within_10: float
    raw_median_error: float
    bias: float
    bias_interval: tuple[float, float] | None
    repeatability: float
    sentence: str
    notes: tuple[str, ...]
    _certified: Certified = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per strategy: ``model``, ``placement``, predicted and measured microseconds, errors."""
        columns = [
            "model",
            "placement",
            "predicted_us",
            "corrected_us",
            "measured_us",
            "mad_us",
            "n",
            "error",
            "error_drift_corrected",
            "repeatability",
        ]
        return frame(self._certified.to_document()["strategies"], columns)

    def plot(self) -> go.Figure:
        """Draws each strategy's prediction, corrected for drift, against its measurement."""
        from syncnas.api.showing.plots import points

        found = [
            (c.result.measured.median_us / 1e3, c.corrected_us / 1e3, f"{c.prediction.model} ({c.prediction.placement})")
            for c in self._certified.comparisons
        ]
        ends = [min(x for x, _, _ in found), max(x for x, _, _ in found)]
        return points(
            f"{self.n} strategies: within {100 * self.median_error:.1f} % (median)",
            {"strategies": found},
            x="measured, ms",
            y="predicted, ms",
            line=[(end, end) for end in ends],
            line_name="as measured",
        )

    def __repr__(self) -> str:
        return f"Certification(n={self.n}, median_error={self.median_error:.4f}, bias={self.bias:+.4f})"

    def _repr_html_(self) -> str:
        interval = "unknown" if self.bias_interval is None else f"{percent(self.bias_interval[0])} to {percent(self.bias_interval[1])}"
        facts = {
            "strategies": self.n,
            "median error": f"{100 * self.median_error:.1f} % (raw {100 * self.raw_median_error:.1f} %)",
            "95th percentile": f"{100 * self.p95_error:.1f} %",
            "within 10 %": f"{100 * self.within_10:.0f} %",
            "bias": f"{percent(self.bias)}, interval {interval}",
            "repeatability": f"{100 * self.repeatability:.1f} %",
        }
        return html.card("Certificate", facts, notes=self.notes)


def verify(
    tables: Tables | Path | str,
    model: Model | Path | str,
    *,
    placement: str = "",
    device: Device | str = "",
    rounds: int = 8,
    runs: int = 10,
    journal: Path | str | None = None,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> Verification:
    """Predicts a model's latency and measures it with all units at once.

    Args:
        tables: of the device, or their folder.
        model: one that `load_model` takes.
        placement: which unit runs what; see `predict`.
        device: one that is open, or a name; empty: that of the tables, if it is this machine or connected.
        rounds: visits of either of two measurements.
        runs: inferences per visit.
        journal: the file for raw samples; None: ``verify.jsonl`` beside the tables.
        on_progress: takes the progress.
        on_note: takes notes and warnings; otherwise they go to the logger ``syncnas``.

    Raises:
        TableError: the tables are of another device or runtime, or were measured otherwise.
        MissingEntryError: they lack what the model needs.
        RunnerError: the model cannot be run, or its output is wrong.
        KeyboardInterrupt: Ctrl-C; nothing can be said yet.

    Examples:
        >>> model = syncnas.load_model("micro_v2").with_strategy("annnana")
        >>> verification = syncnas.verify("luts/local", model, rounds=2, runs=2)
        >>> verification.measured.visits
        4
    """
    from android_harness.bundles.result import require_right
    from android_harness.bundles.steps import pair_steps
    from android_harness.protocol.phases import MOST_ROUNDS, MOST_RUNS
    from collab.placement import parse_placement
    from lut.meta import META_FILE
    from profiler.candidates import ConfigCandidate
    from profiler.compare import Trial
    from profiler.trials import VERIFY_JOURNAL, verify_model

    require(1, MOST_ROUNDS, rounds=rounds)
    require(1, MOST_RUNS, runs=runs)
    tables, model = load_tables(tables), load_model(model)
    config = config_of(model)
    found = verify_model(
        ConfigCandidate(label_of(model), config, parse_placement(placement, branches=config.branches)),
        costs_of(tables),
        Trial(rounds=rounds, runs=runs),
        lambda: target_of(device, tables.device, tables.folder / META_FILE, on_note=on_note),
        lambda: _observed(f"running {label_of(model)}", on_progress),
        journal=tables.folder / VERIFY_JOURNAL if journal is None else Path(journal),
        notice=notice_of(on_note),
    )
    require_right(found.result)
    return Verification(
        model=found.prediction.model,
        placement=found.prediction.placement,
        predicted_us=found.prediction.total_us,
        measured=latency_of(found.result.measured),
        error=found.error,
        error_drift_corrected=found.error_drift_corrected,
        corrected_us=found.corrected_us,
        drift=dict(found.drift),
        repeatability=found.repeatability,
        output_error=found.result.output_error,
        dropped_hot=found.dropped_hot,
        notes=found.notes,
        _steps=tuple(pair_steps(found.result.steps, found.prediction.steps)),
    )


def certify(
    tables: Tables | Path | str,
    *,
    device: Device | str = "",
    strategies: int = 60,
    model: str | Path = "",
    rounds: int | None = None,
    runs: int = 3,
    seed: int = 0,
    journal: Path | str | None = None,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> Certification:
    """Runs random strategies on all units at once and holds them against their predictions; the tables in the folder then carry the result.

    Args:
        tables: of the device, or their folder. Tables that are loaded do not change; load them again to have the certificate in them.
        device: one that is open, or a name; empty: that of the tables, if it is this machine or connected.
        strategies: how many.
        model: the base model whose strategies to draw, by name or path; empty: those that the tables were made for.
        rounds: visits of either of two measurements of a strategy; None: 12, and more of short ones.
        runs: inferences per visit.
        seed: of the strategies and of the order of visits.
        journal: the file for raw samples; None: ``certify.jsonl`` beside the tables.
        on_progress: takes the progress.
        on_note: takes notes and warnings; otherwise they go to the logger ``syncnas``.

    Raises:
        TableError: the tables are of another device or runtime, or do not say for which model they were made.
        ConfigError: hardly any strategy gives each unit enough to do.
        RunnerError: a strategy cannot be run, or gives a wrong output.
        KeyboardInterrupt: Ctrl-C; nothing can be said yet.

    Examples:
        >>> certification = syncnas.certify("luts/local", strategies=2, rounds=2, runs=1)
        >>> certification.n
        2
    """
    from android_harness.protocol.phases import MAX_SEED, MOST_ROUNDS, MOST_RUNS
    from lut.meta import META_FILE
    from profiler.trials import CertificationOptions, certify_tables

    require(1, strategies=strategies)
    require(2, MOST_ROUNDS, rounds=rounds)
    require(1, MOST_RUNS, runs=runs)
    require(0, MAX_SEED, seed=seed)
    folder = load_tables(tables).folder
    done = certify_tables(
        folder,
        CertificationOptions(strategies, str(model), rounds, runs, seed),
        lambda rows: target_of(device, rows.meta.device, folder / META_FILE, on_note=on_note),
        lambda count: _observed(f"running {count} strategies", on_progress),
        journal=None if journal is None else Path(journal),
        notice=notice_of(on_note),
    )
    found = done.certificate
    return Certification(
        n=found.n,
        median_error=found.corrected.median_error,
        p95_error=found.corrected.p95_error,
        within_10=found.corrected.within_10,
        raw_median_error=found.raw.median_error,
        bias=found.bias.median,
        bias_interval=found.bias.interval,
        repeatability=found.repeatability,
        sentence=found.sentence,
        notes=done.comparisons[0].notes,
        _certified=done,
    )


@contextmanager
def _observed(what: str, on_progress: OnProgress | None) -> Iterator[PhaseProgress]:
    from profiler.progress import PhaseProgress

    yield PhaseProgress(Reporter(what, on_progress))


def steps_frame(steps: tuple[PairedStep, ...]) -> pd.DataFrame:
    """Returns a DataFrame of steps, measured and, where there are tables, predicted."""
    columns = ["unit", "segment", "step", "peer", "predicted_begin_us", "predicted_us", "measured_begin_us", "measured_us"]
    return frame([step.to_document() for step in steps], [*columns, "measured_mad_us", "error"])


def steps_figure(title: str, steps: tuple[PairedStep, ...]) -> go.Figure:
    """Draws steps as they were measured and, above them, as they were predicted."""
    from syncnas.api.showing.plots import Bar, timeline

    bars = []
    for unit in dict.fromkeys(step.measured.unit for step in steps):
        own = [step for step in steps if step.measured.unit == unit]
        for step in own:
            if step.predicted is not None:
                predicted = step.predicted
                bars.append(Bar(f"{unit} predicted", predicted.step, predicted.begin_us, predicted.duration_us, _hover(step)))
        bars += [
            Bar(f"{unit} measured", step.measured.step, step.measured.begin_us, step.measured.duration_us, _hover(step)) for step in own
        ]
    return timeline(title, bars)


def _hover(step: PairedStep) -> str:
    measured = step.measured
    return f"{measured.step} {measured.segment}{f', peer {measured.peer}' if measured.peer else ''}"


def steps_table(steps: tuple[PairedStep, ...]) -> str:
    """Returns steps as a table of HTML."""
    rows = [
        (
            step.measured.unit,
            step.measured.segment,
            step.measured.step,
            step.measured.peer,
            None if step.predicted is None else step.predicted.duration_us / 1e3,
            step.measured.duration_us / 1e3,
        )
        for step in steps
    ]
    return html.table(("unit", "segment", "step", "peer", "predicted ms", "measured ms"), rows)
