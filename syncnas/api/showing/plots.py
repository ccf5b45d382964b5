"""Figures of results, drawn with plotly. Names in them are escaped, as plotly takes some of HTML for what it looks like."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collab.console import one_line, shortened

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLOURS: Final = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB")
"""Paul Tol's bright scheme, which colour-blind people can tell apart (https://personal.sron.nl/~pault/)."""
_STEP_COLOURS: Final = {"run": _COLOURS[0], "write": _COLOURS[3], "read": _COLOURS[2], "wait": "#DDDDDD"}
_MOST_CHARACTERS: Final = 120


@dataclass(frozen=True)
class Bar:
    """A step of a timeline; times in microseconds."""

    line: str
    step: str
    begin_us: float
    duration_us: float
    hover: str


def name(text: object) -> str:
    """Returns a text as plotly shows it unchanged."""
    return html.escape(one_line(shortened(str(text), most=_MOST_CHARACTERS)))


def timeline(title: str, bars: Sequence[Bar]) -> go.Figure:
    """Draws steps as bars, a line for each `Bar.line` from top to bottom, coloured by what they are."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for step in dict.fromkeys(bar.step for bar in bars):
        found = [bar for bar in bars if bar.step == step]
        figure.add_bar(
            name=name(step),
            orientation="h",
            y=[name(bar.line) for bar in found],
            base=[bar.begin_us / 1e3 for bar in found],
            x=[bar.duration_us / 1e3 for bar in found],
            marker={"color": _STEP_COLOURS.get(step, _COLOURS[5]), "line": {"color": "white", "width": 0.5}},
            customdata=[[name(bar.hover), bar.begin_us / 1e3, bar.duration_us / 1e3] for bar in found],
            hovertemplate="%{customdata[0]}<br>begins at %{customdata[1]:.3f} ms, takes %{customdata[2]:.3f} ms<extra></extra>",
        )
    lines = [name(line) for line in dict.fromkeys(bar.line for bar in bars)]
    figure.update_layout(
        **_layout(title, "milliseconds since the release of all units", ""),
        barmode="overlay",
        height=150 + 55 * len(lines),
    )
    figure.update_yaxes(categoryorder="array", categoryarray=lines[::-1], automargin=True)
    return figure


def points(
    title: str,
    groups: Mapping[str, Sequence[tuple[float, float, str]]],
    *,
    x: str,
    y: str,
    log: bool = False,
    line: Sequence[tuple[float, float]] = (),
    line_name: str = "",
) -> go.Figure:
    """Draws points in groups of one colour each, a text for each point that is shown under the mouse, and a line if there is one."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (group, found) in enumerate(groups.items()):
        figure.add_scatter(
            name=name(group),
            mode="markers",
            x=[point[0] for point in found],
            y=[point[1] for point in found],
            text=[name(point[2]) for point in found],
            marker={"color": _COLOURS[number % len(_COLOURS)], "size": 7, "opacity": 0.75},
            hovertemplate="%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
        )
    if line:
        figure.add_scatter(
            name=name(line_name),
            mode="lines",
            x=[point[0] for point in line],
            y=[point[1] for point in line],
            line={"color": "#777777", "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    figure.update_layout(**_layout(title, x, y), height=420)
    if log:
        figure.update_xaxes(type="log")
        figure.update_yaxes(type="log")
    return figure


def _layout(title: str, x: str, y: str) -> dict[str, Any]:
    return {
        "title": {"text": name(title), "font": {"size": 15}},
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
        "template": "plotly_white",
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1.0, "xanchor": "right"},
        "margin": {"l": 60, "r": 20, "t": 70, "b": 50},
    }
