"""Predicted latencies with their timelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.models import Model, config_of, load_model
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, costs_of, load_tables

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from lut.prediction.model_latency import Prediction as Replayed


@dataclass(frozen=True, repr=False)
class Prediction:
    """The predicted latency of one inference, from the release of all units until the output is read, and how it comes about.

    Attributes:
        model: its name, or path.
        placement: which unit runs what.
        total_us: the latency in microseconds.
        critical: the fraction of the critical path that each unit carries.
        certificate: a sentence on how far predictions from these tables hold.
    """

    model: str
    placement: str
    total_us: float
    critical: Mapping[str, float]
    certificate: str
    _replayed: Replayed = field(repr=False)

    @property
    def total_ms(self) -> float:
        """The latency in milliseconds."""
        return self.total_us / 1e3

    def frame(self, *, parts: bool = False) -> pd.DataFrame:
        """Returns a DataFrame with a row per step: ``unit``, ``segment``, ``step``, ``peer``, ``begin_us``, ``end_us``, ``duration_us``.

        Args:
            parts: a row per part of a step instead, such as a block, whose name is in the column ``part``.
        """
        columns = ["unit", "segment", "step", "peer"]
        if not parts:
            steps = [(s.unit, s.segment, s.step, s.peer, s.begin_us, s.end_us, s.duration_us) for s in self._replayed.steps]
            return frame(steps, [*columns, "begin_us", "end_us", "duration_us"])
        rows = [
            (s.unit, s.segment, s.step, s.peer, part.what, part.begin_us, part.end_us, part.end_us - part.begin_us)
            for s in self._replayed.steps
            for part in s.parts
        ]
        return frame(rows, [*columns, "part", "begin_us", "end_us", "duration_us"])

    def plot(self) -> go.Figure:
        """Draws the timeline: a line for each unit, a bar for each step."""
        from syncnas.api.showing.plots import Bar, timeline

        bars = [
            Bar(s.unit, s.step, s.begin_us, s.duration_us, f"{s.step} {s.segment}{f', peer {s.peer}' if s.peer else ''}")
            for s in self._replayed.steps
        ]
        return timeline(f"{self.model} ({self.placement}): {self.total_ms:.3f} ms predicted", bars)

    def __repr__(self) -> str:
        return f"Prediction({self.model!r}, {self.placement!r}, total_ms={self.total_ms:.3f})"

    def _repr_html_(self) -> str:
        shares = ", ".join(f"{unit} {100 * share:.0f} %" for unit, share in self.critical.items())
        facts = {
            "predicted": f"{self.total_ms:.3f} ms",
            "placement": self.placement,
            "critical path": shares,
            "certificate": self.certificate,
        }
        steps = [(s.unit, s.segment, s.step, s.peer, s.begin_us / 1e3, s.duration_us / 1e3) for s in self._replayed.steps]
        columns = ("unit", "segment", "step", "peer", "begins at ms", "takes ms")
        return html.card(f"Prediction for {self.model}", facts, html.table(columns, steps))


def predict(tables: Tables | Path | str, model: Model | Path | str, *, placement: str = "") -> Prediction:
    """Predicts the latency of a model by replaying its schedule with measured costs.

    Args:
        tables: of the device, or their folder.
        model: one that `load_model` takes; a base model runs on one unit.
        placement: which unit runs what, such as ``0=cpu0,1=cpu1,stem=all,head=0``; what is left out takes its default.

    Raises:
        ConfigError: there is no such model, or the placement does not fit it.
        MissingEntryError: the tables lack a block or a hand-over that it needs.
        TableError: the tables cannot be loaded.

    Examples:
        >>> model = syncnas.load_model("micro_v2").with_strategy("annnana")
        >>> prediction = syncnas.predict("luts/local", model)
        >>> prediction.total_us > 0
        True
        >>> slowest = prediction.frame().sort_values("duration_us").iloc[-1]
    """
    from collab.placement import parse_placement
    from lut.prediction.model_latency import predict as replay

    tables, model = load_tables(tables), load_model(model)
    config, costs = config_of(model), costs_of(tables)
    found = replay(config, parse_placement(placement, branches=config.branches), costs)
    return Prediction(label_of(model), found.placement, found.total_us, dict(found.critical), costs.certificate_sentence, found)


def label_of(model: Model) -> str:
    """Returns what a model is called in results: as its user named it, or by its config's name."""
    return model.source or model.name
