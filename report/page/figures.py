"""Figures: what Plotly is given, as plain JSON, with colours by name, so that the page can draw it light or dark.

Every trace has a text of its own for each point, which the page shows under the mouse, and says when the point is reached by a key.
Colours are ``$`` and a name of the palette in ``page.js``; units have ``$unit0`` to ``$unit7``, of Okabe and Ito's palette.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from collab.console import one_line
from report.page.markup import Html, element, escaped

Trace: TypeAlias = dict[str, Any]
Layout: TypeAlias = dict[str, Any]
_COLOURS: Final = 8
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
DASHES: Final = ("solid", "dash", "dot", "dashdot")
KINDS: Final = ("bar", "heatmap", "icicle", "scatter")
"""The kinds of traces that the page's plotting library has: it draws another kind as points, without a word."""
PATTERNS: Final = ("", "/", "x", "-", "|", "+", ".", "\\")


@dataclass(frozen=True)
class View:
    """One way to look at a figure: its traces and its layout. A figure of several views has a choice above it."""

    label: str
    traces: Sequence[Trace]
    layout: Layout

    def __post_init__(self) -> None:
        for trace in self.traces:
            if trace["type"] not in KINDS:
                raise ValueError(f"The page's library has no traces of the kind {trace['type']}: add it to report/page/library.")


@dataclass(frozen=True)
class Figure:
    """A figure. `key` is its name in the page, letters and ``-`` only; `label` says to who cannot see it what it shows."""

    key: str
    label: str
    views: Sequence[View]
    height: int = 360

    def to_document(self) -> list[Mapping[str, Any]]:
        """Returns all views as JSON objects."""
        return [{"label": view.label, "traces": list(view.traces), "layout": view.layout} for view in self.views]

    @property
    def html(self) -> Html:
        """The place of the figure in the page; the page's script draws it there."""
        choice: list[Html] = []
        if len(self.views) > 1:
            options = [element("option", escaped(view.label), value=str(number)) for number, view in enumerate(self.views)]
            picker = element("select", *options, data_views=self.key)
            choice = [element("label", Html("Show "), picker, class_="choice")]
        chart = element(
            "div",
            id=f"figure-{self.key}",
            class_="chart",
            data_figure=self.key,
            data_height=str(self.height),
            tabindex="0",
            role="group",
            aria_label=f"{self.label} Arrow keys go from point to point.",
        )
        said = element("p", id=f"said-{self.key}", class_="said", role="status", aria_live="polite")
        return element("figure", *choice, chart, said)


@dataclass(frozen=True)
class Drawing:
    """Part of a page: HTML, and the figures that stand in it."""

    html: Html
    figures: Sequence[Figure] = field(default_factory=tuple)


def plot_text(*lines: str) -> str:
    """Returns lines as Plotly shows them: it reads a few HTML tags and entities in every text, so what they say is escaped."""
    return "<br>".join(html.escape(one_line(line)[:200], quote=False) for line in lines)


def unit_colour(number: int) -> str:
    """Returns the name of a unit's colour."""
    return f"$unit{number % _COLOURS}"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Returns an axis with its title, if it has one."""
    named = {"title": {"text": plot_text(title), "standoff": 8}} if title else {}
    return {**named, "automargin": True, **more}


def layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> Layout:
    """Returns a layout with two axes and the legend above the plot."""
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    return {"xaxis": x, "yaxis": y, "legend": legend, "margin": {"l": 56, "r": 16, "t": 36, "b": 48}, "hovermode": "closest", **more}
