"""``python -m lut.export_tables``: tables of this project in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.options import AsJson, option, place

if TYPE_CHECKING:
    from lut.foreign.exporting import Exported

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
    from lut.foreign.to_files import check_export, export_files
    from lut.tables import load_tables

    check_export(form, out, act=act)
    exported, files = export_files(load_tables(lut), form, out, unit=unit, act=act)
    if json:
        print_json({"files": [str(path) for path in files], **exported.account})
    else:
        _print(exported, files)


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
