"""Several profiles side by side: a table of headline numbers, and the blocks of each against those of an earlier one."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from lut.tables import USABLE
from report.data.sources import Profile
from report.page.figures import SYMBOLS, Drawing, Figure, Trace, View, axis, layout, plot_text, unit_colour
from report.page.frame import Section
from report.page.markup import Html, data_table, joined, missing, paragraph, sentence
from report.page.numbers import NOTHING, digits, percent, time_text, us_text


def section(profiles: Sequence[Profile], lut: str) -> Section:
    """Returns the panel: a table of all profiles, and a figure with a view for each that has blocks of an earlier one."""
    title = "Side by side"
    if len(profiles) < 2:
        html = missing("One profile alone has nothing beside it.", f"syncnas report {lut} ANOTHER_FOLDER")
        return Section("side-by-side", title, "", Drawing(html))
    pieces: list[Html] = [_headlines(profiles)]
    pairs = list(_pairs(profiles))
    views = [_view(first, other) for first, other in pairs]
    figures = [Figure("side-by-side", "Blocks of two profiles against each other.", views, height=460)] if views else []
    pieces += [figure.html for figure in figures]
    pieces.append(_ratios(pairs) if pairs else paragraph(sentence("They have no block in common."), class_="missing"))
    lead = (
        "Each point is a block that both profiles have; on the dashed line it takes as long in both. Whether a difference is more than"
        " chance, syncnas compare says."
    )
    return Section("side-by-side", title, lead, Drawing(joined(pieces), figures))


def _headlines(profiles: Sequence[Profile]) -> Html:
    columns = ["tables", "device", "measured", "unit", "network alone", "call us", "blocks", "drift", "predictions off"]
    rows = []
    for profile in profiles:
        meta = profile.tables.meta
        certificate = meta.certificate
        for unit in meta.units:
            network, call = meta.network_runs.get(unit), meta.call_in_network.get(unit)
            rows.append(
                [
                    str(profile.folder),
                    meta.device,
                    meta.measured_at[:16].replace("T", " "),
                    unit,
                    time_text(network.median_us) if network is not None else NOTHING,
                    us_text(call.median_us) if call is not None else NOTHING,
                    str(sum(row.unit == unit and row.status in USABLE for row in profile.tables.blocks)),
                    percent(meta.drift.get(unit)),
                    percent(certificate.corrected.median_error) if certificate is not None else "no certificate",
                ]
            )
    return data_table("Headline numbers", columns, rows, numbers_from=4, is_open=True)


def _medians(profile: Profile) -> dict[tuple[str, str], float]:
    found = {}
    for row in profile.tables.blocks:
        us = row.median_us if row.median_us is not None else row.marginal_us
        if row.status in USABLE and us is not None:
            found[row.unit, row.block] = us
    return found


def _pairs(profiles: Sequence[Profile]) -> Iterator[tuple[Profile, Profile]]:
    """Yields each profile that has blocks of an earlier one behind the first of these."""
    for number, other in enumerate(profiles):
        theirs = _medians(other).keys()
        first = next((earlier for earlier in profiles[:number] if _medians(earlier).keys() & theirs), None)
        if first is not None:
            yield first, other


def _view(first: Profile, other: Profile) -> View:
    """Draws the blocks that both have, of which there is at least one."""
    mine, theirs = _medians(first), _medians(other)
    names = {row.block: row.name for row in first.tables.blocks}
    units = [unit for unit in first.tables.meta.units if unit in other.tables.meta.units]
    shared = [key for key in mine if key in theirs]
    ends = [min(min(mine[key], theirs[key]) for key in shared) * 0.8, max(max(mine[key], theirs[key]) for key in shared) * 1.25]
    equal = {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "line": {"color": "$muted", "dash": "dash"},
        "hoverinfo": "skip",
        "name": "equal",
    }
    traces: list[Trace] = [equal]
    for number, unit in enumerate(units):
        keys = [key for key in shared if key[0] == unit]
        texts = [
            plot_text(
                f"{names[key[1]]} on {unit}",
                f"{us_text(mine[key])} us, here {us_text(theirs[key])} us: ratio {theirs[key] / mine[key]:.2f}",
            )
            for key in keys
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plot_text(unit),
                "x": [mine[key] for key in keys],
                "y": [theirs[key] for key in keys],
                "marker": {"color": unit_colour(number), "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 6, "opacity": 0.75},
                "hovertext": texts,
                "hoverinfo": "text",
            }
        )
    scale = {"type": "log", "dtick": 1, "exponentformat": "none"}
    drawn = layout(axis(f"us in {first.folder}", **scale), axis(f"us in {other.folder}", **scale))
    return View(f"{other.folder} against {first.folder}", traces, drawn)


def _ratios(pairs: Sequence[tuple[Profile, Profile]]) -> Html:
    rows = []
    for first, other in pairs:
        mine, theirs = _medians(first), _medians(other)
        for unit in first.tables.meta.units:
            ratios = sorted(theirs[key] / us for key, us in mine.items() if key[0] == unit and key in theirs)
            if ratios:
                low, high = ratios[len(ratios) // 20], ratios[-1 - len(ratios) // 20]
                rows.append(
                    [
                        str(other.folder),
                        str(first.folder),
                        unit,
                        str(len(ratios)),
                        *(digits(value) for value in (statistics.median(ratios), low, high)),
                    ]
                )
    columns = ["tables", "against", "unit", "blocks in both", "median ratio", "5 % below", "5 % above"]
    return data_table("Ratios", columns, rows, numbers_from=3, is_open=True)
