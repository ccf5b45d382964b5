"""The frame of a page: sections become one HTML file that needs nothing besides.

Scripts and styles stand in the file. Its content security policy allows these scripts, by their digests, and nothing from outside; the
data of the page stands in it once, as JSON, for its own script and for other programs to read.

The plotting library is the part of Plotly that the figures need, 1.4 MB of text which `report/page/library` builds: a browser takes more
than twice as long to start the whole. It stands in the page compressed, and the page's script unpacks it, so that the page can be read
before any of the library is parsed.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from report.page.figures import Drawing
from report.page.markup import Html, element, escaped, joined, json_for_script, sentence

SCHEMA_VERSION: Final = 1
"""Version of the JSON in a page (docs/reference/formats.md); it goes up when what is there changes its meaning."""
DATA_ID: Final = "page-data"
"""The id of the script element that holds the page's data."""
_LIBRARY_ID: Final = "library"
_ASSETS: Final = "report.page.assets"


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading. `key` is its anchor, letters and ``-`` only; `lead` is one sentence on how to read it."""

    key: str
    title: str
    lead: str
    drawing: Drawing


def page(title: str, sections: Sequence[Section], *, opening: Html, data: Mapping[str, Any], footer: str = "") -> str:
    """Returns the whole file.

    Args:
        title: of the page, and its first heading.
        opening: what stands above all sections: the headline.
        data: what the page shows, for other programs; goes into the page's JSON under ``data``.
        footer: a sentence at the end.

    Raises:
        ValueError: a number in `data` or a figure is not finite.
    """
    figures = [figure for section in sections for figure in section.drawing.figures]
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "data": data,
        "figures": {figure.key: figure.to_document() for figure in figures},
    }
    script = _asset("page.js")
    allowed = [script, *([plotly()] if figures else [])]
    head = [
        Html('<meta charset="utf-8">'),
        element("title", escaped(title)),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(allowed)}">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<link rel="icon" href="data:,">'),
        element("style", Html(_asset("page.css"))),
    ]
    body = [
        Html('<a class="skip" href="#content">To the content</a>'),
        _header(title, sections),
        element("main", opening, *map(_section, sections), id="content", tabindex="-1"),
        element("footer", element("p", sentence(footer))) if footer else Html(""),
        Html(f'<script type="application/json" id="{DATA_ID}">{json_for_script(document)}</script>'),
        *([Html(f'<script type="text/plain" id="{_LIBRARY_ID}">{_packed_plotly()}</script>')] if figures else []),
        Html(f"<script>{script}</script>"),
    ]
    return f'<!doctype html>\n<html lang="en">\n<head>\n{joined(head)}\n</head>\n<body>\n{joined(body)}\n</body>\n</html>\n'


def _header(title: str, sections: Sequence[Section]) -> Html:
    links = [element("a", escaped(section.title), href=f"#{section.key}") for section in sections]
    switch = element("button", Html("Dark"), type="button", id="theme", aria_pressed="false", title="Light or dark")
    return element("header", element("h1", escaped(title)), element("nav", *links, aria_label="Sections"), switch)


def _section(section: Section) -> Html:
    heading = element("h2", escaped(section.title), id=f"{section.key}-title")
    lead = [element("p", sentence(section.lead), class_="lead")] if section.lead else []
    return element("section", heading, *lead, section.drawing.html, id=section.key, aria_labelledby=f"{section.key}-title")


def _policy(scripts: Sequence[str]) -> str:
    """Returns a content security policy: these scripts, styles of the file itself, pictures out of the page; nothing else."""
    allowed = " ".join(f"'sha256-{_base64(hashlib.sha256(script.encode()).digest())}'" for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@cache
def _asset(name: str) -> str:
    return (files(_ASSETS) / name).read_text(encoding="utf-8")


def plotly() -> str:
    """Returns the plotting library's JavaScript."""
    return _asset("plotly.min.js")


@cache
def _packed_plotly() -> str:
    return _base64(gzip.compress(plotly().encode(), compresslevel=6, mtime=0))
