"""A comparison in Markdown, as pull requests and job summaries show it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collab.console import one_line, shortened
from report.comparing.comparison import Comparison
from report.comparing.words import COLUMNS, cells, chosen, headline, sentences

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~$@&])")
_NUMBERS = ("first us", "second us", "change", "95 % interval")
_MOST_CHARACTERS = 300
_TITLE = "### Latency: "
BEGIN = _TITLE.lower().encode()
"""The first letters of a comparison, as `collab.files.write_own` takes them."""


def markdown(found: Comparison, *, first: str, second: str, most: int, failed: str = "") -> str:
    """Returns a comparison as Markdown. Names come out of files, so nothing in them has a meaning in it.

    Args:
        first, second: the two sides as they were named.
        most: how many rows are shown.
        failed: why the comparison fails; empty if it does not.
    """
    lines = [f"{_TITLE}{escaped(found.verdict)}", "", f"**{escaped(headline(found))}**", ""]
    if failed:
        lines += [f"**Fails:** {escaped(failed)}", ""]
    lines += [f"First: {escaped(first)}, second: {escaped(second)}", ""]
    shown = chosen(found, most)
    if shown.rows:
        lines += _table([cells(row) for row in shown.rows])
    if shown.more:
        lines += [f"and {shown.more} more that are proven", ""]
    lines += [f"* {escaped(sentence)}" for sentence in sentences(found)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    rule = "|".join("---:" if column in _NUMBERS else "---" for column in COLUMNS)
    return [
        f"| {' | '.join(COLUMNS)} |",
        f"|{rule}|",
        *(f"| {' | '.join(escaped(cell) for cell in row)} |" for row in rows),
        "",
    ]


def escaped(text: str) -> str:
    """Returns a text so that Markdown shows it as it is."""
    return _ACTIVE.sub(r"\\\1", one_line(shortened(text, most=_MOST_CHARACTERS)))
