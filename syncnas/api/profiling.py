"""Profiles: the tables of a device, measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.connection import Device, target_of
from syncnas.api.progress import OnNote, OnProgress, Reporter, notice_of
from syncnas.api.showing import html
from syncnas.api.tables import Tables
from syncnas.api.values import require

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from android_harness.targets.base import Target
    from profiler.progress import PhaseProgress
    from profiler.request import Request


@dataclass(frozen=True)
class Profile:
    """A profile that has come to its end.

    Attributes:
        tables: what was measured.
        wall_s: how long this call took.
        sampled_s: the part of it that was spent in samples and in creating models.
        dropped_hot: visits that do not count because the device was hot; they were made again.
        not_counted: visits of earlier calls that do not count because they were made otherwise.
        notes: sentences on what else the device did: settings that did not hold, clock caps that fell.
    """

    tables: Tables
    wall_s: float
    sampled_s: float
    dropped_hot: int
    not_counted: int
    notes: tuple[str, ...]

    def plot(self) -> go.Figure:
        """Draws the tables; see `Tables.plot`."""
        return self.tables.plot()

    def _repr_html_(self) -> str:
        facts = {
            "time": f"{self.wall_s:.1f} s, of which {self.sampled_s:.1f} s in samples",
            "dropped for heat": f"{self.dropped_hot} visits",
        }
        return html.card(f"Profile of {self.tables.device}", facts, self.tables._repr_html_(), notes=self.notes)


def profile(
    models: str | Path | Sequence[str | Path] = (),
    *,
    device: Device | str = "",
    out: Path | str | None = None,
    units: Sequence[str] = (),
    quick: bool = False,
    budget_s: int | None = None,
    resume: bool = False,
    blocks: Sequence[str] = (),
    transfer_bytes: Sequence[int] = (),
    wait: str = "",
    path: str = "",
    seed: int | None = None,
    grain_us: float | None = None,
    splits: bool = False,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> Profile:
    """Times every block and every hand-over that the search spaces of models need, and writes the tables of the device.

    Every sample is kept as it comes. After Ctrl-C, or an error of `on_progress`, the visit that runs is finished and the tables are
    written; the same call with `resume` then goes on. Likewise after a lost connection, a full disk or a killed process.

    Args:
        models: whose search spaces to measure, by names of the zoo or paths of configs, or the path of one ``.tflite``, whose blocks are
            measured; none: ``mobilenet_v2``.
        device: one that is open, or a name as `open_device` takes it; empty: the only phone, or this machine where none is connected.
        out: the folder of the tables; None: ``luts/DEVICE``.
        units: such as ``cpu:threads=2,cores=4-5`` or ``gpu``; none: two CPU cores.
        quick: a coarse grid, in about a minute for a small model.
        budget_s: seconds to spend: first a coarse grid, then where interpolation is worst, then more rounds.
        resume: go on with, or add to, what is in the folder: with the arguments that it was begun with, where they are left out.
        blocks: keys of further blocks.
        transfer_bytes: sizes of further hand-overs.
        wait: how units wait for each other: ``spin``, ``condvar`` or ``hybrid``; empty: ``spin``, or ``condvar`` if units share a core.
        path: how units hand features over: ``shared`` or ``memcpy``; empty: ``shared``.
        seed: of the order in which jobs are visited; None: 0, or that of the profile that is gone on with.
        grain_us: what a block of a ``.tflite`` is worth at least, as the command ``cut`` has it; None: 50, or that of the profile that is
            gone on with.
        splits: also measure how stretches of a ``.tflite`` run on several units at once, in shares by the units' speeds.
        on_progress: takes the progress, a few times a second at most.
        on_note: takes notes and warnings, a sentence each; otherwise they go to the logger ``syncnas``.

    Raises:
        ConfigError: an option, a model or a block cannot be taken.
        TableError: the folder holds something else, or was measured otherwise.
        DeviceError: the device cannot be reached, gets too hot, or lacks what is needed.
        KeyboardInterrupt: Ctrl-C; what was measured is kept.

    Examples:
        >>> profile = syncnas.profile(blocks=["add_8_4x2"], device="local", out="luts/one_block", quick=True)
        >>> list(profile.tables.blocks["block"].unique())
        ['add_8_4x2']
    """
    from android_harness.protocol.phases import MAX_SEED
    from android_harness.targets.device_notes import sentences
    from profiler.network_file import MAX_GRAIN_US
    from profiler.profiling import ProfileOptions, place, profile_into, sharing_sentences

    require(1, budget_s=budget_s)
    require(0, MAX_SEED, seed=seed)
    require(0, MAX_GRAIN_US, grain_us=grain_us)
    notice = notice_of(on_note)
    named, folder = place(device.name if isinstance(device, Device) else device, None if out is None else Path(out))
    options = ProfileOptions(
        models=names_of(models),
        blocks=tuple(blocks),
        transfer_bytes=tuple(transfer_bytes),
        units=tuple(units),
        quick=quick,
        budget_s=budget_s,
        resume=resume,
        wait=wait,
        path=path or None,
        seed=seed,
        grain_us=grain_us,
        splits=splits,
    )

    def opened(name: str) -> AbstractContextManager[Target]:
        return target_of(device if isinstance(device, Device) else name, "", folder, on_note=on_note)

    @contextmanager
    def observed(request: Request) -> Iterator[PhaseProgress]:
        from profiler.progress import PhaseProgress

        for sentence in sharing_sentences(request):
            notice(sentence)
        yield PhaseProgress(Reporter(f"profiling {request.device}", on_progress))

    done = profile_into(folder, options, named, opened, observed, notice=notice)
    if not done.result.complete:
        raise KeyboardInterrupt(f"stopped; what was measured is kept in {folder}, and the same call with resume=True goes on")
    result = done.result
    return Profile(
        Tables(folder, result.tables),
        result.wall_s,
        result.sampled_s,
        result.dropped_hot,
        result.not_counted,
        tuple(sentences(result.tables.meta.conditions)),
    )


def names_of(models: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Returns one model or several as names."""
    return (str(models),) if isinstance(models, str | Path) else tuple(map(str, models))


def folder_of(source: Tables | Profile | Path | str) -> Path:
    """Returns the folder of tables, or the path itself."""
    if isinstance(source, Profile):
        return source.tables.folder
    return source.folder if isinstance(source, Tables) else Path(source)
