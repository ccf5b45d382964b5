"""Tables out of files that others made, written to a folder with the account of what became of every entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from collab.blocks import ACTIVATIONS
from collab.errors import ConfigError, TableError
from collab.files import holds_nothing, write_whole
from collab.units import name_units, parse_unit
from collab.wording.options import option_named
from lut.entries import MAX_NAME
from lut.foreign.importing import Imported, import_sources
from lut.foreign.reading import read_source
from lut.tables import save

ACCOUNT_FILE: Final = "import.json"
"""The account of what became of every entry; it lies beside the tables."""


def import_files(paths: Sequence[Path], out: Path, *, device: str, units: Sequence[str], act: str = "") -> Imported:
    """Makes the tables of one device out of files, and writes them, with their account, to a folder that is new or empty.

    Args:
        units: the units that latencies are of, as on command lines.
        act: the activation of blocks whose names leave it open; empty: they serve all that their source does not tell apart.

    Raises:
        ConfigError: the device's name, a unit or the activation cannot be taken.
        TableError: the folder is not empty, a file is not what its name says, or not one entry is a block here.
    """
    if act and act not in ACTIVATIONS.values():
        raise ConfigError(f"{option_named('--act', act[:60])}: no block has that here; one of {', '.join(ACTIVATIONS.values())}")
    if not device.strip() or not device.isprintable() or len(device) > MAX_NAME:
        raise ConfigError(
            f"{option_named('--device')} is empty, cannot be printed, or has more than {MAX_NAME} characters; name the device, for"
            f" example {option_named('--device', 'pixel1')}"
        )
    if not holds_nothing(out):
        raise TableError(f"{out} is there already and not empty; name another folder with {option_named('--out')}")
    named = name_units([parse_unit(text) for text in units])
    imported = import_sources([read_source(path) for path in paths], device=device, units=named, act=act or None)
    save(imported.tables, out)
    write_whole(out / ACCOUNT_FILE, json.dumps(imported.document, indent=1, allow_nan=False) + "\n")
    return imported
