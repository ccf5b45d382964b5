"""The collaborative timeline: what each unit does and when, as predicted and, below it, as measured."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from report.data.runs import COPIES, RUN, WAIT, Activity, Run
from report.data.sources import Subject
from report.page.figures import Drawing, Figure, Layout, Trace, View, axis, layout, plot_text, unit_colour
from report.page.frame import Section
from report.page.markup import Html, data_table, element, escaped, joined, missing, paragraph, sentence
from report.page.numbers import bytes_text, percent, time_text, us_text

_BAR: Final = 0.62
_GAP: Final = 0.9
"""Height between the lanes of the prediction and those of the measurement, for a line of text."""
_KINDS: Final = {RUN: "runs its blocks", WAIT: "waits for another unit", "copy": "copies in or out"}
_US_PER_MS: Final = 1e3
_LONG_US: Final = 2000.0
"""From here on milliseconds are easier to read than microseconds."""


@dataclass(frozen=True)
class _Scale:
    """Unit of the time axis, and how many microseconds it is."""

    name: str
    us: float


def section(subjects: Sequence[Subject], lut: str) -> Section:
    """Returns the panel: a figure and a table for each model."""
    lead = (
        "Each unit has a lane and a colour. Arrows are hand-overs: they leave when the sender's segment ends, and arrive when the receiver"
        " goes on. The prediction shows every block, the measurement every step."
    )
    if not subjects:
        html = missing("No model was verified, and none was named.", f"syncnas verify --lut {lut} --model MODEL")
        return Section("timeline", "Timeline", "", Drawing(html))
    pieces: list[Html] = []
    figures: list[Figure] = []
    for number, subject in enumerate(subjects):
        figure = _figure(subject, f"timeline-{number}")
        figures.append(figure)
        pieces += [element("h3", escaped(_title(subject))), figure.html, *_notes(subject, lut), _steps_table(subject)]
    return Section("timeline", "Timeline", lead, Drawing(joined(pieces), figures))


def _title(subject: Subject) -> str:
    return f"{subject.name} on {subject.placement}" if subject.placement else subject.name


def _notes(subject: Subject, lut: str) -> list[Html]:
    notes = [paragraph(sentence(subject.note), class_="about")] if subject.note else []
    if subject.measured is None:
        model = shlex.quote(subject.model) if subject.plan is None else f"MODEL.tflite --plan {shlex.quote(str(subject.plan))}"
        notes.append(missing("Not measured yet.", f"syncnas verify --lut {lut} --model {model}"))
    if subject.predicted is None:
        notes.append(missing("Nothing says which model this was, so there is no prediction.", "syncnas report DIR --model MODEL"))
    return notes


def _figure(subject: Subject, key: str) -> Figure:
    runs = [(name, run) for name, run in (("Predicted", subject.predicted), ("Measured", subject.measured)) if run is not None]
    units = tuple(dict.fromkeys(unit for _, run in runs for unit in run.units))
    whole_us = max(run.total_us for _, run in runs)
    scale = _Scale("milliseconds", _US_PER_MS) if whole_us >= _LONG_US else _Scale("microseconds", 1.0)
    traces: list[Trace] = []
    notes: list[dict[str, Any]] = []
    ticks: dict[float, str] = {}
    paths = subject.verification.paths if subject.verification is not None else {}
    top, bottom, seen = 0.0, 0.0, set[str]()
    for name, run in runs:
        heights = {unit: top - number for number, unit in enumerate(units)}
        ticks |= {height: unit for unit, height in heights.items()}
        traces += _bars(run, heights, name, scale, seen, paths)
        notes += [*_arrows(run, heights, scale), _heading(f"{name}: {time_text(run.total_us)}", top)]
        bottom = top - len(units) + 1
        top = bottom - 1 - _GAP
    lanes = len(runs) * (len(units) + _GAP)
    return Figure(
        key,
        f"Timeline of {subject.name}.",
        [View("", traces, _layout(notes, ticks, scale, whole_us, bottom))],
        height=int(110 + 44 * lanes),
    )


def _layout(notes: Sequence[dict[str, Any]], ticks: dict[float, str], scale: _Scale, whole_us: float, bottom: float) -> Layout:
    y = axis("", tickvals=list(ticks), ticktext=[plot_text(unit) for unit in ticks.values()], range=[bottom - 0.55, 0.95])
    x = axis(f"{scale.name} since all units were released", range=[0, 1.02 * whole_us / scale.us], zeroline=False)
    y |= {"showgrid": False, "zeroline": False, "fixedrange": True}
    return layout(x, y, barmode="overlay", annotations=list(notes), uniformtext={"mode": "hide", "minsize": 9})


def _heading(text: str, height: float) -> dict[str, Any]:
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": height + _BAR / 2 + 0.06, "yanchor": "bottom"}
    return {**place, "text": f"<b>{plot_text(text)}</b>", "showarrow": False}


def _bars(run: Run, heights: dict[str, float], name: str, scale: _Scale, seen: set[str], paths: Mapping[str, str]) -> list[Trace]:
    """Returns a trace for each unit and kind of activity, and the names of segments over what runs."""
    traces: list[Trace] = []
    for number, unit in enumerate(heights):
        for kind in _KINDS:
            chosen = [
                activity
                for activity in run.activities
                if activity.unit == unit and _kind(activity) == kind and activity.end_us > activity.begin_us
            ]
            if chosen:
                traces.append(_trace(chosen, kind, number, heights[unit], name, scale, paths, is_new=kind not in seen))
                seen.add(kind)
        traces.append(_segment_names(run, unit, heights[unit], scale))
    return traces


def _kind(activity: Activity) -> str:
    return "copy" if activity.kind in COPIES else activity.kind


def _trace(
    chosen: Sequence[Activity], kind: str, number: int, height: float, name: str, scale: _Scale, paths: Mapping[str, str], *, is_new: bool
) -> Trace:
    pattern = {RUN: "", WAIT: "/", "copy": "x"}[kind]
    colour = unit_colour(number) if kind != WAIT else "$paper"
    return {
        "type": "bar",
        "orientation": "h",
        "name": _KINDS[kind],
        "legendgroup": kind,
        "showlegend": is_new,
        "y": [height] * len(chosen),
        "base": [activity.begin_us / scale.us for activity in chosen],
        "x": [(activity.end_us - activity.begin_us) / scale.us for activity in chosen],
        "width": _BAR,
        "marker": {
            "color": colour,
            "line": {"color": "$paper" if kind != WAIT else "$muted", "width": 0.6},
            "pattern": {
                "shape": pattern,
                "fgcolor": "$muted" if kind == WAIT else "$paper",
                "size": 6,
                "solidity": 0.35,
                "fillmode": "overlay",
            },
        },
        "hovertext": [plot_text(f"{name}, {activity.unit}, {activity.segment}", *_lines(activity, paths)) for activity in chosen],
        "hoverinfo": "text",
    }


def _lines(activity: Activity, paths: Mapping[str, str]) -> list[str]:
    took = time_text(activity.duration_us) + (f" ± {time_text(activity.spread_us)} MAD" if activity.spread_us is not None else "")
    size = f", {bytes_text(activity.size_bytes)}" if activity.size_bytes is not None and activity.peer else ""
    path = paths.get(f"{activity.peer.rpartition('.')[0]}>{activity.unit}", "")
    what = {
        WAIT: f"waits for {activity.peer}{size}{f', path {path}' if path else ''}",
        "write": f"copies in from {activity.peer}{size}",
        "read": f"copies out to {activity.peer}{size}",
    }.get(activity.kind, activity.what if activity.what != RUN else "runs all its blocks")
    return [what, f"{took}, from {time_text(activity.begin_us)} on"]


def _segment_names(run: Run, unit: str, height: float, scale: _Scale) -> Trace:
    """Returns the names of a unit's segments, over all that each runs; the page leaves out those that have no room."""
    spans: dict[str, tuple[float, float]] = {}
    for activity in run.activities:
        if activity.unit == unit and activity.kind == RUN:
            begin, _ = spans.get(activity.segment, (activity.begin_us, 0.0))
            spans[activity.segment] = (begin, activity.end_us)
    return {
        "type": "bar",
        "orientation": "h",
        "y": [height] * len(spans),
        "base": [begin / scale.us for begin, _ in spans.values()],
        "x": [(end - begin) / scale.us for begin, end in spans.values()],
        "width": _BAR,
        "text": [plot_text(name) for name in spans],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "insidetextfont": {"color": "$onunit", "size": 12},
        "marker": {"color": "rgba(0,0,0,0)", "line": {"width": 0}},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _arrows(run: Run, heights: dict[str, float], scale: _Scale) -> list[dict[str, Any]]:
    """Returns an arrow for each hand-over: from where the sender's segment ends to where its receiver goes on."""
    ended: dict[str, Activity] = {}
    for activity in run.activities:
        if activity.kind in (RUN, "read"):
            ended[activity.segment] = activity
    arrows = []
    for wait in run.activities:
        sent = ended.get(wait.peer)
        if wait.kind != WAIT or sent is None:
            continue
        down = heights[sent.unit] > heights[wait.unit]
        edge = _BAR / 2 if down else -_BAR / 2
        begin, end = sent.end_us / scale.us, max(wait.end_us, sent.end_us) / scale.us
        arrows.append(
            {
                "x": end,
                "y": heights[wait.unit] + edge,
                "ax": begin,
                "ay": heights[sent.unit] - edge,
                "axref": "x",
                "ayref": "y",
                "text": "",
                "showarrow": True,
                "arrowhead": 2,
                "arrowsize": 1,
                "arrowwidth": 1.2,
                "arrowcolor": "$ink",
            }
        )
    return arrows


def _steps_table(subject: Subject) -> Html:
    """Returns a table of the steps: each with what it was predicted to take and what it took."""
    predicted = _by_step(subject.predicted)
    measured = _by_step(subject.measured)
    rows = []
    for key in dict.fromkeys([*measured, *predicted]):
        unit, segment, kind, peer = key
        guess, took = predicted.get(key), measured.get(key)
        error = guess / took - 1 if guess is not None and took and kind == RUN else None
        rows.append([unit, segment, kind, peer, us_text(guess), us_text(took), percent(error, signed=True) if error is not None else ""])
    columns = ["unit", "segment", "step", "peer", "predicted us", "measured us", "error"]
    return data_table("Every step in numbers", columns, rows, numbers_from=4)


def _by_step(run: Run | None) -> dict[tuple[str, str, str, str], float]:
    found: dict[tuple[str, str, str, str], float] = {}
    for activity in run.activities if run is not None else ():
        key = (activity.unit, activity.segment, activity.kind, activity.peer)
        found[key] = found.get(key, 0.0) + activity.duration_us
    return found
