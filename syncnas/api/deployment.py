"""Bundles, which are models split into segments, and what comes of them on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.connection import Device, remote_target_of
from syncnas.api.models import Model, config_of, load_model
from syncnas.api.progress import OnNote, notice_of
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, load_tables, rows_of
from syncnas.api.trials import steps_figure, steps_frame, steps_table
from syncnas.api.values import Latency, latency_of, percent, require

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from android_harness.bundles.steps import PairedStep
    from exporters.manifests.manifest import Manifest


@dataclass(frozen=True, repr=False)
class Bundle:
    """A folder with a model's segments, a manifest, and the input and output to check them by. `export` makes one.

    Attributes:
        folder: where it lies.
        model: the model's name.
        placement: which unit runs what.
        units: the names of its units.
    """

    folder: Path
    model: str
    placement: str
    units: tuple[str, ...]
    _manifest: Manifest = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per segment: its unit, what its inputs come from, number of blocks, shape of its output, bytes."""
        return frame(self._rows(), ["segment", "unit", "inputs_from", "blocks", "output_shape", "model_bytes"])

    def _rows(self) -> list[tuple[str, str, str, int, str, int]]:
        return [
            (
                segment.name,
                segment.unit,
                ", ".join(segment.senders),
                len(segment.blocks),
                ", ".join(entry.type.text for entry in segment.outputs),
                segment.model_bytes,
            )
            for segment in self._manifest.segments
        ]

    def __repr__(self) -> str:
        return f"Bundle({str(self.folder)!r}, model={self.model!r}, placement={self.placement!r})"

    def _repr_html_(self) -> str:
        facts = {"folder": self.folder, "placement": self.placement}
        columns = ("segment", "unit", "inputs from", "blocks", "output", "bytes")
        return html.card(f"Bundle of {self.model}", facts, html.table(columns, self._rows()))


