"""A comparison as one page of HTML: its headline, a figure of the largest differences with their intervals, and all that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from report.comparing.comparison import Comparison
from report.comparing.document import document
from report.comparing.effects import Row
from report.comparing.words import COLUMNS, cells, change_text, chosen, headline, interval_text, sentences
from report.page.figures import Drawing, Figure, Trace, View, axis, layout, plot_text
from report.page.frame import Section, page
from report.page.markup import Html, data_table, element, joined, paragraph, sentence

_MOST_DRAWN: Final = 40
_NUMBERS_FROM: Final = COLUMNS.index("first us")
_ROW_HEIGHT: Final = 22
_LEAD: Final = (
    "The change from the first to the second with its interval of 95 %: proven ones filled, the largest differences first. An interval that"
    " holds 0 shows no difference."
)


def comparison_page(found: Comparison, *, first: str, second: str, most: int, failed: str = "") -> str:
    """Returns the whole page; it needs nothing besides.

    Args:
        first, second: the two sides as they were named.
        most: the number of rows in its table.
        failed: why the comparison fails; empty if it does not.
    """
    opening = [paragraph(element("strong", sentence(headline(found))))]
    opening += [paragraph(element("strong", sentence(f"Fails: {failed}")))] if failed else []
    opening.append(paragraph(sentence(f"First: {first}; second: {second}")))
    said = element("ul", *(element("li", sentence(text)) for text in sentences(found)))
    sections = [_differences(found), _rows(found, most), Section("said", "What else is to be said", "", Drawing(said))]
    return page(f"Latency: {found.verdict}", sections, opening=joined(opening), data=document(found, first=first, second=second))


def _differences(found: Comparison) -> Section:
    rows = [row for row in found.rows if row.interval is not None][:_MOST_DRAWN]
    if not rows:
        nothing = paragraph(sentence("No row of both sides has an error, so no interval can be drawn."), class_="missing")
        return Section("differences", "Differences", "", Drawing(nothing))
    view = View("all", [_trace(rows, proven=proven) for proven in (True, False)], _layout(rows))
    figure = Figure("differences", "Changes with their intervals, row by row.", [view], height=120 + _ROW_HEIGHT * len(rows))
    return Section("differences", "Differences", _LEAD, Drawing(figure.html, [figure]))


def _trace(rows: Sequence[Row], *, proven: bool) -> Trace:
    drawn = [(number, row, row.interval) for number, row in enumerate(rows) if row.is_proven == proven]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "proven" if proven else "no difference shown",
        "x": [100 * (row.ratio - 1) for _, row, _ in drawn],
        "y": [number for number, _, _ in drawn],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (interval[1] - row.ratio) for _, row, interval in drawn if interval is not None],
            "arrayminus": [100 * (row.ratio - interval[0]) for _, row, interval in drawn if interval is not None],
            "color": "$unit0" if proven else "$muted",
        },
        "marker": {"color": "$unit0" if proven else "$muted", "symbol": "circle" if proven else "circle-open", "size": 9},
        "hovertext": [plot_text(_name(row), change_text(row.ratio), interval_text(interval)) for _, row, interval in drawn],
        "hoverinfo": "text",
    }


def _name(row: Row) -> str:
    return " ".join(part for part in (row.pair.unit, row.pair.shown_name) if part)


def _layout(rows: Sequence[Row]) -> dict[str, Any]:
    names = [plot_text(_name(row)[:60]) for row in rows]
    places = axis("", tickvals=list(range(len(rows))), ticktext=names, autorange="reversed", automargin=True)
    return layout(axis("change, %", zeroline=True), places)


def _rows(found: Comparison, most: int) -> Section:
    shown = chosen(found, most)
    pieces: list[Html] = [data_table("Rows", COLUMNS, [cells(row) for row in shown.rows], numbers_from=_NUMBERS_FROM, is_open=True)]
    if shown.more:
        pieces.append(paragraph(sentence(f"and {shown.more} more that are proven; the page's data has all rows")))
    if not shown.rows:
        pieces = [paragraph(sentence(f"No row is proven to differ, of {shown.unproven}."))]
    return Section("rows", "Rows", "", Drawing(joined(pieces)))
