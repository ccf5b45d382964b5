"""Schedules of networks: segments begin where something is awaited, end where something is, and compute together what the whole does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
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


def assert_runs_are_as_long_as_can_be(made: CutNetwork, units: list[str]) -> None:
    """Segments make nobody wait for what he need not, and no two neighbours of a unit could be one without that."""
    runs = made.runs(units)
    assert sorted(block for run in runs for block in run) == list(range(len(units)))
    assert all(len({units[block] for block in run}) == 1 for run in runs)
    assert [run[0] for run in runs] == sorted(run[0] for run in runs)
    # What must be: blocks of a unit run in order, and none before what it takes.
    must = reach(len(units), ((block, number) for number in range(len(units)) for block in _behind_which(made, units, number)))
    groups = {block: number for number, run in enumerate(runs) for block in run}
    _assert_same_order(made, units, groups, must)
    for unit in UNITS:
        for one, other in pairwise([number for number, run in enumerate(runs) if units[run[0]] == unit]):
            merged = {block: one if group == other else group for block, group in groups.items()}
            with pytest.raises(AssertionError):
                _assert_same_order(made, units, merged, must)


def reach(count: int, edges: Iterable[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Tells from where to where a way leads along edges."""
    found = np.zeros((count, count), dtype=np.bool_)
    for one, other in edges:
        found[one, other] = True
    for between in range(count):
        found |= found[:, between, None] & found[None, between]
    return found


def _behind_which(made: CutNetwork, units: list[str], number: int) -> set[int]:
    return {*made.before[number], *(block for block in range(number) if units[block] == units[number])}


def _assert_same_order(made: CutNetwork, units: list[str], groups: dict[int, int], must: npt.NDArray[np.bool_]) -> None:
    """No segment waits for another one unless each of its blocks must come behind all of that one's."""
    edges = ((groups[block], group) for number, group in groups.items() for block in _behind_which(made, units, number))
    order = reach(len(units), ((one, other) for one, other in edges if one != other))
    assert not order.diagonal().any()
    for one, other in np.argwhere(order):
        first = [block for block, group in groups.items() if group == one]
        behind = [block for block, group in groups.items() if group == other]
        assert must[np.ix_(first, behind)].all()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_segments_compute_what_the_whole_does(seed: int, tmp_path: Path) -> None:
    path = written(tmp_path, model_bytes(random_network(seed), NO_SOURCE), "whole.tflite")
    made = cut(path)
    units = random_units(len(made.blocks), seed)
    schedule = made.schedule(units, order=UNITS)
    blocks = made.segment_blocks(units)
    assert sorted(piece.key for segment in schedule.segments for piece in segment.pieces) == sorted(piece.key for piece in made.opaque)
    assert_runs_are_as_long_as_can_be(made, units)
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
