"""Traces: predicted and measured runs on a timeline that Perfetto shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.models import Model, config_of, load_model
from syncnas.api.prediction import label_of
from syncnas.api.profiling import Profile, folder_of
from syncnas.api.progress import OnNote, notice_of
from syncnas.api.showing import html
from syncnas.api.tables import Tables

if TYPE_CHECKING:
    from lut.traces.events import Trace as Events


@dataclass(frozen=True, repr=False)
class Trace:
    """A trace that is not written yet: units are tracks, and hand-overs are arrows.

    Attributes:
        about: what it is of, by name: the model, the placement, ``predicted_us``, and of measured runs their median and conditions.
        events: how many events it has.
    """

    about: Mapping[str, str | int | float | bool | None]
    events: int
    _events: Events = field(repr=False)

    def save(self, path: Path | str) -> Path:
        """Writes the trace to a file, for ui.perfetto.dev or chrome://tracing, and returns its path.

        Raises:
            StorageError: it cannot be written, or is there already and is none of this toolkit's traces.
        """
        from lut.traces.events import write_trace

        write_trace(Path(path), self._events)
        return Path(path)

    def __repr__(self) -> str:
        return f"Trace(events={self.events}, about={dict(self.about)})"

    def _repr_html_(self) -> str:
        return html.card("Trace", {"events": self.events, **self.about})


def trace(
    source: Tables | Profile | Path | str,
    *,
    model: Model | Path | str | None = None,
    placement: str = "",
    plan: Path | str | None = None,
    run: int | str = "median",
    tables: Tables | Path | str | None = None,
    job: str = "",
    on_note: OnNote | None = None,
) -> Trace:
    """Puts predicted and measured runs on a timeline, which Perfetto shows.

    Args:
        source: tables, a profile, or their folder, whose last verification is shown; or a journal of `verify`, `certify` or `deploy`.
        model: the model to predict; None: the one that was verified. With `plan` the path of its ``.tflite``; None: the one that was
            profiled into the tables.
        placement: which unit runs what of that model.
        plan: a file that says which unit runs which block of a ``.tflite``, as ``syncnas place`` writes it.
        run: which measured run: ``median``, the nearest to it; ``all``; or a number from 1 on.
        tables: to predict with, where they are not those of the source.
        job: whose runs, where a journal has those of several bundles.
        on_note: takes notes, such as why there is no prediction; otherwise they go to the logger ``syncnas``.

    Raises:
        ConfigError: there is neither a measured run nor a model to predict, or they are not of one model.
        NetworkError: the plan or its network cannot be read, or are of two networks.
        JournalError, TableError: what is read is damaged.
        MissingEntryError: the tables lack what the model needs.

    Examples:
        >>> model = syncnas.load_model("micro_v2").with_strategy("annnana")
        >>> trace = syncnas.trace("luts/local", model=model)
        >>> trace.about["model"]
        'micro_v2_x2_annnana'
        >>> trace.save("trace.json").name
        'trace.json'
    """
    from collab.errors import ConfigError
    from report.traces.making import Predicted, make_trace

    wanted = None
    if plan is not None:
        if isinstance(model, Model):
            raise ConfigError("a plan is of a .tflite: give the path of that as the model, or leave the model out")
        wanted = Predicted(str(model or ""), placement=placement, plan=Path(plan))
    elif model is not None:
        loaded = load_model(model)
        wanted = Predicted(label_of(loaded), config_of(loaded), placement)
    lut = None if tables is None else folder_of(tables)
    made = make_trace(folder_of(source), wanted, lut=lut, which=str(run), job=job, notice=notice_of(on_note))
    return Trace(dict(made.about), made.events, made)
