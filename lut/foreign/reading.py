"""Reading a file that somebody else made, by what its name and its content say that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collab.errors import TableError
from lut.foreign.entries import Source
from lut.foreign.handover_sheets import has_handovers, read_handovers
from lut.foreign.nn_meter import read_nn_meter
from lut.foreign.plain_csv import read_blocks
from lut.foreign.sheets import csv_sheet, parquet_sheet
from lut.foreign.yaml_tables import read_yaml

_SHEETS: Final = {".csv": csv_sheet, ".parquet": parquet_sheet}


def read_source(path: Path) -> Source:
    """Reads the entries of one file.

    Raises:
        TableError: its name does not say what it is, or it is not what its name says.
    """
    suffix = path.suffix.lower()
    if suffix in _SHEETS:
        sheet = _SHEETS[suffix](path)
        return read_handovers(sheet) if has_handovers(sheet.header) else read_blocks(sheet)
    if suffix == ".json":
        return read_nn_meter(path) or read_yaml(path)
    if suffix in (".yaml", ".yml"):
        return read_yaml(path)
    raise TableError(
        f"{path}: tables are read from .yaml, .yml, .json (nn-Meter's, or YAML), .csv and .parquet; give the file the name that says what"
        " it is"
    )
