"""Tables of other tools: made of what they measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, left_out_by_reason

if TYPE_CHECKING:
    import pandas as pd

    from lut.foreign.importing import Imported


@dataclass(frozen=True, repr=False)
class ImportedTables:
    """Tables that were made of what others measured, with an account of it; ``import.json`` beside them has it too.

    Attributes:
        tables: for predictions, as far as they go: `lacks` says what they cannot know.
        left_out: names of entries that could not be taken, by the reason.
        assumed: sentences on what was taken for granted.
        lacks: everything that tables of `profile` have and these do not.
    """

    tables: Tables
    left_out: Mapping[str, tuple[str, ...]]
    assumed: tuple[str, ...]
    lacks: tuple[str, ...]
    _imported: Imported = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per entry that was left out: ``name``, ``where`` it stands, and the ``reason``."""
        rows = [(entry.name, entry.where, entry.reason) for entry in self._imported.left_out]
        return frame(rows, ["name", "where", "reason"])

    def __repr__(self) -> str:
        return f"ImportedTables({self.tables!r}, left_out={sum(map(len, self.left_out.values()))})"

    def _repr_html_(self) -> str:
        facts = {"left out": sum(map(len, self.left_out.values())), "lacking": "; ".join(self.lacks)}
        return html.card(f"Imported tables of {self.tables.device}", facts, self.tables._repr_html_(), notes=self.assumed)


def import_tables(
    *sources: Path | str,
    out: Path | str,
    device: str,
    units: str | Sequence[str],
    act: str = "",
) -> ImportedTables:
    """Makes tables of block latencies, and hand-overs, that others measured.

    Args:
        sources: files of once-for-all, ProxylessNAS, nn-Meter, or CSV or Parquet sheets, of one device.
        out: the folder for the tables; new or empty.
        device: a name for the device that the latencies are of.
        units: the unit, or units, that they are of, such as ``cpu:threads=1``; entries that name none are of the only one.
        act: ``relu`` or ``relu6``: the one that latencies serve whose names leave it open; empty: both.

    Raises:
        ConfigError: a unit, the device's name or the activation cannot be taken.
        TableError: the folder is not empty, a file is not what its name says, or nothing in it is a block here.

    Examples:
        >>> exported = syncnas.load_tables("luts/local").export("sheets", format="csv")
        >>> found = syncnas.import_tables(*exported.files, out="imported", device="mine", units=["cpu:cores=0", "cpu:cores=1"])
        >>> len(found.tables.blocks) > 0
        True
    """
    from collab.errors import TableError
    from lut.foreign.from_files import import_files

    if not sources:
        raise TableError("tables of nothing: name the files that others measured")
    named = [units] if isinstance(units, str) else list(units)
    imported = import_files([Path(source) for source in sources], Path(out), device=device, units=named, act=act)
    return ImportedTables(
        Tables(Path(out), imported.tables),
        left_out_by_reason(imported.left_out),
        imported.assumed,
        imported.tables.meta.lacks,
        imported,
    )
