"""The tables of a device as pandas DataFrames, for people who look into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from lut.meta import Meta
from lut.tables import RENAMED, BlockRow, TransferRow, load

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Frames:
    """`blocks` and `transfers` have the columns of the CSV files; what a row does not say is missing (NaN, or NA in whole numbers)."""

    blocks: pd.DataFrame
    transfers: pd.DataFrame
    meta: Meta


def load_frames(folder: Path | str) -> Frames:
    """Reads and checks the tables of a folder.

    Raises:
        TableError: see `lut.tables.load`.
    """
    tables = load(Path(folder))
    return Frames(_frame(tables.blocks, BlockRow), _frame(tables.transfers, TransferRow), tables.meta)


def _frame(rows: Sequence[BlockRow] | Sequence[TransferRow], kind: type[BlockRow | TransferRow]) -> pd.DataFrame:
    import pandas as pd

    types = {f.name: "str" if f.type == "str" else "Int64" if str(f.type).startswith("int") else "float64" for f in fields(kind)}
    frame: pd.DataFrame = pd.DataFrame([asdict(row) for row in rows], columns=list(types)).astype(types).rename(columns=RENAMED)
    return frame
