"""The device over time: its units' pace, clocks, temperature and thermal status, with the spells in which visits did not count."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from android_harness.device.thermal_status import THERMAL_STATUSES
from report.data.device_log import DeviceLog, Series
from report.data.sources import Profile
from report.page.figures import DASHES, Drawing, Figure, Trace, View, axis, layout, plot_text, unit_colour
from report.page.frame import Section
from report.page.markup import TEXT_ONLY, Html, data_table, joined, missing, paragraph, sentence
from report.page.numbers import digits, percent

_MOST_SPELLS: Final = 200
_GAP: Final = 0.08
_LONG_S: Final = 180.0
"""From here on minutes are easier to read than seconds."""


def section(profiles: Sequence[Profile], lut: str) -> Section:
    """Returns the panel: of each profile with a journal one figure and a table."""
    logs = [(profile, profile.log) for profile in profiles if profile.log is not None and not profile.log.is_empty]
    if not logs:
        html = missing("There is no journal that tells how the device was.", f"syncnas profile --model MODEL --out {lut}")
        return Section("device", "Device over time", "", Drawing(html))
    pieces: list[Html] = []
    figures: list[Figure] = []
    for number, (profile, log) in enumerate(logs):
        named = f" of {profile.folder}" if len(logs) > 1 else ""
        figures.append(_figure(log, f"device-{number}", named))
        pieces += [figures[-1].html, *_remarks(log), _table(log, named), *_hot_table(log, named)]
    lead = (
        "The sentinel is one block that each unit runs again and again: above 100 % the unit was slower than usual, and the tables are"
        " corrected for that. Shaded are spells whose visits were undone because the device was hot."
    )
    return Section("device", "Device over time", lead, Drawing(joined(pieces), figures))


def _figure(log: DeviceLog, key: str, named: str) -> Figure:
    """Returns a figure with a plot beneath the other for everything that the journal tells."""
    plots: list[tuple[str, list[tuple[str, Series, str]], dict[str, Any]]] = []
    if log.pace_us:
        plots.append(("sentinel, % of usual", [(unit, _relative(series), "%") for unit, series in log.pace_us.items()], {}))
    if log.clock_mhz:
        plots.append(("clock MHz", [(name, series, "MHz") for name, series in log.clock_mhz.items()], {"rangemode": "tozero"}))
    if log.temperature_c.values:
        plots.append(("hottest zone °C", [("temperature", log.temperature_c, "°C")], {}))
    if log.thermal_status.values:
        count = len(THERMAL_STATUSES)
        marks = {"tickvals": list(range(count)), "ticktext": list(THERMAL_STATUSES), "range": [-0.3, count - 0.7]}
        plots.append(("thermal status", [("thermal status", log.thermal_status, "")], marks))
    whole_s = max(at_s for _, lines, _ in plots for _, series, _ in lines for at_s in series.at_s)
    scale, scale_s = ("minutes", 60.0) if whole_s >= _LONG_S else ("seconds", 1.0)
    traces: list[Trace] = []
    axes: dict[str, Any] = {}
    height = (1 + _GAP) / len(plots)
    for number, (title, lines, more) in enumerate(plots):
        suffix = "" if number == 0 else str(number + 1)
        top = 1 - number * height
        axes[f"yaxis{suffix}"] = axis(title, domain=[max(0.0, top - height + _GAP), top], **more)
        traces += [
            _line(name, series, f"y{suffix}", unit, at, scale_s, is_new=number == 0) for at, (name, series, unit) in enumerate(lines)
        ]
    last = "y" if len(plots) == 1 else f"y{len(plots)}"
    spells = [_shade(spell.begin_s / scale_s, spell.end_s / scale_s) for spell in log.hot[:_MOST_SPELLS]]
    drawn = layout(axis(f"{scale} since the profile began", anchor=last, zeroline=False), axes.pop("yaxis"), shapes=spells, **axes)
    return Figure(key, f"The device over time{named}.", [View("", traces, drawn)], height=130 + 150 * len(plots))


def _relative(series: Series) -> Series:
    usual = statistics.median(series.values)
    return Series(series.at_s, [100 * value / usual for value in series.values])


def _line(name: str, series: Series, where: str, unit: str, number: int, scale_s: float, *, is_new: bool) -> Trace:
    points = series.thinned
    return {
        "type": "scatter",
        "mode": "lines" if len(points.values) > 1 else "markers",
        "name": plot_text(name),
        "legendgroup": name,
        "showlegend": is_new,
        "yaxis": where,
        "x": [round(at / scale_s, 4) for at in points.at_s],
        "y": [round(value, 3) for value in points.values],
        "line": {"color": unit_colour(number), "width": 1.3, "dash": DASHES[number % len(DASHES)], "shape": "hv" if not unit else "linear"},
        "hovertext": [
            plot_text(f"{name}, after {at / 60:.2f} min", _status(value) if not unit else f"{digits(value, most=4)} {unit}")
            for at, value in zip(points.at_s, points.values, strict=True)
        ],
        "hoverinfo": "text",
    }


def _status(value: float) -> str:
    return THERMAL_STATUSES[int(value)] if 0 <= value < len(THERMAL_STATUSES) else f"status {int(value)}"


def _shade(begin: float, end: float) -> Mapping[str, Any]:
    place = {"type": "rect", "xref": "x", "yref": "paper", "x0": begin, "x1": end, "y0": 0, "y1": 1, "layer": "below"}
    return {**place, "fillcolor": "$shade", "line": {"color": "$warn", "width": 1, "dash": "dot"}}


def _remarks(log: DeviceLog) -> list[Html]:
    silent = [name for name, is_there in (("clocks", log.clock_mhz), ("temperatures", log.temperature_c.values)) if not is_there]
    text = ""
    if log.begin_unix_s is not None:
        text = f"Began {datetime.fromtimestamp(log.begin_unix_s, tz=timezone.utc):%Y-%m-%d %H:%M} UTC. "
    if silent:
        text += f"The device tells no {' and no '.join(silent)}."
    return [paragraph(sentence(text), class_="about")] if text else []


def _table(log: DeviceLog, named: str) -> Html:
    rows = [_row(f"sentinel on {unit}", "us", series) for unit, series in log.pace_us.items()]
    rows += [_row(f"clock of {name}", "MHz", series) for name, series in log.clock_mhz.items()]
    rows += [_row("temperature", "°C", log.temperature_c)] if log.temperature_c.values else []
    rows += [_row("thermal status", "", log.thermal_status)] if log.thermal_status.values else []
    return data_table(
        f"What changed{named}, in numbers", ["what", "in", "least", "median", "most", "most over median", "looks"], rows, numbers_from=2
    )


def _row(name: str, unit: str, series: Series) -> list[str]:
    least, usual, most = min(series.values), statistics.median(series.values), max(series.values)
    above = percent(most / usual - 1, signed=True) if usual else ""
    return [name, unit, *(digits(value, most=4) for value in (least, usual, most)), above, str(len(series.values))]


def _hot_table(log: DeviceLog, named: str) -> list[Html]:
    rows = [[f"{spell.begin_s / 60:.2f}", f"{spell.end_s / 60:.2f}", spell.why] for spell in log.hot]
    return (
        [data_table(f"Spells whose visits were undone{named}", ["from min", "to min", "why"], rows, numbers_from=TEXT_ONLY)] if rows else []
    )
