"""A search: the best so far, the front of accuracy and latency, the tree, and a drawing of each architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final

from report.data.searches import Architecture, SearchResult
from report.page.figures import Drawing, Figure, Trace, View, axis, layout, plot_text
from report.page.frame import Section
from report.page.markup import Html, data_table, diagram_place, element, escaped, joined, missing, paragraph, sentence, side_by_side
from report.page.numbers import NOTHING, digits, time_text

_WORDS: Final = {"n": "none", "a": "add", "c": "concat"}
_US_PER_MS: Final = 1e3
_MOST_NODES: Final = 4000
_MOST_DRAWN: Final = 2000
"""Architectures that a search's figures and table show; of more, the front, the best so far, and every second, third ... of the others."""


def section(searches: Sequence[SearchResult]) -> Section:
    """Returns the panel, with a part for each search."""
    if not searches:
        html = missing("No search was named.", "syncnas search --lut LUT --model MODEL --out FOUND")
        return Section("search", "Search", "", Drawing(html))
    pieces: list[Html] = []
    figures: list[Figure] = []
    for number, search in enumerate(searches):
        part = _part(search, number)
        pieces.append(part.html)
        figures += part.figures
    lead = (
        "A strategy has a letter for what follows each stage: n for none, a for add, c for concat. Click on a point, or on a strategy in"
        " the table, or press Enter on a point, to see the architecture drawn; a box of the tree stands for the best beneath it."
    )
    return Section("search", "Search", lead, Drawing(joined(pieces), figures))


def _part(search: SearchResult, number: int) -> Drawing:
    title = f"{search.model or 'Search'} within {search.budget}" if search.budget else search.model or "Search"
    pieces: list[Html] = [element("h3", escaped(title)), paragraph(sentence(_progress(search)), class_="about")]
    best = search.best
    if best is None:
        return Drawing(joined([*pieces, paragraph(sentence("Nothing was evaluated yet."), class_="missing")]))
    tree = _tree(search, number)
    search = replace(search, architectures=thinned(search.architectures))
    figures = [_best_so_far(search, number)]
    if any(each.latency_us is not None for each in search.architectures):
        figures.append(_front(search, number))
    figures.append(tree)
    pieces += [side_by_side(*(figure.html for figure in figures[:-1]))]
    pieces += [element("h3", Html("Architecture")), diagram_place(f"search-{number}", _key(number, best)), *_channels(search)]
    pieces += [element("h3", Html("Strategies")), tree.html, _table(search, number)]
    return Drawing(joined(pieces), figures)


def thinned(found: Sequence[Architecture]) -> tuple[Architecture, ...]:
    """Returns architectures in their order, about as many as a page can show; none that was the best of its time is left out."""
    step = -(-len(found) // _MOST_DRAWN) or 1
    best = accumulate((each.objective for each in found), max)
    before = [float("-inf"), *best]
    return tuple(
        each
        for at, (each, so_far) in enumerate(zip(found, before, strict=False))
        if at % step == 0 or each.is_on_front or each.objective > so_far
    )


def _channels(search: SearchResult) -> list[Html]:
    """Returns the sentence below a drawing: how to read its channels, or why there are none."""
    if search.base is not None and all(each.widths is not None for each in search.architectures):
        return [paragraph(sentence("A box has a line for each block: channels in, inside and out."), class_="about")]
    if search.budget_us is None:
        return [paragraph(sentence("Accuracies of a table have no device, and so no channels."), class_="about")]
    return [paragraph(sentence("This search is of an earlier version, which kept the channels of the best one only."), class_="about")]


def _key(number: int, each: Architecture) -> str:
    return f"{number}:{each.number}"


def _progress(search: SearchResult) -> str:
    text = f"{search.evaluated} evaluated with {search.evaluator}, {search.failed} failed, by the method {search.method}"
    text += f"; {search.size:,} strategies" + (f", {search.feasible:,} of which fit the budget" if search.feasible is not None else "")
    text += f" of {time_text(search.budget_us)}" if search.budget_us is not None else ""
    return text + (f"; {search.under_way} under way." if search.under_way else ".")


def _text(each: Architecture) -> list[str]:
    takes = f", {time_text(each.latency_us)}" if each.latency_us is not None else ""
    return [f"{each.strategy} (evaluation {each.number})", f"accuracy {digits(each.accuracy, most=4)}{takes}"]


def _best_so_far(search: SearchResult, number: int) -> Figure:
    found = search.architectures
    numbers = [each.number for each in found]
    points: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "evaluated",
        "x": numbers,
        "y": [each.objective for each in found],
        "marker": {"color": "$unit4", "size": 7, "symbol": "circle-open", "line": {"width": 1.5, "color": "$unit4"}},
        "customdata": [_key(number, each) for each in found],
        "hovertext": [plot_text(*_text(each)) for each in found],
        "hoverinfo": "text",
    }
    line: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": numbers,
        "y": list(accumulate((each.objective for each in found), max)),
        "line": {"color": "$unit1", "width": 2, "shape": "hv"},
        "hoverinfo": "skip",
    }
    drawn = layout(axis("evaluation", zeroline=False), axis(_objective(search), zeroline=False))
    return Figure(f"progress-{number}", "Best so far over the evaluations.", [View("", [line, points], drawn)], height=360)


