"""Tables written to files as others have theirs."""

from __future__ import annotations

import json
from pathlib import Path

from collab.blocks import ACTIVATIONS
from collab.errors import ConfigError, TableError
from collab.files import holds_nothing, write_whole
from collab.wording.options import option_named
from lut.foreign.exported_sheets import sheets, write_sheets
from lut.foreign.exporting import DIALECTS, FORMATS, NN_METER, ONE_UNIT, Exported, nn_meter_document, unit_to_export, yaml_document
from lut.tables import Tables


def check_export(form: str, out: Path, *, act: str = "") -> None:
    """Checks, before tables are loaded, that they could be written in a format to a file, or for csv and parquet to a folder.

    Raises:
        ConfigError: there is no such format, or no such activation in it.
        TableError: the file is there already, or the folder is not empty.
    """
    if form not in FORMATS:
        raise ConfigError(f"{option_named('--format', form[:60])}: one of {', '.join(FORMATS)}")
    if act and (act not in ACTIVATIONS.values() or form not in DIALECTS):
        raise ConfigError(
            f"{option_named('--act', act[:60])}: one of {', '.join(ACTIVATIONS.values())}, for {' and '.join(DIALECTS)} alone"
        )
    if out.exists() and (form in ONE_UNIT or not holds_nothing(out)):
        raise TableError(f"{out} is there already; name another with {option_named('--out')}")


def export_files(tables: Tables, form: str, out: Path, *, unit: str = "", act: str = "") -> tuple[Exported, list[Path]]:
    """Writes tables in another's format. Returns what was written, and its files.

    Args:
        unit: whose rows go out, in formats of one unit; empty: the only one.
        act: of YAML, whose names leave it open: rows with another activation stay.

    Raises:
        ConfigError, TableError: see `check_export`; or there is no such unit, or several to choose from.
    """
    check_export(form, out, act=act)
    if form not in ONE_UNIT:
        if unit:
            raise ConfigError(
                f"{option_named('--unit', unit[:60], argument='unit')}: {form} holds the rows of all units, each with its own"
            )
        exported = sheets(tables)
        meta = {"device": tables.meta.device, **{f"unit {name}": spec.text for name, spec in tables.meta.units.items()}}
        return exported, write_sheets(exported, out, form, meta)
    name = unit_to_export(tables, unit)
    if form == NN_METER:
        exported = nn_meter_document(tables, unit=name)
        write_whole(out, json.dumps(exported.document, indent=1) + "\n")
    else:
        import yaml

        exported = yaml_document(tables, unit=name, dialect=DIALECTS[form], act=act)
        write_whole(out, yaml.safe_dump(exported.document, sort_keys=False, default_flow_style=False, width=1000))
    return exported, [out]
