"""``python -m lut.compare``: where two folders of tables differ, and whether that is proven."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from collab.cli import FAILED, make_app, print_json, run_app
from collab.console import result_console
from collab.options import AsJson, option, place, share, whole

if TYPE_CHECKING:
    from lut.comparison import Change, Comparison, Row

_SCHEMA_VERSION: Final = 1
_UNPROVEN: Final = "~"


def main(
    first: Annotated[Path, place("FIRST", help="Folder of the tables to compare with.")],
    second: Annotated[Path, place("SECOND", help="Folder of the tables that may be slower or faster.")],
    margin: Annotated[
        str, option(value="SHARE", help="Difference up to which tables count as alike: what another day brings by itself.")
    ] = "2%",
    fail_above: Annotated[
        str,
        option("--fail-above", value="SHARE", help="End with status 1 if anything is proven to be slower by more than this, e.g. 5%."),
    ] = "",
    most: Annotated[int, whole(least=0, most=100_000, value="ROWS", help="Rows to print, those that differ most first.")] = 10,
    json: AsJson = False,
) -> None:
    """Say where two folders of tables differ, and whether that is proven.

    Units and rows are compared one by one; what chance alone may have done does not count.
    """
    from lut.comparison import compare
    from lut.tables import load_tables

    limit = share("--fail-above", fail_above) if fail_above else None
    found = compare(load_tables(first), load_tables(second), margin=share("--margin", margin))
    fails = limit is not None and found.exceeds(limit)
    if json:
        print_json(document(found) | {"fails": fails})
    else:
        _print(found, first, second, most)
    if fails:
        raise typer.Exit(FAILED)


def document(found: Comparison) -> dict[str, Any]:
    """Returns a comparison as a JSON object, times in microseconds, ratios of the second to the first."""
    return {
        "schema_version": _SCHEMA_VERSION,
        "margin": found.margin,
        "differences": list(found.differences),
        "changes": [vars(change) for change in found.changes],
        "rows": [_row_document(row) for row in found.rows],
        "only_first": found.only_first,
        "only_second": found.only_second,
    }


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "what": row.what,
        "unit": row.unit,
        "name": row.name,
        "first_us": row.first.us,
        "first_se_us": row.first.se_us,
        "second_us": row.second.us,
        "second_se_us": row.second.se_us,
        "ratio": row.ratio,
        "p": row.p,
        "proven": row.is_proven,
    }


def _print(found: Comparison, first: Path, second: Path, most: int) -> None:
    from rich.table import Table

    console = result_console()
    console.print(f"First: {first}  Second: {second}")
    for difference in found.differences:
        console.print(f"Differs: {difference}")
    for change in found.changes:
        console.print(_change_sentence(change, found.margin))
    proven = sorted((row for row in found.rows if row.is_proven), key=lambda row: -abs(math.log(row.ratio)))
    if proven and most:
        table = Table(box=None, pad_edge=False)
        for column in ("what", "unit", "which", "first us", "second us", "change"):
            table.add_column(column, justify="right" if column.endswith(("us", "change")) else "left")
        for row in proven[:most]:
            by = f"{100 * (row.ratio - 1):+.1f} %"
            table.add_row(row.what, row.unit, row.name, f"{row.first.us:.2f}", f"{row.second.us:.2f}", by)
        console.print(table)
        if len(proven) > most:
            console.print(f"and {len(proven) - most} more; --most shows them, --json has all rows")
    if found.only_first or found.only_second:
        console.print(f"Not compared: {found.only_first} rows that only the first has, {found.only_second} that only the second has")


def _change_sentence(change: Change, margin: float) -> str:
    interval = "" if change.interval is None else f" [{change.interval[0]:.3f}, {change.interval[1]:.3f}]"
    alike = change.rows - change.slower - change.faster
    return (
        f"{change.unit}, {change.what}: the second takes {change.ratio:.3f}{interval} of the first (geometric mean of {change.rows});"
        f" slower by more than {100 * margin:g} %: {change.slower}, faster: {change.faster}, {_UNPROVEN} (not proven): {alike}"
    )


app = make_app(
    main,
    examples=(
        "syncnas compare luts/old luts/new",
        "syncnas compare luts/old luts/new --fail-above 5%",
    ),
)

if __name__ == "__main__":
    run_app(app)