@dataclass(frozen=True, repr=False)
class Deployment:
    """A bundle that was put on a device and run there. Its output was that of the reference.

    Attributes:
        model: the model's name.
        device: the device's name.
        units: each unit's name with how it was used.
        measured: the measured latency.
        predicted_us: the prediction in microseconds; None without tables, or where they lack something.
        unpredicted: why there is none although there are tables.
        output_error: largest difference of the output to the reference, as a fraction of its range.
        is_accelerated: whether every unit ran all of its segments by itself; otherwise the latency is not that of the units.
        pushed_bytes: what had to be sent.
        script: the path on the device of the script that runs it again there; empty where none was left.
        notes: sentences on what else the device did.
    """

    model: str
    device: str
    units: Mapping[str, str]
    measured: Latency
    predicted_us: float | None
    unpredicted: str
    output_error: float
    is_accelerated: bool
    pushed_bytes: int
    script: str
    notes: tuple[str, ...]
    _steps: tuple[PairedStep, ...] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per step, in microseconds: ``measured_us``, and ``predicted_us`` where there are tables."""
        return steps_frame(self._steps)

    def plot(self) -> go.Figure:
        """Draws the steps of each unit, and above them what was predicted, if anything was."""
        return steps_figure(f"{self.model} on {self.device}: {self.measured.median_ms:.3f} ms", self._steps)

    def __repr__(self) -> str:
        return f"Deployment({self.model!r}, device={self.device!r}, measured_us={self.measured.median_us:.1f}, script={self.script!r})"

    def _repr_html_(self) -> str:
        facts = {"measured": self.measured, "units": ", ".join(f"{name} = {unit}" for name, unit in self.units.items())}
        if self.predicted_us is not None:
            error = percent(self.predicted_us / self.measured.median_us - 1)
            facts["predicted"] = f"{self.predicted_us / 1e3:.3f} ms ({error})"
        facts |= {
            "output": f"within {self.output_error:.1e} of the reference's range",
            "run again there": self.script or "no script was left",
        }
        partly = () if self.is_accelerated else ("a unit did not take its whole model: this is not that unit's latency",)
        return html.card(f"{self.model} on {self.device}", facts, steps_table(self._steps), notes=(*partly, *self.notes))


def export(
    model: Model | Path | str,
    out: Path | str,
    *,
    placement: str = "",
    weights: Path | str | None = None,
    format: str = "tflite",
    route: str = "direct",
    seed: int | None = None,
) -> Bundle:
    """Splits a model into segments, what one unit runs between two hand-overs, and writes them as a bundle.

    Args:
        model: one that `load_model` takes.
        out: the folder to make; an earlier bundle there is replaced, anything else is left alone.
        placement: which unit runs what; see `predict`.
        weights: a checkpoint (.pth, .pt or .npz); None: seeded weights.
        format: ``tflite``, ``onnx`` or ``both``; only TFLite segments can be run on a device.
        route: how TFLite segments are made: ``direct`` (own writer) or ``litert-torch``.
        seed: of the weights and of the reference input; None: the usual one.

    Raises:
        ConfigError: there is no such model, format, route or placement.
        ExportError: the folder holds something that is no bundle, or the model cannot be written.
        WeightsError: the checkpoint does not fit the model.

    Examples:
        >>> bundle = syncnas.export(syncnas.load_model("micro_v2").with_strategy("annnana"), "bundle")
        >>> bundle.units
        ('cpu0', 'cpu1')
    """
    from collab.networks.weights import DEFAULT_SEED
    from exporters.export import export_model

    require(0, seed=seed)
    config, folder = config_of(load_model(model)), Path(out)
    manifest = export_model(
        config,
        folder,
        placement=placement,
        weights=None if weights is None else Path(weights),
        format=format,
        route=route,
        seed=DEFAULT_SEED if seed is None else seed,
    )
    return _bundle(folder, manifest)


def _bundle(folder: Path, manifest: Manifest) -> Bundle:
    return Bundle(folder, manifest.model, manifest.origin.placement, manifest.units, manifest)


def deploy(
    bundle: Bundle | Path | str,
    *,
    device: Device | str = "",
    tables: Tables | Path | str | None = None,
    units: Sequence[str] = (),
    runs: int = 100,
    wait: str = "",
    path: str = "",
    journal: Path | str | None = None,
    keep: bool = True,
    on_note: OnNote | None = None,
) -> Deployment:
    """Puts a bundle on a device, runs it there, checks its output, and leaves a script there that runs it again.

    Args:
        bundle: one that `export` has made, or its folder.
        device: one that is open, or a name; empty: that of the tables, if it is this machine or connected, or the only one.
        tables: of this device, to have a prediction beside what is measured.
        units: one for each of the bundle's, in order; none: those of the tables, or the default ones.
        runs: inferences that are measured.
        wait: how units wait for each other; empty: as the tables say, or ``spin``.
        path: how units hand features over; empty: as the tables say, or ``shared``.
        journal: the file for raw samples; None: ``deploy.jsonl`` beside the bundle.
        keep: leave the model and its script on the device.
        on_note: takes notes and warnings; otherwise they go to the logger ``syncnas``.

    Raises:
        ExportError: the bundle is damaged.
        DeviceError: the device cannot be reached, or lacks a unit.
        TableError: the tables are of another device, or lack a unit.
        RunnerError: the model cannot be run there, or its output is wrong.
        KeyboardInterrupt: Ctrl-C.

    Examples:
        >>> deployment = syncnas.deploy("bundle", device="local", tables="luts/local", runs=4)
        >>> deployment.output_error < 1e-4
        True
    """
    from android_harness.bundles.deployment import DeployOptions, journal_beside
    from android_harness.bundles.deployment import deploy as put
    from android_harness.bundles.result import require_right
    from android_harness.bundles.steps import pair_steps
    from android_harness.protocol.phases import MOST_RUNS
    from collab.files import holding
    from exporters.manifests.reading import load_manifest
    from lut.meta import META_FILE

    require(1, MOST_RUNS, runs=runs)
    folder = bundle.folder if isinstance(bundle, Bundle) else Path(bundle)
    manifest = load_manifest(folder)
    known = None if tables is None else load_tables(tables)
    kept = journal_beside(folder) if journal is None else Path(journal)
    options = DeployOptions(units=tuple(units), runs=runs, wait=wait, path=path, keep=keep)
    notice = notice_of(on_note)
    named, file = ("", folder) if known is None else (known.device, known.folder / META_FILE)
    with holding(kept), remote_target_of(device, named, file, on_note=on_note) as target:
        target.prepare(notice)
        done = put(target, folder, manifest, None if known is None else rows_of(known), options, journal=kept, notice=notice)
    require_right(done.result)
    prediction = done.prediction
    return Deployment(
        model=done.model,
        device=done.device,
        units={name: unit.text for name, unit in done.units.items()},
        measured=latency_of(done.result.measured),
        predicted_us=None if prediction is None else prediction.total_us,
        unpredicted=done.unpredicted,
        output_error=done.result.output_error,
        is_accelerated=done.result.accelerated,
        pushed_bytes=done.pushed.bytes,
        script=done.script,
        notes=done.notes,
        _steps=tuple(pair_steps(done.result.steps, () if prediction is None else prediction.steps)),
    )
