"""Graphs of blocks as pictures: a box for each block, in the colour of its unit, lines with the bytes that pass, hand-overs standing out.

The picture is part of the page's HTML, so that it is there before any script runs, on paper too. The script adds keys, zoom, and what is
said of the box under the mouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from report.page.markup import Html, element, escaped, sentence
from report.page.numbers import bytes_text
from report.panels.layering import Layout, layered

BOX, END = "box", "end"
_BOX_WIDTH: Final = 206.0
_END_WIDTH: Final = 96.0
_LINE: Final = 16.0
_PADDING: Final = 9.0
_GAP: Final = 26.0
_LANE: Final = 14.0
_ROOM: Final = 40.0
"""Between two layers, for lines and the bytes that stand beside them."""
_MARGIN: Final = 14.0
_STRAIGHT: Final = 0.5
_CHARACTERS: Final = 27
_BOLD_CHARACTERS: Final = 22
"""Characters that a box is wide."""
_COLOURS: Final = 8
_SIZES: Final = (("-", "out", "Smaller"), ("+", "in", "Larger"), ("Whole", "whole", "All of it"), ("1:1", "one", "As it is"))


_Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A block, several that follow each other, or an end of the network. `unit` is the number of its unit's colour, None without one.

    Attributes:
        lines: what stands in it, the first one bold.
        said: everything that is known of it, for the mouse and for screen readers.
        mark: a sentence's beginning that warns, such as that a unit took it in part only; empty where there is nothing to warn of.
    """

    kind: str
    lines: tuple[str, ...]
    said: str
    unit: int | None = None
    mark: str = ""
    is_critical: bool = False


@dataclass(frozen=True)
class Wire:
    """Tensors that pass from one box to another, by their places; `is_handover` where it goes to another unit."""

    sender: int
    receiver: int
    size_bytes: int
    said: str
    is_handover: bool = False


def drawing(key: str, label: str, boxes: Sequence[Box], wires: Sequence[Wire]) -> Html:
    """Returns the picture of a graph.

    Args:
        key: its name in the page, letters, digits and ``-`` only.
        label: says to who cannot see it what it shows.
        boxes: in an order in which every wire goes from an earlier to a later one.
    """
    layout = layered([_width(box) for box in boxes], [(wire.sender, wire.receiver) for wire in wires], gap=_GAP, lane=_LANE)
    tops = _tops(boxes, layout)
    ways = _ways(wires, boxes, layout, tops)
    counts = Counter(wire.receiver for wire in wires)
    into: dict[int, list[Html]] = {}
    for wire, way in zip(wires, ways, strict=True):
        into.setdefault(wire.receiver, []).append(_wire(wire, way, is_alone=counts[wire.receiver] == 1))
    pieces = [piece for place, box in enumerate(boxes) for piece in (*into.get(place, ()), _box(box, place, layout, tops))]
    width, height = layout.width + 2 * _MARGIN, tops[-1] + _MARGIN
    svg = element(
        "svg",
        *pieces,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="group",
        aria_label=label,
    )
    hint = "Arrow keys go from block to block, + and - make it larger and smaller."
    said = element("p", id=f"said-{key}", class_="said", role="status", aria_live="polite")
    buttons = [element("button", escaped(text), type="button", data_zoom=by, title=title) for text, by, title in _SIZES]
    zoom = element("div", *buttons, class_="zoom", role="group", aria_label="Size")
    place = element("div", svg, class_="graph", data_graph=key, tabindex="0", role="group", aria_label=f"{label} {hint}")
    return element("figure", zoom, place, said)


def _width(box: Box) -> float:
    return _BOX_WIDTH if box.kind == BOX else _END_WIDTH


def _height(box: Box) -> float:
    return _LINE * (len(box.lines) + bool(box.mark)) + 2 * _PADDING - 3


def _tops(boxes: Sequence[Box], layout: Layout) -> list[float]:
    """Returns where each layer begins, and where the last one ends."""
    heights = [0.0] * layout.layers
    for box, layer in zip(boxes, layout.layer, strict=True):
        heights[layer] = max(heights[layer], _height(box))
    tops = [_MARGIN]
    for height in heights:
        tops.append(tops[-1] + height + _ROOM)
    tops[-1] -= _ROOM
    return tops


