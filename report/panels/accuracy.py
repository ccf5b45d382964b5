"""Predicted against measured: every strategy of the certificate, and the models that were verified."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from report.data.sources import Profile, Subject
from report.page.figures import SYMBOLS, Drawing, Figure, Trace, View, axis, layout, plot_text, unit_colour
from report.page.frame import Section
from report.page.markup import Html, data_table, joined, missing, paragraph, sentence, side_by_side
from report.page.numbers import percent, time_text

_BAND: Final = 0.10
_US_PER_MS: Final = 1e3
_NARROWEST_BIN: Final = 0.01


@dataclass(frozen=True)
class Point:
    """A model that was predicted and measured, in microseconds, with its signed error."""

    name: str
    predicted_us: float
    measured_us: float
    error: float


def section(profiles: Sequence[Profile], subjects: Sequence[Subject], lut: str) -> Section:
    """Returns the panel: a scatter with the line of equality, the distribution of errors, and tables."""
    groups = {f"certificate of {profile.folder}": _points(profile) for profile in profiles if profile.strategies}
    verified = [point for subject in subjects if (point := _verified(subject)) is not None]
    if verified:
        groups["verified"] = verified
    pieces: list[Html] = []
    for profile in profiles:
        certificate = profile.tables.meta.certificate
        if certificate is not None:
            pieces.append(paragraph(sentence(f"{certificate.sentence}, measured {certificate.measured_at}.")))
        else:
            pieces.append(
                missing(f"The tables in {profile.folder} have no certificate.", f"syncnas certify --lut {shlex.quote(str(profile.folder))}")
            )
    if not groups and not pieces:
        pieces.append(missing("Nothing was both predicted and measured.", f"syncnas certify --lut {lut}"))
    figures = [_scatter(groups)] if groups else []
    if any(len(points) > 1 for points in groups.values()):
        figures.append(_distribution({name: points for name, points in groups.items() if len(points) > 1}))
    pieces.append(side_by_side(*(figure.html for figure in figures)))
    pieces += _baselines(profiles)
    if groups:
        pieces.append(_table(groups))
    lead = (
        "A point on the line was predicted exactly, one in the band within 10 %. Certificates are of strategies that the tables had not"
        " seen, at the units' speed of when they ran."
    )
    return Section("accuracy", "Predicted against measured", lead if groups else "", Drawing(joined(pieces), figures))


def _points(profile: Profile) -> list[Point]:
    return [Point(each.model, each.corrected_us, each.measured_us, each.error_drift_corrected) for each in profile.strategies]


def _verified(subject: Subject) -> Point | None:
    verification = subject.verification
    if verification is None:
        return None
    said, measured_us = verification.said, verification.measured.median
    if said is not None:
        return Point(subject.name, said.corrected_us or said.predicted_us, measured_us, said.error_drift_corrected)
    if subject.predicted is None:
        return None
    return Point(subject.name, subject.predicted.total_us, measured_us, subject.predicted.total_us / measured_us - 1)


def _scatter(groups: dict[str, list[Point]]) -> Figure:
    every = [us / _US_PER_MS for points in groups.values() for point in points for us in (point.predicted_us, point.measured_us)]
    low, high = 0.9 * min(every), 1.08 * max(every)
    band: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "within 10 %",
        "x": [low, high, high, low, low],
        "y": [low * (1 + _BAND), high * (1 + _BAND), high * (1 - _BAND), low * (1 - _BAND), low * (1 + _BAND)],
        "fill": "toself",
        "fillcolor": "$grid",
        "line": {"width": 0, "color": "$grid"},
        "hoverinfo": "skip",
    }
    equal: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "equal",
        "x": [low, high],
        "y": [low, high],
        "line": {"color": "$muted", "dash": "dash", "width": 1.5},
        "hoverinfo": "skip",
    }
    traces = [band, equal]
    for number, (name, points) in enumerate(groups.items()):
        marker = {"color": unit_colour(number), "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 11 if len(points) == 1 else 8}
        texts = [
            plot_text(
                point.name,
                f"predicted {time_text(point.predicted_us)}, measured {time_text(point.measured_us)}: {percent(point.error, signed=True)}",
            )
            for point in points
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plot_text(name),
                "x": [point.measured_us / _US_PER_MS for point in points],
                "y": [point.predicted_us / _US_PER_MS for point in points],
                "marker": marker,
                "hovertext": texts,
                "hoverinfo": "text",
            }
        )
    x, y = axis("measured ms", range=[low, high]), axis("predicted ms", range=[low, high])
    return Figure("accuracy", "Predicted over measured latency.", [View("", traces, layout(x, y))], height=440)


def _distribution(groups: dict[str, list[Point]]) -> Figure:
    traces: list[Trace] = []
    errors = [point.error for points in groups.values() for point in points]
    width = max(_NARROWEST_BIN, round((max(errors) - min(errors)) / 20, 2))
    for number, (name, points) in enumerate(groups.items()):
        counts: dict[int, int] = {}
        for point in points:
            at = math.floor(point.error / width)
            counts[at] = counts.get(at, 0) + 1
        traces.append(
            {
                "type": "bar",
                "name": plot_text(name),
                "x": [100 * width * (at + 0.5) for at in sorted(counts)],
                "y": [counts[at] for at in sorted(counts)],
                "width": 100 * width,
                "opacity": 0.85,
                "marker": {"color": unit_colour(number), "line": {"color": "$paper", "width": 1}},
                "hovertext": [
                    plot_text(f"{100 * width * at:+.0f} to {100 * width * (at + 1):+.0f} %: {counts[at]} strategies")
                    for at in sorted(counts)
                ],
                "hoverinfo": "text",
            }
        )
    x = axis("error of the prediction, %", zeroline=True, zerolinecolor="$ink", range=_span(errors, width))
    return Figure(
        "errors",
        "Distribution of the errors.",
        [View("", traces, layout(x, axis("strategies", dtick=_step(traces)), barmode="overlay"))],
        440,
    )


def _span(errors: Sequence[float], width: float) -> list[float]:
    """Returns a range of percent around 0 that holds all errors."""
    reach = 100 * (max(abs(error) for error in errors) + width)
    return [-reach, reach]


def _step(traces: Sequence[Trace]) -> int:
    most: int = max(max(trace["y"]) for trace in traces)
    return max(1, round(most / 5))


def _baselines(profiles: Sequence[Profile]) -> list[Html]:
    names = {"isolated_sum": "sum of isolated blocks", "macs": "MACs-proportional"}
    rows = [
        [
            str(profile.folder),
            name,
            percent(found.median_error),
            percent(found.p95_error),
            f"{100 * found.within_5:.0f} %",
            f"{100 * found.within_10:.0f} %",
        ]
        for profile in profiles
        if (certificate := profile.tables.meta.certificate) is not None
        for name, found in {
            "replay, drift-corrected": certificate.corrected,
            "replay, raw": certificate.raw,
            **{names.get(key, key): value for key, value in certificate.baselines.items()},
        }.items()
    ]
    columns = ["tables", "prediction", "median error", "p95 error", "within 5 %", "within 10 %"]
    return [data_table("The prediction beside simpler ones", columns, rows, numbers_from=2, is_open=True)] if rows else []


def _table(groups: dict[str, list[Point]]) -> Html:
    rows = [
        [
            name,
            point.name,
            f"{point.predicted_us / _US_PER_MS:.3f}",
            f"{point.measured_us / _US_PER_MS:.3f}",
            percent(point.error, signed=True),
        ]
        for name, points in groups.items()
        for point in points
    ]
    return data_table("Every model in numbers", ["from", "model", "predicted ms", "measured ms", "error"], rows, numbers_from=2)
