"""Blocks on each unit: a heat map over stages and channels, and where one unit overtakes another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final, TypeAlias

import numpy as np

from collab.blocks import MBConv, parse_any_key
from lut.statistics import Z95
from lut.tables import USABLE, BlockRow
from report.comparing.effects import Cost, Effect
from report.data.sources import Profile
from report.page.figures import Drawing, Figure, Trace, View, axis, layout, plot_text
from report.page.frame import Section
from report.page.markup import Html, data_table, joined, missing
from report.page.numbers import digits, us_text

Shape: TypeAlias = tuple[int, int, int, int, int]
"""Size, kernel, stride, and channels in and out of an MBConv: everything but its expansion channels."""
_COLUMNS: Final = 36
"""Widths across the map; between measured ones, colours are interpolated."""
_MOST_PAIRS: Final = 6
_MOST_LINES: Final = 60
_FEW: Final = 2


@dataclass(frozen=True)
class Measured:
    """A block's median at one width, in microseconds, with its standard error over so many visits; None where that is not known."""

    width: int
    us: float
    se_us: float | None
    visits: int | None


@dataclass(frozen=True)
class Crossing:
    """Expansion channels between which one unit becomes faster than the other, proven on either side."""

    shape: Shape
    below: int
    above: int
    faster_above: str


def section(profiles: Sequence[Profile], lut: str) -> Section:
    """Returns the panel: of each profile one figure, with a view per unit and per two units, and its tables."""
    if not profiles:
        return Section("blocks", "Blocks", "", Drawing(missing("No profile was named.", f"syncnas profile --model MODEL --out {lut}")))
    pieces: list[Html] = []
    figures: list[Figure] = []
    for number, profile in enumerate(profiles):
        found = _by_shape(profile.tables.blocks)
        named = f" of {profile.folder}" if len(profiles) > 1 else ""
        if found:
            figures.append(_figure(found, f"blocks-{number}", named))
            pieces.append(figures[-1].html)
            pieces += _crossings_table(found, named)
        pieces.append(_table(profile.tables.blocks, f"Every block{named} in numbers"))
    lead = (
        "A row is a kind of block (size, kernel, stride, channels in and out), a column its expansion channels. Dots are measured; colours"
        " between them are interpolated. Two units are shown as a ratio, and a diamond marks where one overtakes the other, where that is"
        " proven."
    )
    return Section("blocks", "Blocks on each unit", lead, Drawing(joined(pieces), figures))


def _by_shape(rows: Sequence[BlockRow]) -> dict[str, dict[Shape, list[Measured]]]:
    """Returns what was measured of MBConvs by unit and shape, widths ascending; shapes of one width say nothing of channels."""
    found: dict[str, dict[Shape, list[Measured]]] = {}
    for row in rows:
        us = row.median_us if row.median_us is not None else row.marginal_us
        if row.status not in USABLE or us is None:
            continue
        block = parse_any_key(row.block)
        if isinstance(block, MBConv):
            shape = (block.in_size, block.kernel, block.stride, block.in_c, block.out_c)
            found.setdefault(row.unit, {}).setdefault(shape, []).append(Measured(block.exp_c, us, row.median_se_us, row.visits))
    chosen: dict[str, dict[Shape, list[Measured]]] = {}
    for unit, shapes in found.items():
        wide = {shape: sorted(values, key=lambda value: value.width) for shape, values in shapes.items() if len(values) >= _FEW}
        most = sorted(wide, key=lambda shape: -len(wide[shape]))[:_MOST_LINES]
        if wide:
            chosen[unit] = {shape: wide[shape] for shape in sorted(most, key=_order)}
    return chosen


def _order(shape: Shape) -> tuple[int, ...]:
    size, kernel, stride, in_c, out_c = shape
    return (-size, in_c, stride, kernel, out_c)


def _name(shape: Shape) -> str:
    size, kernel, stride, in_c, out_c = shape
    return f"{size}² k{kernel} s{stride} {in_c}→{out_c}"


def _figure(found: Mapping[str, Mapping[Shape, Sequence[Measured]]], key: str, named: str) -> Figure:
    units = list(found)
    pairs = list(combinations(units, 2))[:_MOST_PAIRS]
    views = [_unit_view(unit, found[unit]) for unit in units]
    views += [view for one, other in pairs if (view := _ratio_view(one, other, found)) is not None]
    rows = max(len(shapes) for shapes in found.values())
    return Figure(key, f"Heat map of the blocks{named}.", views, height=150 + 17 * rows)


