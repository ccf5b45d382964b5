"""The tables of a device as pandas DataFrames, for people who look into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import pandas as pd

from lut.meta import Meta
from lut.tables import RENAMED, BlockRow, HandoverRow, Tables, load_tables

_DTYPES: Final = {"str": "str", "int": "Int64", "int | None": "Int64", "float": "float64", "float | None": "float64"}
"""A column's dtype by its field's annotation. Int64 is pandas' integer that may be absent."""
_CATEGORIES: Final = frozenset(
    ("unit", "from_unit", "to_unit", "dtype", "engine", "runtime", "path", "wait", "pacing", "coverage", "status", "config_hash")
)
"""Texts of few values: they take little memory, and group and compare quickly, as pandas' categories."""


@dataclass(frozen=True)
class Frames:
    """Tables of one device as DataFrames, one row per row of the CSV file, and with its columns.

    Dtypes: `Int64` for counts and bytes, `float64` for times, temperatures and clocks, `category` for texts of few values (unit, status),
    strings otherwise. A number that a row does not say is missing (NaN, or NA where the dtype is `Int64`), a text is empty.
    """

    blocks: pd.DataFrame
    transfers: pd.DataFrame
    meta: Meta


def load_frames(folder: Path | str) -> Frames:
    """Reads and checks the tables of a folder.

    Raises:
        TableError: see `lut.tables.load_tables`.
    """
    return frames_of(load_tables(Path(folder)))


def frames_of(tables: Tables) -> Frames:
    """Returns tables that are loaded as DataFrames."""
    return Frames(_frame(tables.blocks, BlockRow), _frame(tables.transfers, HandoverRow), tables.meta)


def _frame(rows: Sequence[BlockRow] | Sequence[HandoverRow], kind: type[BlockRow | HandoverRow]) -> pd.DataFrame:
    types = {f.name: "category" if f.name in _CATEGORIES else _DTYPES[str(f.type)] for f in fields(kind)}
    frame: pd.DataFrame = pd.DataFrame([asdict(row) for row in rows], columns=list(types)).astype(types).rename(columns=RENAMED)
    return frame
