"""Placements with splits: chosen where the replay is the shorter for it, never worse than without, and as exhaustive search has them."""

from __future__ import annotations

from itertools import product

import pytest

from collab.errors import TableError
from graph.format.source import Source
from graph.reading import network_of
from graph.splitting.choosing import wanted_splits
from graph.splitting.cutting import Splittable, cut_with_splits
from graph.splitting.split import Split
from lut.entries import Measured, PairPath
from lut.prediction.costs import Costs
from lut.tables import Tables
from search.placing.fragments import Fragments
from search.placing.objective import Judge, Objective
from search.placing.searching import search_placement
from search.placing.splits import place_with_splits, splits_of_tables
from tests.graph.sample import Sample
from tests.lut.made_tables import THREE_UNITS, block_row, made_meta, transfer_row
from tests.search.placing.made import random_tables

UNITS = ("cpu0", "cpu1")


def bottlenecks(count: int) -> Splittable:
    """A network of so many wide layers, each between narrow ones: a stretch each."""
    sample = Sample(1)
    x = sample.input((1, 8, 8, 8))
    for number in range(count):
        x = sample.conv(sample.conv(x, 48 + 16 * number, kernel=1), 8, kernel=1)
        x = sample.op("SOFTMAX", [x], (1, 8, 8, 8), table="SoftmaxOptions", options={"beta": 1.0})
    return Splittable(network_of(Source("made", memoryview(sample.bytes(x)))), name="made", grain_us=0.0)


def all_blocks(of: Splittable, splits: tuple[Split, ...]) -> list[object]:
    cuts = [of.plain, of.cut([]).cut, *(of.cut([split]).cut for split in splits)]
    return list(dict.fromkeys(block for cut in cuts for block in cut.opaque))


def costs_by_macs(of: Splittable, splits: tuple[Split, ...], *, handover_us: float, speeds: tuple[float, float] = (1.0, 1.0)) -> Costs:
    """Blocks take as long as they have work, hand-overs what is given."""
    rows = [
        block_row(unit, block, 1 + block.macs / 1000 / speed)  # type: ignore[attr-defined, arg-type]
        for unit, speed in zip(UNITS, speeds, strict=True)
        for block in all_blocks(of, splits)
    ]
    moves = [
        transfer_row(one, other, size, path="shared", write_us=handover_us, wakeup_us=0.1)
        for one, other in (UNITS, UNITS[::-1])
        for size in (4, 1 << 20)
    ]
    meta = made_meta(
        units={unit: THREE_UNITS[unit] for unit in UNITS},
        call_in_network=dict.fromkeys(UNITS, Measured(1.0, 0.1, 10)),
        paths={f"{row.from_unit}>{row.to_unit}": PairPath(row.path, "made so") for row in moves},
        contention=(),
    )
    return Costs(Tables(tuple(rows), tuple(moves), meta), source="x")


def test_composed_networks_are_those_that_are_written() -> None:
    of = bottlenecks(3)
    splits = wanted_splits(of, dict.fromkeys(of.stretches, (1.0, 2.0)))
    fragments = Fragments(of, splits)
    for chosen in (splits[:1], splits[2:3], splits[1::2], ()):
        one = fragments.composed({of.owner_of(split.opens): split for split in chosen})
        other = of.cut(chosen)
        assert one.cut.opaque == other.cut.opaque
        assert one.cut.before == other.cut.before
        assert (one.owners, one.arms) == (other.owners, other.arms)
        units = [UNITS[number % 2] for number in range(len(other.owners))]
        assert one.cut.schedule(units, order=UNITS) == other.cut.schedule(units, order=UNITS)


def test_splits_are_chosen_where_they_pay_and_nowhere_else() -> None:
    of = bottlenecks(3)
    splits = wanted_splits(of, {})
    cheap = place_with_splits(of, costs_by_macs(of, splits, handover_us=0.5), UNITS, splits)
    assert {split.opens for split in cheap.splits} == set(of.stretches)
    assert cheap.found.us < min(cheap.found.alone_us.values()) / 1.3
    dear = place_with_splits(of, costs_by_macs(of, splits, handover_us=500.0), UNITS, splits)
    assert dear.splits == ()
    assert dear.cut is of.plain
    between = place_with_splits(of, costs_by_macs(of, splits, handover_us=15.0), UNITS, splits)
    assert 0 < len(between.splits) < len(of.stretches), "wide stretches alone are worth what is handed over"


def test_shares_follow_speeds() -> None:
    of = bottlenecks(2)
    splits = wanted_splits(of, dict.fromkeys(of.stretches, (1.0, 3.0)))
    assert {split.groups for split in splits} == {(24, 24), (32, 16), (32, 32), (48, 16)}
    costs = costs_by_macs(of, splits, handover_us=0.5, speeds=(1.0, 1 / 3))
    placed = place_with_splits(of, costs, UNITS, splits)
    assert placed.splits
    assert all(split.groups[0] > split.groups[1] for split in placed.splits)


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("seed", range(4))
def test_no_placement_with_splits_is_worse_than_without(seed: int, objective: Objective) -> None:
    of = bottlenecks(2)
    splits = wanted_splits(of, dict.fromkeys(of.stretches, (1.0, 2.0)))
    blocks = tuple(all_blocks(of, splits))
    costs = Costs(random_tables(blocks, seed, contention=True, units=UNITS), source="x")  # type: ignore[arg-type]
    plain = search_placement(of.plain, costs, UNITS, objective=objective)
    placed = place_with_splits(of, costs, UNITS, splits, objective=objective)
    assert placed.found.us <= plain.us + 1e-9
    assert placed.found.alone_us == plain.alone_us
    again = cut_with_splits(of.network, placed.splits, name="made", grain_us=0.0)
    judge = Judge(again, costs, UNITS, objective=objective)
    assert float(judge.us([placed.found.units])[0]) == pytest.approx(placed.found.us)


def test_it_finds_what_exhaustive_search_finds() -> None:
    of = bottlenecks(2)
    splits = wanted_splits(of, {})
    for handover_us in (0.5, 8.0, 20.0):
        costs = costs_by_macs(of, splits, handover_us=handover_us)
        best = float("inf")
        for chosen in ((), splits[:1], splits[1:], splits):
            cut = of.cut(chosen).cut
            best = min(
                best, float(Judge(cut, costs, UNITS, objective=Objective.LATENCY).us(list(product((0, 1), repeat=len(cut.blocks)))).min())
            )
        assert place_with_splits(of, costs, UNITS, splits).found.us == pytest.approx(best)


def test_splits_of_tables_are_checked() -> None:
    of = bottlenecks(2)
    splits = wanted_splits(of, {})
    costs = costs_by_macs(of, splits, handover_us=1.0)

    def saying(network: object) -> Costs:
        meta = made_meta(settings={"network": network})
        return Costs(Tables((), (), meta), source="x")

    assert splits_of_tables(costs, of) == ()
    said = [{"opens": split.opens, "groups": list(split.groups)} for split in splits]
    assert splits_of_tables(saying({"grain_us": 0.0, "splits": said}), of) == splits
    assert splits_of_tables(saying({"grain_us": 1.0, "splits": said}), of) == ()
    assert splits_of_tables(saying({"grain_us": 0.0, "splits": [{"opens": 999, "groups": [1, 1]}]}), of) == ()
    with pytest.raises(TableError, match="its splits cannot be read"):
        splits_of_tables(saying({"grain_us": 0.0, "splits": [{"opens": -1}]}), of)
