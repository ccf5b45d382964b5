"""HTML of values, as notebooks show them. Every text in it is escaped: names come out of files and devices."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from collab.console import one_line, shortened

MOST_ROWS: Final = 10
"""Rows of a table that are shown; a frame has all."""
_MOST_CHARACTERS: Final = 300
_CELL: Final = "padding:.1em .6em;vertical-align:top;text-align"


def text(value: object) -> str:
    """Returns a value as HTML that shows its text and does nothing else: escaped, on one line, cut where it is long."""
    return html.escape(one_line(shortened(str(value), most=_MOST_CHARACTERS)))


def card(title: str, facts: Mapping[str, object], *parts: str, notes: Iterable[str] = ()) -> str:
    """Returns a heading, a list of facts by name, further HTML, and notes below."""
    rows = "".join(
        f'<tr><td style="{_CELL}:left;opacity:.7">{text(name)}</td><td style="{_CELL}:left">{text(value)}</td></tr>'
        for name, value in facts.items()
    )
    said = "".join(f'<div style="margin-top:.3em">⚠ {text(note)}</div>' for note in notes)
    return f"<div><strong>{text(title)}</strong><table>{rows}</table>{''.join(parts)}{said}</div>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, most: int = MOST_ROWS) -> str:
    """Returns a table of the first rows, and how many more there are. Texts stand left, numbers right."""
    head = "".join(f'<th style="{_CELL}:left">{text(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows[:most])
    more = f'<div style="opacity:.7">and {len(rows) - most} more rows</div>' if len(rows) > most else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    shown = f"{value:,.3f}" if isinstance(value, float) else "" if value is None else str(value)
    return f'<td style="{_CELL}:{"right" if is_number else "left"}">{text(shown)}</td>'
