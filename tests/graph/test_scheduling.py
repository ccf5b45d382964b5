"""Schedules of networks: segments begin where something is awaited, end where something is, and compute together what the whole does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.errors import NetworkError
from graph.comparing import Request, Step
from graph.format.writing import model_bytes
from graph.interpreter import carry_out
from graph.reading import read_network
from graph.scheduling import CutNetwork
from graph.slicing import slice_bytes
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import written

UNITS = ("cpu0", "gpu0", "npu0")


def cut(path: Path, *, grain_us: float = 0.0) -> CutNetwork:
    return CutNetwork(read_network(path), name="made", grain_us=grain_us)


def random_units(count: int, seed: int) -> list[str]:
    """Units of so many blocks, which change now and then."""
    draw = random.Random(seed)
    units = [draw.choice(UNITS)]
    while len(units) < count:
        units.append(units[-1] if draw.random() < 0.6 else draw.choice(UNITS))
    return units


def awaited_by(made: CutNetwork, units: list[str], blocks: list[int]) -> dict[str, int]:
    """The last block of each other unit that blocks await."""
    found: dict[str, int] = {}
    for block in blocks:
        for before in made.before[block]:
            if units[before] != units[block]:
                found[units[before]] = max(before, found.get(units[before], -1))
    return found


def following(runs: list[list[int]], units: list[str]) -> Iterator[tuple[list[int], list[int]]]:
    """Each two runs that one unit does one after the other."""
    for unit in UNITS:
        yield from pairwise(run for run in runs if units[run[0]] == unit)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_segments_compute_what_the_whole_does(seed: int, tmp_path: Path) -> None:
    path = written(tmp_path, model_bytes(random_network(seed), NO_SOURCE), "whole.tflite")
    made = cut(path)
    units = random_units(len(made.blocks), seed)
    schedule = made.schedule(units, order=UNITS)
    blocks = made.segment_blocks(units)
    assert sorted(piece.key for segment in schedule.segments for piece in segment.pieces) == sorted(piece.key for piece in made.opaque)
    awaited = {block for number, before in enumerate(made.before) for block in before if units[block] != units[number]}
    for run in made.runs(units):
        assert len({units[block] for block in run}) == 1
        assert not awaited.intersection(run[:-1]), "nobody waits for what was computed along with something later"
        latest = awaited_by(made, units, run[:1])
        for block in run[1:]:
            new = {unit: last for unit, last in awaited_by(made, units, [block]).items() if last > latest.get(unit, -1)}
            assert not new, "what is awaited comes first"
    for earlier, later in following(made.runs(units), units):
        new = [b for b in made.before[later[0]] if units[b] != units[later[0]] and b > awaited_by(made, units, earlier).get(units[b], -1)]
        assert new or earlier[-1] in awaited, "no call without a reason"
    seen = set()
    for segment in schedule.segments:
        assert seen.issuperset(segment.senders), "a segment stands behind all that it takes from"
        assert tuple(map(schedule.type_of, segment.sources)) == segment.inputs
        seen.add(segment.name)
    steps = []
    for segment, block in zip(schedule.segments, blocks, strict=True):
        file = written(tmp_path, slice_bytes(made.network, block), f"{segment.name}.tflite")
        steps.append(Step(str(file), block.inputs, block.outputs))
    network = made.network
    report = carry_out(Request(str(path), network.inputs, network.outputs, network.outputs, tuple(steps)))
    assert report.differences
    assert all(difference is None for difference in report.differences)


def test_one_unit_runs_one_segment(tmp_path: Path) -> None:
    made = cut(written(tmp_path, model_bytes(random_network(7), NO_SOURCE), "whole.tflite"))
    schedule = made.schedule(["cpu0"] * len(made.blocks), order=UNITS)
    assert [segment.name for segment in schedule.segments] == ["cpu0.0"]
    assert schedule.units == ("cpu0",)
    assert schedule.segments[0].pieces == made.opaque


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    sample = Sample(0)
    given = sample.input((1, 4))
    computed = sample.op("RELU", [given], (1, 4))
    made = cut(written(tmp_path, model_bytes(sample.record(computed, given), NO_SOURCE), "whole.tflite"))
    with pytest.raises(NetworkError, match="is computed by none of its operators"):
        made.schedule(["cpu0"] * len(made.blocks), order=UNITS)


def test_a_way_around_costs_no_segment(tmp_path: Path) -> None:
    """A tensor that one unit hands over once is there for all that follows in the segment, and so is what was computed before it."""
    sample = Sample(0)
    early = sample.conv(sample.input((1, 4, 4, 4)), 4)
    late = sample.conv(early, 4)
    first = sample.conv(late, 4)
    joined = sample.add(sample.add(first, late), early)
    made = cut(written(tmp_path, model_bytes(sample.record(joined), NO_SOURCE), "around.tflite"))
    units = ["cpu0", "cpu0", *["gpu0"] * (len(made.blocks) - 2)]
    assert made.runs(units) == [[0], [1], list(range(2, len(made.blocks)))]
    schedule = made.schedule(units, order=UNITS)
    assert schedule.segment("gpu0.0").senders == ("cpu0.1", "cpu0.0")
