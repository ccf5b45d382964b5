"""Layered drawings of graphs drawn at random: every edge goes down, nothing lies on anything else, and chains are straight."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from report.panels.layering import Layout, layered, spread

GAP, LANE = 10.0, 4.0


def drawn(seed: int, count: int = 40) -> tuple[list[float], list[tuple[int, int]], Layout]:
    draw = random.Random(f"graph/{seed}")
    widths = [draw.choice([20.0, 50.0]) for _ in range(count)]
    edges = [(draw.randrange(max(0, node - 6), node), node) for node in range(1, count) for _ in range(draw.choice([1, 1, 2]))]
    return widths, edges, layered(widths, edges, gap=GAP, lane=LANE)


@pytest.mark.parametrize("seed", range(20))
def test_edges_go_down_and_nothing_overlaps(seed: int) -> None:
    widths, edges, layout = drawn(seed)
    assert all(layout.layer[sender] < layout.layer[receiver] for sender, receiver in edges)
    rows: dict[int, list[tuple[float, float]]] = {}
    for middle, layer, width in zip(layout.x, layout.layer, widths, strict=True):
        rows.setdefault(layer, []).append((middle - width / 2, middle + width / 2))
    for way in layout.bends.values():
        for middle, layer in way:
            rows[layer].append((middle - LANE / 2, middle + LANE / 2))
    for row in rows.values():
        assert all(left[1] + GAP <= right[0] + 1e-6 for left, right in pairwise(sorted(row)))
    ends = [end for row in rows.values() for each in row for end in each]
    assert (min(ends), max(ends)) == (pytest.approx(0), pytest.approx(layout.width))


@pytest.mark.parametrize("seed", range(20))
def test_an_edge_passes_every_layer_between_its_ends(seed: int) -> None:
    _, edges, layout = drawn(seed)
    for sender, receiver in edges:
        passed = [layer for _, layer in layout.bends.get((sender, receiver), ())]
        assert passed == list(range(layout.layer[sender] + 1, layout.layer[receiver]))


def test_a_chain_is_straight_and_arms_stand_side_by_side() -> None:
    chain = layered([20.0] * 30, list(pairwise(range(30))), gap=GAP, lane=LANE)
    assert len(set(chain.x)) == 1
    assert chain.layer == tuple(range(30))
    fork = layered([20.0] * 6, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 5)], gap=GAP, lane=LANE)
    assert fork.layer == (0, 1, 1, 1, 2, 3)
    assert fork.x[0] == fork.x[4] == fork.x[5] == sorted(fork.x[1:4])[1]


def test_lines_that_need_not_cross_do_not() -> None:
    # Two chains, whose nodes come in turns and on the wrong sides.
    layout = layered([20.0] * 8, [(0, 3), (1, 2), (2, 5), (3, 4), (4, 7), (5, 6)], gap=GAP, lane=LANE)
    sides = [layout.x[one] < layout.x[other] for one, other in ((0, 1), (3, 2), (4, 5), (7, 6))]
    assert len(set(sides)) == 1


@pytest.mark.parametrize("seed", range(20))
def test_positions_are_as_near_as_can_be(seed: int) -> None:
    draw = random.Random(f"spread/{seed}")
    wanted = [draw.uniform(0, 100) for _ in range(6)]
    apart = [draw.uniform(1, 20) for _ in range(5)]
    found = spread(wanted, apart)
    assert all(other - one >= distance - 1e-9 for (one, other), distance in zip(pairwise(found), apart, strict=True))
    least = sum((one - other) ** 2 for one, other in zip(found, wanted, strict=True))
    for _ in range(200):
        # Any other positions with the same distances are farther off.
        start = draw.uniform(-50, 100)
        others = [start]
        for distance in apart:
            others.append(others[-1] + distance + draw.expovariate(0.1))
        assert sum((one - other) ** 2 for one, other in zip(others, wanted, strict=True)) >= least - 1e-9


def test_nothing_is_drawn_of_nothing() -> None:
    assert layered([], [], gap=GAP, lane=LANE).layers == 0
