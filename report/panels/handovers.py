"""Hand-overs: what each takes by its size, with the line that was fitted, and how far the line is off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from lut.entries import HandoverFit
from lut.tables import USABLE, HandoverRow
from report.data.sources import Profile
from report.page.figures import DASHES, SYMBOLS, Drawing, Figure, Trace, View, axis, layout, plot_text, unit_colour
from report.page.frame import Section
from report.page.markup import Html, data_table, joined, missing
from report.page.numbers import bytes_text, percent, time_text, us_text

Way: TypeAlias = tuple[str, str, str, str, str]
"""Sender, receiver, path, wait and pacing."""
_BYTES_PER_KB: Final = 1024


def section(profiles: Sequence[Profile], lut: str) -> Section:
    """Returns the panel: of each profile one figure, with a view per wait mode, and a table."""
    lead = (
        "Copying out, waking up and copying in (or fetching) together, by the size of what is handed over, per direction. Lines are fitted;"
        " below them is how far each point is from its line."
    )
    with_rows = [profile for profile in profiles if any(_total_us(row) is not None for row in profile.tables.transfers)]
    if not with_rows:
        html = missing("The tables have no hand-overs.", f"syncnas profile --model MODEL --out {lut}")
        return Section("handovers", "Hand-overs", "", Drawing(html))
    pieces: list[Html] = []
    figures: list[Figure] = []
    for number, profile in enumerate(with_rows):
        named = f" of {profile.folder}" if len(with_rows) > 1 else ""
        figures.append(_figure(profile, f"handovers-{number}", named))
        pieces += [figures[-1].html, _fits_table(profile, named), _table(profile, named)]
    return Section("handovers", "Hand-overs", lead, Drawing(joined(pieces), figures))


def _total_us(row: HandoverRow) -> float | None:
    """Returns how long the receiver's data is under way; None of a row without numbers."""
    if row.status not in USABLE or row.read_us is None or row.wakeup_us is None or row.write_us is None:
        return None
    return row.read_us + row.wakeup_us + row.write_us


def _way(row: HandoverRow | HandoverFit) -> Way:
    return (row.from_unit, row.to_unit, row.path, row.wait, row.pacing)


def _line_us(fit: HandoverFit, size: int) -> float:
    kilobytes = size / _BYTES_PER_KB
    copied = fit.read.base_us + fit.write.base_us + kilobytes * (fit.read.us_per_kb + fit.write.us_per_kb)
    return copied + fit.wakeup_us.get("p50", 0.0)


def _figure(profile: Profile, key: str, named: str) -> Figure:
    ways: dict[Way, list[tuple[HandoverRow, float]]] = {}
    for row in sorted(profile.tables.transfers, key=lambda row: row.bytes):
        total = _total_us(row)
        if total is not None:
            ways.setdefault(_way(row), []).append((row, total))
    fits = {_way(fit): fit for fit in profile.tables.meta.transfer_fits}
    modes = list(dict.fromkeys((way[3], way[4]) for way in ways))
    views = [_view(wait, pacing, {way: rows for way, rows in ways.items() if way[3:] == (wait, pacing)}, fits) for wait, pacing in modes]
    return Figure(key, f"Hand-overs by size{named}.", views, height=470)


def _view(wait: str, pacing: str, ways: dict[Way, list[tuple[HandoverRow, float]]], fits: dict[Way, HandoverFit]) -> View:
    traces: list[Trace] = []
    for number, (way, rows) in enumerate(ways.items()):
        sender, receiver, path, _, _ = way
        name = plot_text(f"{sender} to {receiver}, {path}")
        colour, symbol = unit_colour(number), SYMBOLS[number % len(SYMBOLS)]
        x = [row.bytes for row, _ in rows]
        common: Trace = {"type": "scatter", "x": x, "legendgroup": str(number)}
        marker = {"color": colour, "symbol": symbol, "size": 8}
        texts = [plot_text(f"{sender} to {receiver}, {path}", *_lines(row, total)) for row, total in rows]
        traces.append(
            {
                **common,
                "mode": "markers",
                "name": name,
                "y": [us for _, us in rows],
                "marker": marker,
                "hovertext": texts,
                "hoverinfo": "text",
            }
        )
        fit = fits.get(way)
        if fit is not None:
            line = [_line_us(fit, size) for size in x]
            style = {"color": colour, "dash": DASHES[number % len(DASHES)], "width": 1.5}
            traces.append({**common, "mode": "lines", "y": line, "line": style, "hoverinfo": "skip", "showlegend": False})
            off = [100 * (us / expected - 1) if expected > 0 else None for (_, us), expected in zip(rows, line, strict=True)]
            texts = [
                plot_text(f"{sender} to {receiver}, {path}", f"{bytes_text(size)}: {value:+.1f} % from the line")
                if value is not None
                else ""
                for size, value in zip(x, off, strict=True)
            ]
            rest = {
                "yaxis": "y2",
                "mode": "markers",
                "y": off,
                "marker": marker,
                "hovertext": texts,
                "hoverinfo": "text",
                "showlegend": False,
            }
            traces.append({**common, **rest})
    sizes = {
        "type": "log",
        "tickvals": [1 << power for power in range(8, 25, 2)],
        "ticktext": [bytes_text(1 << power) for power in range(8, 25, 2)],
    }
    upper = axis("us", type="log", domain=[0.36, 1], dtick=1, exponentformat="none")
    lower = axis("% off", domain=[0, 0.26], zeroline=True, zerolinecolor="$muted")
    return View(
        f"waiting by {wait}, {pacing}", traces, layout(axis("size of what is handed over", anchor="y2", **sizes), upper, yaxis2=lower)
    )


def _lines(row: HandoverRow, total: float) -> list[str]:
    parts = f"copy out {us_text(row.read_us)}, wake-up {us_text(row.wakeup_us)}, copy in {us_text(row.write_us)} us"
    return [f"{bytes_text(row.bytes)} ({row.bytes:,} bytes): {time_text(total)}", parts]


def _fits_table(profile: Profile, named: str) -> Html:
    columns = ["from", "to", "path", "wait", "pacing", "wake-up us", "base us", "us per KB", "residual out", "residual in", "sizes"]
    rows = [
        [
            *_way(fit),
            us_text(fit.wakeup_us.get("p50")),
            us_text(fit.read.base_us + fit.write.base_us),
            us_text(fit.read.us_per_kb + fit.write.us_per_kb),
            percent(fit.read.median_residual),
            percent(fit.write.median_residual),
            str(fit.write.sizes),
        ]
        for fit in profile.tables.meta.transfer_fits
    ]
    return data_table(f"The lines{named}", columns, rows, numbers_from=5)


def _table(profile: Profile, named: str) -> Html:
    columns = ["from", "to", "path", "wait", "pacing", "bytes", "copy out us", "wake-up us", "copy in us", "claim us", "n", "status"]
    rows = [
        [
            *_way(row),
            f"{row.bytes:,}",
            us_text(row.read_us),
            us_text(row.wakeup_us),
            us_text(row.write_us),
            us_text(row.claim_us),
            str(row.n or ""),
            row.status if row.status == "ok" else f"{row.status}: {row.reason}",
        ]
        for row in profile.tables.transfers
    ]
    return data_table(f"Every hand-over{named} in numbers", columns, rows, numbers_from=5)
