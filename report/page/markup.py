"""Pieces of HTML whose type says that they are safe: what comes out of files gets in through `escaped` only.

Names are data of devices, tables and journals, and are not trusted. Characters that steer a reader rather than be seen are shown as
escapes, as on a terminal (`collab.console.printable`).
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NewType

from collab.console import one_line

Html = NewType("Html", str)
"""HTML that can stand in a page as it is."""

_LONGEST_NAME: Final = 200
TEXT_ONLY: Final = 9
_IN_SCRIPT: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that would end a script element, or a line of one, with the escapes that JSON has for them."""


def escaped(text: str) -> Html:
    """Returns a text as HTML that shows it, on one line; the middle of a very long one is left out."""
    line = one_line(text)
    if len(line) > _LONGEST_NAME:
        line = f"{line[: _LONGEST_NAME * 2 // 3]} ... {line[-_LONGEST_NAME // 4 :]}"
    return Html(html.escape(line, quote=True))


def sentence(text: str) -> Html:
    """Returns a text of any length as HTML that shows it."""
    return Html(html.escape(one_line(text), quote=True))


def joined(pieces: Iterable[Html], *, between: str = "\n") -> Html:
    """Returns pieces one after the other."""
    return Html(between.join(pieces))


def element(name: str, *inside: Html, **attributes: str) -> Html:
    """Returns an element; values of attributes are escaped, ``class_`` and ``aria_label`` stand for ``class`` and ``aria-label``."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(value, quote=True)}"' for key, value in attributes.items())
    return Html(f"<{name}{given}>{''.join(inside)}</{name}>")


def side_by_side(*inside: Html) -> Html:
    """Returns pieces beside each other where the page is wide enough."""
    return element("div", *inside, class_="pair")


def paragraph(*inside: Html, **attributes: str) -> Html:
    """Returns a paragraph."""
    return element("p", *inside, **attributes)


def command(line: str) -> Html:
    """Returns a command line to be typed. Its words do not break at their hyphens: ``-`` and ``-lut`` on two lines are no option."""
    return element("code", joined((element("span", sentence(word)) for word in line.split(" ")), between=" "))


def missing(what: str, line: str) -> Html:
    """Returns the sentence of a panel that has nothing to draw: what it lacks, and the command that makes it."""
    return paragraph(sentence(what), Html(" Make it with: "), command(line), class_="missing")


def diagram_place(name: str, first: str) -> Html:
    """Returns the place where the page's script draws an architecture: the one called `first`, until another is chosen.

    Names are ``SEARCH:NUMBER``: the place of its search in the page's data, and the architecture's number there.
    """
    said = {"role": "group", "aria_label": "Architecture", "aria_live": "polite"}
    return element("div", class_="drawing", data_diagram=first, id=f"diagram-{name}", tabindex="0", **said)


def data_table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers_from: int = 1,
    is_open: bool = False,
    chooses: Sequence[str] = (),
) -> Html:
    """Returns a table that unfolds, with its number of rows in the summary.

    Args:
        numbers_from: the first column whose cells are numbers, which are set to the right; at most `TEXT_ONLY`, of a table without any.
        chooses: for each row the name of an architecture, which its first cell, a button, has drawn; empty: plain cells.
    """
    heads = [element("th", escaped(name), scope="col") for name in columns]
    lines = [
        element("tr", *_cells(row, chooses[at] if chooses else ""), **({"data_row": chooses[at]} if chooses else {}))
        for at, row in enumerate(rows)
    ]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *lines), class_=f"from-{numbers_from}")
    summary = element("summary", escaped(f"{caption} ({len(lines)} {'row' if len(lines) == 1 else 'rows'})"))
    scrolled = element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return element("details", summary, scrolled, **({"open": ""} if is_open else {}))


def _cells(row: Sequence[str], chosen: str) -> list[Html]:
    cells = [element("td", escaped(cell)) for cell in row]
    if chosen:
        cells[0] = element("td", element("button", escaped(row[0]), type="button", data_chooses=chosen))
    return cells


def json_for_script(document: Mapping[str, Any]) -> Html:
    """Returns a JSON object as the content of a script element; no text in it can end the element.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character, escape in _IN_SCRIPT.items():
        text = text.replace(character, escape)
    # Halves of characters have no encoding.
    return Html(text.encode("utf-8", "backslashreplace").decode())
