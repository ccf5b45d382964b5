"""``python -m report.compare``: where two tables, certificates or runs differ, and whether that is proven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collab.cli import FAILED, make_app, print_json, run_app
from collab.console import result_console
from collab.options import AsJson, option, place, share, whole

if TYPE_CHECKING:
    from report.comparing.comparison import Comparison

_WIDTH = 140


def main(
    first: Annotated[Path, place("FIRST", help="Tables (a folder), a certificate.json, or a run (a journal, a bundle).")],
    second: Annotated[Path, place("SECOND", help="Another of the same kind, which may be slower or faster.")],
    margin: Annotated[
        str, option(value="SHARE", help="Difference up to which both count as alike: what another day brings by itself.")
    ] = "2%",
    fail_above: Annotated[
        str,
        option("--fail-above", value="SHARE", help="End with status 1 if it is proven to be slower by more than this, e.g. 5%."),
    ] = "",
    most: Annotated[int, whole(least=0, most=100_000, value="ROWS", help="Rows to show, those that differ most first.")] = 10,
    markdown: Annotated[Path | None, option(value="FILE", help="Also write the comparison to this file, as Markdown.")] = None,
    page: Annotated[Path | None, option(value="FILE", help="Also write the comparison to this file, as a page of HTML.")] = None,
    json: AsJson = False,
) -> None:
    """Say where two tables, certificates or runs differ, and whether that is proven.

    They are compared row by row and as a whole; what chance alone may have done does not count.
    """
    from report.comparing.document import document
    from report.comparing.sides import compare

    limit = share("--fail-above", fail_above) if fail_above else None
    found = compare(first, second, margin=share("--margin", margin))
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
        raise typer.Exit(FAILED)


def _write_markdown(found: Comparison, first: Path, second: Path, most: int, failed: str, path: Path) -> None:
    from collab.files import write_own
    from report.comparing.markdown import BEGIN, markdown

    text = markdown(found, first=str(first), second=str(second), most=most, failed=failed)
    write_own(path, text, begin=BEGIN, what="comparison in Markdown")


def _write_page(found: Comparison, first: Path, second: Path, most: int, failed: str, path: Path) -> None:
    from collab.files import write_page
    from report.comparing.page import comparison_page

    write_page(path, comparison_page(found, first=str(first), second=str(second), most=most, failed=failed))


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


app = make_app(
    main,
    examples=(
        "syncnas compare luts/old luts/new --fail-above 5%",
        "syncnas compare base.jsonl head.jsonl --margin 1% \\\n    --markdown summary.md --page comparison.html",
    ),
)

if __name__ == "__main__":
    run_app(app)
