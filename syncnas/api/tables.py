"""The tables of a device: loaded, looked at, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.showing import html

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from lut.foreign.entries import LeftOut
    from lut.prediction.costs import Costs
    from lut.tables import Tables as Rows


@dataclass(frozen=True, repr=False)
class Tables:
    """The tables of one device: what each block takes on each unit, and each hand-over between units. `load_tables` makes them.

    Attributes:
        folder: where they lie.
    """

    folder: Path
    _rows: Rows = field(repr=False)

    @property
    def device(self) -> str:
        """The name of the device that they were measured on."""
        return self._rows.meta.device

    @property
    def description(self) -> Mapping[str, str]:
        """Texts that tell this kind of device from others: model or processor, system, and others."""
        return dict(self._rows.meta.fingerprint)

    @property
    def units(self) -> Mapping[str, str]:
        """Each unit's name, as placements take it, with how it was used, such as ``cpu:threads=1,cores=0``."""
        return {name: unit.text for name, unit in self._rows.meta.units.items()}

    @property
    def models(self) -> tuple[str, ...]:
        """The base models whose search spaces they cover, by name or path."""
        return self._rows.meta.models

    @property
    def measured_at(self) -> str:
        """The time at which they were measured, as ISO 8601; empty of imported tables."""
        return self._rows.meta.measured_at

    @property
    def certificate(self) -> str:
        """A sentence on how far predictions from them hold, or on how to find out; `certify` finds out."""
        return costs_of(self).certificate_sentence

    @property
    def blocks(self) -> pd.DataFrame:
        """A new DataFrame with a row per unit and block, with the columns of ``blocks.csv``; times in microseconds."""
        from lut.frames import frames_of

        return frames_of(self._rows).blocks

    @property
    def transfers(self) -> pd.DataFrame:
        """A new DataFrame with a row per hand-over, with the columns of ``transfers.csv``; times in microseconds."""
        from lut.frames import frames_of

        return frames_of(self._rows).transfers

    @property
    def statuses(self) -> Mapping[str, int]:
        """The number of rows of each status: ``ok``, ``unstable``, ``partial``, ``failed``."""
        from lut.tables import STATUSES

        found = [row.status for row in self._rows.blocks] + [row.status for row in self._rows.transfers]
        return {status: found.count(status) for status in STATUSES}

    def plot(self) -> go.Figure:
        """Draws what blocks add inside a segment against their multiply-accumulates, a colour for each unit."""
        from collab.blocks import parse_any_key
        from syncnas.api.showing.plots import points

        groups: dict[str, list[tuple[float, float, str]]] = {unit: [] for unit in self.units}
        for row in self._rows.blocks:
            macs = parse_any_key(row.block).macs
            if row.marginal_us and macs:
                groups.setdefault(row.unit, []).append((macs / 1e6, row.marginal_us, row.label or row.block))
        return points(f"Blocks on {self.device}", groups, x="million multiply-accumulates", y="microseconds in a segment", log=True)

    def export(self, out: Path | str, *, format: str, unit: str = "", act: str = "") -> ExportedTables:
        """Writes the tables as another tool has its own.

        Args:
            out: the file, or for ``csv`` and ``parquet`` the folder; new.
            format: ``proxylessnas`` or ``once-for-all`` (YAML), ``nn-meter`` (JSON), ``csv`` or ``parquet`` (a folder with two files).
            unit: whose rows go out, for files of one unit; empty: the only one.
            act: ``relu`` or ``relu6``, of YAML, whose names leave it open: rows with another one stay.

        Raises:
            ConfigError: there is no such format, or no such activation in it.
            TableError: the file is there already, or there is no such unit.
        """
        from lut.foreign.to_files import export_files

        exported, files = export_files(self._rows, format, Path(out), unit=unit, act=act)
        return ExportedTables(tuple(files), exported.rows, left_out_by_reason(exported.left_out), exported.assumed)

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of blocks and of hand-overs, rows that failed among them."""
        return len(self._rows.blocks), len(self._rows.transfers)

    def __repr__(self) -> str:
        rows = self._rows
        size = f"{len(rows.blocks)} blocks, {len(rows.transfers)} hand-overs"
        return f"Tables({str(self.folder)!r}, device={self.device!r}, units={list(self.units)}, {size})"

    def _repr_html_(self) -> str:
        told = ", ".join(f"{count} {status}" for status, count in self.statuses.items() if count)
        facts = {
            **self.description,
            "folder": self.folder,
            "search spaces": ", ".join(self.models) or "none: single blocks",
            "rows": f"{len(self._rows.blocks)} blocks, {len(self._rows.transfers)} hand-overs ({told})",
            "certificate": self.certificate,
        }
        return html.card(f"Tables of {self.device}", facts, html.table(("unit", "used as"), list(self.units.items())))


@dataclass(frozen=True)
class ExportedTables:
    """Tables as `Tables.export` has written them.

    Attributes:
        files: what was written.
        rows: how many of the tables' rows are there.
        left_out: names of rows that have no place there, by the reason.
        assumed: sentences on what was taken for granted.
    """

    files: tuple[Path, ...]
    rows: int
    left_out: Mapping[str, tuple[str, ...]]
    assumed: tuple[str, ...]

    def _repr_html_(self) -> str:
        facts = {"files": ", ".join(map(str, self.files)), "rows": self.rows, "left out": sum(map(len, self.left_out.values()))}
        rows = [(len(names), reason) for reason, names in self.left_out.items()]
        parts = [html.table(("left out", "reason"), rows)] if rows else []
        return html.card("Exported tables", facts, *parts, notes=self.assumed)


def left_out_by_reason(entries: Sequence[LeftOut]) -> dict[str, tuple[str, ...]]:
    """Returns the names of entries by the reason for which they were left out."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.reason, []).append(entry.name)
    return {reason: tuple(names) for reason, names in found.items()}


def rows_of(tables: Tables) -> Rows:
    """Returns the checked rows of tables."""
    return tables._rows


def costs_of(tables: Tables) -> Costs:
    """Returns the costs that predictions take from tables."""
    from lut.prediction.costs import Costs

    return Costs(tables._rows, source=str(tables.folder))


def load_tables(folder: Tables | Path | str) -> Tables:
    """Loads and checks the tables of a folder.

    Args:
        folder: as `profile` or the command has written it; tables are returned as they are.

    Raises:
        TableError: there are none, or a value in them is impossible.

    Examples:
        >>> tables = syncnas.load_tables("luts/local")
        >>> list(tables.units)
        ['cpu0', 'cpu1']
        >>> slowest = tables.blocks.sort_values("median_us").iloc[-1]
    """
    if isinstance(folder, Tables):
        return folder
    from lut.tables import load_tables as load

    return Tables(Path(folder), load(Path(folder)))