def _box(box: Box, place: int, layout: Layout, tops: Sequence[float]) -> Html:
    width, height = _width(box), _height(box)
    left, top = layout.x[place] - width / 2 + _MARGIN, tops[layout.layer[place]]
    colour = f" unit{box.unit % _COLOURS}" if box.unit is not None else ""
    shape = element(
        "rect", x=f"{left:.1f}", y=f"{top:.1f}", width=f"{width:.1f}", height=f"{height:.1f}", rx="6" if box.kind == BOX else "14"
    )
    band = element("rect", class_="band", x=f"{left:.1f}", y=f"{top:.1f}", width="7", height=f"{height:.1f}", rx="3")
    texts = [*((line, "first" if not number else "") for number, line in enumerate(box.lines)), *([(box.mark, "mark")] if box.mark else [])]
    at = left + (16 if box.kind == BOX else width / 2)
    lines = [
        element(
            "text",
            escaped(_cut(text, most=_BOLD_CHARACTERS if kind else _CHARACTERS)),
            x=f"{at:.1f}",
            y=f"{top + _PADDING + 9 + number * _LINE:.1f}",
            **({"class_": kind} if kind else {}),
            **({} if box.kind == BOX else {"text_anchor": "middle"}),
        )
        for number, (text, kind) in enumerate(texts)
    ]
    classes = f"node {box.kind}{colour}{' critical' if box.is_critical else ''}{' marked' if box.mark else ''}"
    inside = [element("title", sentence(box.said)), shape, *([band] if box.unit is not None else []), *lines]
    return element("g", *inside, class_=classes, data_point="", role="img", aria_label=box.said)


def _wire(wire: Wire, points: Sequence[_Point], *, is_alone: bool) -> Html:
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        path.append(f"V{to_y:.1f}" if abs(x - to_x) < _STRAIGHT else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
    x, y = points[-1]
    # The bytes stand where the wire arrives: from there on it belongs to one receiver.
    arrow = element("path", class_="arrow", d=f"M{x - 4:.1f} {y - 7:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 7:.1f}z")
    # On the side that the wire does not come from, where no other wire arrives.
    is_left = is_alone and points[-2][0] > x + _STRAIGHT
    place = {"x": f"{x - 7 if is_left else x + 7:.1f}", "y": f"{y - 9:.1f}", "text_anchor": "end" if is_left else "start"}
    label = element("text", escaped(bytes_text(wire.size_bytes)), class_="bytes", **place)
    inside = [element("title", sentence(wire.said)), element("path", class_="line", d=" ".join(path)), arrow, label]
    if wire.is_handover:
        return element("g", *inside, class_="wire handover", data_point="", role="img", aria_label=wire.said)
    return element("g", *inside, class_="wire")


def _ways(wires: Sequence[Wire], boxes: Sequence[Box], layout: Layout, tops: Sequence[float]) -> list[list[_Point]]:
    """Returns where each wire begins, passes layers by, and ends. Those of one box are evenly apart, in the order of their other ends."""
    bends = [layout.bends.get((wire.sender, wire.receiver), ()) for wire in wires]
    into: dict[int, list[int]] = {}
    out_of: dict[int, list[int]] = {}
    for number, wire in enumerate(wires):
        into.setdefault(wire.receiver, []).append(number)
        out_of.setdefault(wire.sender, []).append(number)
    from_x = [way[-1][0] if way else layout.x[wire.sender] for wire, way in zip(wires, bends, strict=True)]
    to_x = [way[0][0] if way else layout.x[wire.receiver] for wire, way in zip(wires, bends, strict=True)]
    ends = _apart(into, from_x, boxes, layout)
    begins = _apart(out_of, to_x, boxes, layout)
    found = []
    for number, wire in enumerate(wires):
        points = [(begins[number] + _MARGIN, tops[layout.layer[wire.sender]] + _height(boxes[wire.sender]))]
        for x, layer in bends[number]:
            points += [(x + _MARGIN, tops[layer]), (x + _MARGIN, tops[layer + 1] - _ROOM)]
        found.append([*points, (ends[number] + _MARGIN, tops[layout.layer[wire.receiver]])])
    return found


def _apart(of: Mapping[int, Sequence[int]], other_x: Sequence[float], boxes: Sequence[Box], layout: Layout) -> dict[int, float]:
    """Returns where the wires at one side of each box touch it, by their numbers; `other_x` is where they come from, or go."""
    found = {}
    for place, numbers in of.items():
        width = _width(boxes[place])
        for at, number in enumerate(sorted(numbers, key=lambda each: other_x[each])):
            found[number] = layout.x[place] - width / 2 + width * (at + 1) / (len(numbers) + 1)
    return found


def _cut(text: str, *, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 8]}…{text[-7:]}"