def _grid(shapes: Mapping[Shape, Sequence[Measured]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    widths = [value.width for values in shapes.values() for value in values]
    return np.geomspace(min(widths), max(*widths, min(widths) + 1), _COLUMNS)


def _interpolated(values: Sequence[Measured], grid: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Returns the time at each width of the grid; None outside of what was measured."""
    widths = [value.width for value in values]
    times = np.interp(grid, widths, [value.us for value in values])
    # A cell is as wide as two neighbours are apart; one that holds the first or the last measured width is coloured whole.
    half = float(grid[1] / grid[0]) ** 0.5
    return [float(us) if widths[0] / half <= width <= widths[-1] * half else None for us, width in zip(times, grid, strict=True)]


def _unit_view(unit: str, shapes: Mapping[Shape, Sequence[Measured]]) -> View:
    grid = _grid(shapes)
    lines = [_interpolated(values, grid) for values in shapes.values()]
    shown = [us for line in lines for us in line if us]
    ticks = [tick for power in range(-2, 7) for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if min(shown) <= tick <= max(shown)]
    names = [plot_text(_name(shape)) for shape in shapes]
    heat: Trace = {
        "type": "heatmap",
        "x": np.round(np.log2(grid), 5).tolist(),
        "y": names,
        "z": [[None if us is None else round(float(np.log10(us)), 4) for us in line] for line in lines],
        "colorscale": "Cividis",
        "colorbar": {
            "title": {"text": "us", "side": "top"},
            "tickvals": [float(np.log10(tick)) for tick in ticks],
            "ticktext": [f"{tick:,g}" for tick in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
        "hoverinfo": "skip",
    }
    dots = _dots(
        [
            (name, value, f"{us_text(value.us)} us{_known(value)}")
            for name, values in zip(names, shapes.values(), strict=True)
            for value in values
        ],
        unit,
    )
    return View(f"{unit}: microseconds", [heat, dots], _layout(grid, len(names)))


def _known(value: Measured) -> str:
    return f" ± {digits(Z95 * value.se_us)}" if value.se_us is not None else ""


def _dots(points: Sequence[tuple[str, Measured, str]], unit: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(np.log2(value.width)), 5) for _, value, _ in points],
        "y": [name for name, _, _ in points],
        "marker": {"size": 4, "color": "#ffffff", "line": {"color": "#000000", "width": 0.7}},
        "hovertext": [plot_text(f"{unit}, {value.width} channels", text) + f"<br>{name}" for name, value, text in points],
        "hoverinfo": "text",
        "showlegend": False,
    }


def _layout(grid: np.ndarray[Any, np.dtype[np.float64]], rows: int) -> dict[str, Any]:
    ticks = [2**power for power in range(17) if grid[0] * 0.99 <= 2**power <= grid[-1] * 1.01]
    half = float(np.log2(grid[1] / grid[0])) / 2
    ends = [float(np.log2(grid[0])) - half, float(np.log2(grid[-1])) + half]
    labels = {"tickvals": [float(np.log2(tick)) for tick in ticks], "ticktext": [str(tick) for tick in ticks]}
    x = axis("expansion channels", showgrid=False, range=ends, **labels)
    y = axis("", type="category", range=[rows - 0.5, -0.5], showgrid=False, tickfont={"size": 11}, dtick=1)
    return layout(x, y, showlegend=False)


def _ratio_view(one: str, other: str, found: Mapping[str, Mapping[Shape, Sequence[Measured]]]) -> View | None:
    """Returns how many times as long blocks take on one unit as on the other; None where no kind of block was measured on both."""
    shapes = {shape: (found[one][shape], found[other][shape]) for shape in found[one] if shape in found[other]}
    if not shapes:
        return None
    grid = _grid({shape: values for shape, (values, _) in shapes.items()})
    names = [plot_text(_name(shape)) for shape in shapes]
    lines = [
        [None if us is None or them is None else round(float(np.log2(us / them)), 4) for us, them in zip(*parts, strict=True)]
        for parts in ((_interpolated(mine, grid), _interpolated(theirs, grid)) for mine, theirs in shapes.values())
    ]
    reach = max([abs(value) for line in lines for value in line if value is not None] or [1.0])
    reach = max(reach, 0.2)
    steps = [-1.0, -0.5, 0.0, 0.5, 1.0]
    heat: Trace = {
        "type": "heatmap",
        "x": np.round(np.log2(grid), 5).tolist(),
        "y": names,
        "z": lines,
        "zmin": -reach,
        "zmax": reach,
        "colorscale": [[0, "$unit0"], [0.5, "$raised"], [1, "$unit1"]],
        "colorbar": {
            "title": {"text": "ratio", "side": "top"},
            "tickvals": [reach * step for step in steps],
            "ticktext": [f"{2 ** (reach * step):.2f}" for step in steps],
            "thickness": 12,
            "outlinewidth": 0,
        },
        "hoverinfo": "skip",
    }
    points = []
    for name, (mine, theirs) in zip(names, shapes.values(), strict=True):
        known = {value.width: value for value in theirs}
        points += [(name, value, _ratio_text(value, known[value.width], one, other)) for value in mine if value.width in known]
    crossings = crossings_of(one, other, found)
    mark: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(np.log2((crossing.below * crossing.above) ** 0.5)), 5) for crossing in crossings],
        "y": [plot_text(_name(crossing.shape)) for crossing in crossings],
        "marker": {"symbol": "diamond", "size": 12, "color": "$ink", "line": {"color": "$paper", "width": 1.5}},
        "hovertext": [plot_text(_name(crossing.shape), _crossing_text(crossing)) for crossing in crossings],
        "hoverinfo": "text",
        "showlegend": False,
    }
    label = f"{one} against {other}: ratio (above 1: {other} is faster)"
    return View(label, [heat, _dots(points, f"{one} against {other}"), mark], _layout(grid, len(names)))


def _ratio_text(mine: Measured, theirs: Measured, one: str, other: str) -> str:
    return f"{us_text(mine.us)} us on {one}, {us_text(theirs.us)} us on {other}: ratio {mine.us / theirs.us:.2f}"


def _crossing_text(crossing: Crossing) -> str:
    return f"{crossing.faster_above} is faster from {crossing.above} channels on, slower up to {crossing.below}"


def crossings_of(one: str, other: str, found: Mapping[str, Mapping[Shape, Sequence[Measured]]]) -> list[Crossing]:
    """Returns where a unit overtakes another as blocks get wider. On either side of a crossing the difference must exceed its error."""
    crossings: list[Crossing] = []
    for shape in found[one]:
        theirs = {value.width: value for value in found[other].get(shape, ())}
        proven = [
            (value.width, sign) for value in found[one][shape] if value.width in theirs and (sign := _sign(value, theirs[value.width]))
        ]
        for (below, before), (above, after) in pairwise(proven):
            if before != after:
                crossings.append(Crossing(shape, below, above, one if after < 0 else other))
    return crossings


def _sign(mine: Measured, theirs: Measured) -> int:
    """Returns 1 where the first takes longer, -1 where the second does, 0 where that is not proven (by the test of `report.compare`)."""
    effect = Effect.of_costs(Cost(theirs.us, theirs.se_us, theirs.visits), Cost(mine.us, mine.se_us, mine.visits))
    if effect is None:
        return 0
    low, high = effect.interval
    return 1 if low > 1 else -1 if high < 1 else 0


def _crossings_table(found: Mapping[str, Mapping[Shape, Sequence[Measured]]], named: str) -> list[Html]:
    rows = [
        [_name(crossing.shape), f"{one} and {other}", crossing.faster_above, str(crossing.below), str(crossing.above)]
        for one, other in list(combinations(found, 2))[:_MOST_PAIRS]
        for crossing in crossings_of(one, other, found)
    ]
    columns = ["block", "units", "faster when wide", "slower up to channels", "faster from channels"]
    return [data_table(f"Where a unit overtakes another{named}", columns, rows, numbers_from=3)] if rows else []


def _table(rows: Sequence[BlockRow], caption: str) -> Html:
    columns = ["unit", "block", "status", "median us", "± us", "p95 us", "marginal us", "n", "visits"]
    lines = [
        [
            row.unit,
            row.name,
            row.status if row.status == "ok" else f"{row.status}: {row.reason}",
            us_text(row.median_us),
            us_text(None if row.median_se_us is None else Z95 * row.median_se_us),
            us_text(row.p95_us),
            us_text(row.marginal_us),
            str(row.n or ""),
            str(row.visits or ""),
        ]
        for row in rows
    ]
    return data_table(caption, columns, lines, numbers_from=3)