def _objective(search: SearchResult) -> str:
    return "accuracy" if all(each.objective == each.accuracy for each in search.architectures) else "objective"


def _front(search: SearchResult, number: int) -> Figure:
    timed = [each for each in search.architectures if each.latency_us is not None]
    groups = {
        "beaten by another": [each for each in timed if not each.is_on_front],
        "front": sorted((each for each in timed if each.is_on_front), key=lambda each: each.latency_us or 0.0),
    }
    styles: dict[str, dict[str, Any]] = {
        "beaten by another": {"mode": "markers", "marker": {"color": "$unit4", "symbol": "circle-open", "size": 7}},
        "front": {
            "mode": "lines+markers",
            "line": {"color": "$unit1", "shape": "hv", "width": 1.5},
            "marker": {"color": "$unit1", "symbol": "diamond", "size": 10},
        },
    }
    traces = [
        {
            "type": "scatter",
            "name": name,
            "x": [(each.latency_us or 0.0) / _US_PER_MS for each in chosen],
            "y": [each.accuracy for each in chosen],
            "customdata": [_key(number, each) for each in chosen],
            "hovertext": [plot_text(*_text(each)) for each in chosen],
            "hoverinfo": "text",
            **styles[name],
        }
        for name, chosen in groups.items()
        if chosen
    ]
    shapes, notes = [], []
    if search.budget_us is not None:
        at = search.budget_us / _US_PER_MS
        shapes = [{"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "$muted", "dash": "dash"}}]
        notes = [{"x": at, "y": 0.02, "yref": "paper", "text": "budget", "showarrow": False, "xanchor": "right", "yanchor": "bottom"}]
    drawn = layout(axis("predicted latency, ms", zeroline=False), axis("accuracy", zeroline=False), shapes=shapes, annotations=notes)
    return Figure(f"front-{number}", "Accuracy over predicted latency.", [View("", traces, drawn)], height=360)


def _tree(search: SearchResult, number: int) -> Figure:
    """Returns the tree of strategies: a box for each beginning of one, as wide as so many were evaluated, coloured by the best beneath."""
    visits: dict[str, int] = {}
    best: dict[str, Architecture] = {}
    for each in search.architectures:
        for length in range(len(each.strategy) + 1):
            prefix = each.strategy[:length]
            visits[prefix] = visits.get(prefix, 0) + 1
            best[prefix] = max(best.get(prefix, each), each, key=lambda item: item.objective)
    nodes = sorted(visits, key=lambda prefix: (len(prefix), prefix))[:_MOST_NODES]
    trace: Trace = {
        "type": "icicle",
        "ids": [f"/{prefix}" for prefix in nodes],
        "parents": [f"/{prefix[:-1]}" if prefix else "" for prefix in nodes],
        "labels": [plot_text(_WORDS.get(prefix[-1], prefix[-1])) if prefix else "all" for prefix in nodes],
        "values": [visits[prefix] for prefix in nodes],
        "branchvalues": "total",
        "marker": {
            "colors": [best[prefix].objective for prefix in nodes],
            "colorscale": "Cividis",
            "showscale": True,
            "colorbar": {"title": {"text": "best", "side": "top"}, "thickness": 12, "outlinewidth": 0},
            "line": {"width": 1, "color": "$paper"},
        },
        "tiling": {"orientation": "v"},
        "pathbar": {"visible": False},
        "customdata": [_key(number, best[prefix]) for prefix in nodes],
        "hovertext": [plot_text(*_node_text(prefix, visits[prefix], best[prefix].objective)) for prefix in nodes],
        "hoverinfo": "text",
        "textfont": {"size": 11},
    }
    stages = max(len(prefix) for prefix in nodes)
    drawn = {"margin": {"l": 8, "r": 8, "t": 28, "b": 8}, "uniformtext": {"mode": "hide", "minsize": 9}}
    label = "Tree of the strategies, from the first stage at the top to the last at the bottom."
    return Figure(f"tree-{number}", label, [View("", [trace], drawn)], height=120 + 36 * (stages + 1))


def _node_text(prefix: str, visits: int, best: float) -> list[str]:
    place = f"{prefix}: {_WORDS.get(prefix[-1], prefix[-1])} after stage {len(prefix) - 1}" if prefix else "all strategies"
    return [place, f"{visits} evaluated beneath, the best {digits(best, most=4)}"]


def _table(search: SearchResult, number: int) -> Html:
    found = sorted(search.architectures, key=lambda each: (-each.objective, each.latency_us or 0.0))
    rows = [
        [
            each.strategy,
            each.placement,
            "yes" if each.is_on_front else "",
            digits(each.accuracy, most=4),
            time_text(each.latency_us) if each.latency_us is not None else NOTHING,
            str(each.number),
        ]
        for each in found
    ]
    columns = ["strategy", "placement", "front", "accuracy", "latency", "evaluation"]
    return data_table("Architectures", columns, rows, numbers_from=3, chooses=[_key(number, each) for each in found], is_open=True)
