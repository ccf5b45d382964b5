"""Layered drawings of graphs: every edge goes down, forks stand side by side, and long edges go around what lies between their ends.

Sugiyama's scheme: layers by the longest path, places on the way for edges that pass layers by, an order within each layer that has few
crossings (by the mean place of neighbours, up and down), then positions near those of neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

_ORDERINGS: Final = 8
_STRAIGHTENINGS: Final = 12
"""An even number, so that the last one goes down."""


@dataclass(frozen=True)
class Layout:
    """Positions of the middles of nodes, and of the bends of edges between their ends, in the units of the widths that were given."""

    x: tuple[float, ...]
    layer: tuple[int, ...]
    bends: Mapping[tuple[int, int], tuple[tuple[float, int], ...]]
    """Maps each edge that crosses layers between its ends to the points it bends at, as (position, layer), from sender to receiver."""
    width: float

    @property
    def layers(self) -> int:
        return 1 + max(self.layer, default=-1)


def layered(widths: Sequence[float], edges: Sequence[tuple[int, int]], *, gap: float, lane: float) -> Layout:
    """Lays a graph out.

    Args:
        widths: of the nodes, which stand in an order in which every edge goes from an earlier to a later one.
        gap: between two nodes of a layer.
        lane: the width that an edge takes where it passes a layer by.
    """
    layer = _layers(len(widths), edges)
    places = _Places([*widths], [*layer])
    bends = {edge: places.add_way(edge, layer, lane) for edge in dict.fromkeys(edges)}
    places.order()
    x = places.positions(gap)
    left = min((middle - width / 2 for middle, width in zip(x, places.widths, strict=True)), default=0.0)
    x = [middle - left for middle in x]
    right = max((middle + width / 2 for middle, width in zip(x, places.widths, strict=True)), default=0.0)
    ways = {edge: tuple((x[place], places.layer[place]) for place in way) for edge, way in bends.items() if way}
    return Layout(tuple(x[: len(widths)]), tuple(layer), ways, right)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Returns the layer of each node: the longest way to it from a node that nothing leads to."""
    found = [0] * count
    for sender, receiver in sorted(edges, key=lambda edge: edge[1]):
        found[receiver] = max(found[receiver], found[sender] + 1)
    # What only gives something stands directly above its first receiver.
    firsts: dict[int, int] = {}
    receivers = {receiver for _, receiver in edges}
    for sender, receiver in edges:
        if sender not in receivers:
            firsts[sender] = min(firsts.get(sender, found[receiver]), found[receiver])
    for sender, below in firsts.items():
        found[sender] = below - 1
    return found


class _Places:
    """Nodes and the places of edges on their way, layer by layer."""

    def __init__(self, widths: list[float], layer: list[int]) -> None:
        self.widths = widths
        self.layer = layer
        self._above: list[list[int]] = [[] for _ in widths]
        self._below: list[list[int]] = [[] for _ in widths]
        self._rows: list[list[int]] = []

    def add_way(self, edge: tuple[int, int], layer: Sequence[int], lane: float) -> tuple[int, ...]:
        """Adds the places of an edge in the layers between its ends, and returns them."""
        sender, receiver = edge
        way = []
        for passed in range(layer[sender] + 1, layer[receiver]):
            way.append(len(self.widths))
            self.widths.append(lane)
            self.layer.append(passed)
            self._above.append([])
            self._below.append([])
        for upper, lower in zip([sender, *way], [*way, receiver], strict=True):
            self._below[upper].append(lower)
            self._above[lower].append(upper)
        return tuple(way)

    def order(self) -> None:
        """Orders the places of each layer by the mean place of what lies above and below, by turns; the order of fewest crossings stays."""
        self._rows = [[] for _ in range(1 + max(self.layer, default=-1))]
        for place, row in enumerate(self.layer):
            self._rows[row].append(place)
        best, fewest = [list(row) for row in self._rows], self._crossings()
        for turn in range(_ORDERINGS):
            rows = self._rows if turn % 2 == 0 else self._rows[::-1]
            neighbours = self._above if turn % 2 == 0 else self._below
            for places in rows:
                at = self._at()
                places.sort(key=partial(_place_by, neighbours=neighbours, at=at))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self._rows], crossings
        self._rows = best

    def _at(self) -> dict[int, float]:
        """Returns how far to the right each place is within its layer, from 0 to 1."""
        return {place: (number + 0.5) / len(row) for row in self._rows for number, place in enumerate(row)}

    def _crossings(self) -> int:
        at = {place: number for row in self._rows for number, place in enumerate(row)}
        found = 0
        for row in self._rows:
            lines = [(at[upper], at[lower]) for upper in row for lower in self._below[upper]]
            found += sum((one[0] - other[0]) * (one[1] - other[1]) < 0 for k, one in enumerate(lines) for other in lines[:k])
        return found

    def positions(self, gap: float) -> list[float]:
        """Returns the middle of each place: as near to its neighbours' as the order and the widths of its layer let it be."""
        x = [0.0] * len(self.widths)
        for row in self._rows:
            whole = sum(self.widths[place] for place in row) + gap * (len(row) - 1)
            at = -whole / 2
            for place in row:
                x[place] = at + self.widths[place] / 2
                at += self.widths[place] + gap
        for turn in range(_STRAIGHTENINGS):
            # Down and up by turns, the last one down: what follows one alone stands straight below it.
            rows, near = (self._rows, self._above) if turn % 2 else (self._rows[::-1], self._below)
            for row in rows:
                wanted = [_mean([x[each] for each in near[place]], x[place]) for place in row]
                apart = [(self.widths[one] + self.widths[other]) / 2 + gap for one, other in pairwise(row)]
                for place, middle in zip(row, spread(wanted, apart), strict=True):
                    x[place] = middle
        return x


def _place_by(place: int, *, neighbours: Sequence[Sequence[int]], at: Mapping[int, float]) -> float:
    return _mean([at[near] for near in neighbours[place]], at[place])


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def spread(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Returns positions in the same order as near to the wanted ones as can be (least squares), each so far apart from the next at least.

    Args:
        apart: the least distance of each position to the next.
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    # Pools of neighbours that would come too near to each other: their mean, and how many they are.
    pools: list[tuple[float, int]] = []
    for middle, offset in zip(wanted, offsets, strict=True):
        pools.append((middle - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (first, few), (second, more) = pools[-2:]
            pools[-2:] = [((few * first + more * second) / (few + more), few + more)]
    means = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
