"""``python -m report.compare``: where two tables, certificates or runs differ, and whether that is proven."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collab.cli import make_app, print_json, run_app
from collab.console import result_console
from collab.errors import ConfigError
from collab.names import shown

if TYPE_CHECKING:
    from report.comparing.comparison import Comparison

_WIDTH = 140
_WORST = 1000
"""Percent; nobody asks for more."""


def main(
    first: Annotated[Path, typer.Argument(help="Tables (a folder), a certificate.json, or a run (a journal, a bundle) to compare with.")],
    second: Annotated[Path, typer.Argument(help="Another of the same kind, which may be slower or faster.")],
    margin: Annotated[str, typer.Option(help="Difference up to which both count as alike: what another day brings by itself.")] = "2%",
    fail_above: Annotated[
        str, typer.Option("--fail-above", help="End with status 1 if the second is proven to be slower by more than this, e.g. 5%.")
    ] = "",
    most: Annotated[int, typer.Option(min=0, max=100_000, help="Rows to show, those that differ most first.")] = 10,
    markdown: Annotated[Path | None, typer.Option(help="Also write the comparison to this file, as Markdown.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write the comparison to this file, as a page of HTML.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say where two tables, certificates or runs differ, and whether that is proven.

    They are compared row by row and as a whole; what chance alone may have done does not count.
    """
    from report.comparing.document import document
    from report.comparing.sides import compare

    limit = _fraction("--fail-above", fail_above) if fail_above else None
    found = compare(first, second, margin=_fraction("--margin", margin))
    fails = limit is not None and found.exceeds(limit)
    failed = f"the second is proven to be slower by more than {100 * (limit or 0):g} %" if fails else ""
    if markdown is not None:
        _write_markdown(found, first, second, most, failed, markdown)
    if page is not None:
        _write_page(found, first, second, most, failed, page)
    if json:
        print_json(document(found, first=str(first), second=str(second)) | {"fails": fails})
    else:
        _print(found, first, second, most, failed)
    if fails:
        raise typer.Exit(1)


def _fraction(option: str, text: str) -> float:
    """Parses ``5%`` or ``0.05``.

    Raises:
        ConfigError: it is neither, or beyond 1000 %.
    """
    if not re.fullmatch(r"\d{1,4}(\.\d{1,6})?%?", text, re.ASCII):
        raise ConfigError(f"{option} {shown(text)}: write a share like 5% or 0.05")
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if 100 * value > _WORST:
        raise ConfigError(f"{option} {shown(text)}: more than {_WORST} %; write a share like 5% or 0.05")
    return value


def _write_markdown(found: Comparison, first: Path, second: Path, most: int, failed: str, path: Path) -> None:
    from collab.files import write_whole
    from report.comparing.markdown import markdown

    write_whole(path, markdown(found, first=str(first), second=str(second), most=most, failed=failed))


def _write_page(found: Comparison, first: Path, second: Path, most: int, failed: str, path: Path) -> None:
    from collab.files import write_whole
    from report.comparing.page import comparison_page

    write_whole(path, comparison_page(found, first=str(first), second=str(second), most=most, failed=failed))


def _print(found: Comparison, first: Path, second: Path, most: int, failed: str) -> None:
    from rich.table import Table

    from report.comparing.words import COLUMNS, cells, chosen, headline, sentences

    # Wide enough for a row on one line; a narrower terminal breaks it where it likes.
    console = result_console(width=max(result_console().width, _WIDTH))
    console.print(f"First: {first}  Second: {second}")
    console.print(headline(found))
    shown_rows = chosen(found, most)
    if shown_rows.rows:
        table = Table(box=None, pad_edge=False)
        for column in COLUMNS:
            table.add_column(column, justify="right" if column.endswith(("us", "change", "interval")) else "left")
        for row in shown_rows.rows:
            table.add_row(*cells(row))
        console.print(table)
    if shown_rows.more:
        console.print(f"and {shown_rows.more} more that are proven; --most shows them, --json has all rows")
    for sentence in sentences(found):
        console.print(sentence)
    if failed:
        console.print(f"Fails: {failed}")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
