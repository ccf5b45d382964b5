"""``python -m lut.export_tables``: tables of this project in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.options import AsJson, option, place

if TYPE_CHECKING:
    from lut.foreign.exporting import Exported
    from lut.tables import Tables

_NAMED: Final = 3
"""The number of rows that are named for each reason in the text; ``--json`` names all."""


def main(
    lut: Annotated[Path, place("FOLDER", help="Folder of the tables.")],
    form: Annotated[
        str,
        option(
            "--format",
            value="FORMAT",
            complete=("proxylessnas", "once-for-all", "nn-meter", "csv", "parquet"),
            help="proxylessnas or once-for-all (YAML), nn-meter (JSON), csv or parquet (a folder with two files).",
        ),
    ],
    out: Annotated[Path, option(value="FILE", help="File to write, or folder for csv and parquet; new.")],
    unit: Annotated[str, option(value="UNIT", help="The unit whose rows go out, for files of one unit. Default: the only one.")] = "",
    act: Annotated[str, option(value="NAME", help="relu or relu6, of YAML, whose names leave it open: rows with another one stay.")] = "",
    json: AsJson = False,
) -> None:
    """Write tables in the formats of others.

    It says what of them has no place there.
    """
    from collab.blocks import ACTIVATIONS
    from collab.errors import ConfigError, TableError
    from collab.files import holds_nothing
    from lut.foreign.exporting import DIALECTS, FORMATS, ONE_UNIT
    from lut.tables import load_tables

    if form not in FORMATS:
        raise ConfigError(f"--format {form[:60]!r}: one of {', '.join(FORMATS)}")
    if act and (act not in ACTIVATIONS.values() or form not in DIALECTS):
        raise ConfigError(f"--act {act[:60]!r}: one of {', '.join(ACTIVATIONS.values())}, for {' and '.join(DIALECTS)} alone")
    if out.exists() and (form in ONE_UNIT or not holds_nothing(out)):
        raise TableError(f"{out} is there already; name another with --out")
    exported, files = _write(load_tables(lut), form, out, unit, act)
    if json:
        print_json({"files": [str(path) for path in files], **exported.account})
    else:
        _print(exported, files)


def _write(tables: Tables, form: str, out: Path, unit: str, act: str) -> tuple[Exported, list[Path]]:
    from json import dumps

    import yaml

    from collab.errors import ConfigError
    from collab.files import write_whole
    from lut.foreign.exported_sheets import sheets, write_sheets
    from lut.foreign.exporting import DIALECTS, NN_METER, ONE_UNIT, nn_meter_document, unit_to_export, yaml_document

    if form not in ONE_UNIT:
        if unit:
            raise ConfigError(f"--unit {unit[:60]!r}: {form} holds the rows of all units, each with its own")
        exported = sheets(tables)
        meta = {"device": tables.meta.device, **{f"unit {name}": spec.text for name, spec in tables.meta.units.items()}}
        return exported, write_sheets(exported, out, form, meta)
    name = unit_to_export(tables, unit)
    if form == NN_METER:
        exported = nn_meter_document(tables, unit=name)
        write_whole(out, dumps(exported.document, indent=1) + "\n")
    else:
        exported = yaml_document(tables, unit=name, dialect=DIALECTS[form], act=act)
        write_whole(out, yaml.safe_dump(exported.document, sort_keys=False, default_flow_style=False, width=1000))
    return exported, [out]


def _print(exported: Exported, files: list[Path]) -> None:
    say(f"{', '.join(map(str, files))}: {exported.rows} rows")
    grouped: dict[str, list[str]] = {}
    for entry in exported.left_out:
        grouped.setdefault(entry.reason, []).append(entry.name)
    for reason, names in grouped.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        say(f"Left out: {', '.join(names[:_NAMED])}{more}: {reason}")
    for sentence in exported.assumed:
        say(f"Taken for granted: {sentence}")


app = make_app(
    main,
    examples=(
        "syncnas export-tables luts/phone --unit cpu0 \\\n    --format proxylessnas --out cpu0.yaml",
        "syncnas export-tables luts/phone --format parquet --out phone",
    ),
)

if __name__ == "__main__":
    run_app(app)
