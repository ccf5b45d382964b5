"""Random placements: reproducible, all different, on units that can run the blocks, and from few switches to many."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from collab.errors import NetworkError
from graph.format.writing import model_bytes
from graph.random_placements import random_placements
from graph.reading import read_network
from graph.scheduling import CutNetwork
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import written

UNITS = ("cpu0", "gpu0")


def chain(tmp_path: Path, length: int) -> CutNetwork:
    sample = Sample(0)
    tensor = sample.input((1, 8))
    for _ in range(length):
        tensor = sample.op("SOFTMAX", [tensor], (1, 8))
    return CutNetwork(read_network(written(tmp_path, model_bytes(sample.record(tensor), NO_SOURCE), "chain.tflite")), name="c", grain_us=0)


def fork(tmp_path: Path, arms: int) -> CutNetwork:
    sample = Sample(0)
    begin = sample.op("SOFTMAX", [sample.input((1, 8))], (1, 8))
    ends = [sample.op("SOFTMAX", [sample.op("SOFTMAX", [begin], (1, 8))], (1, 8)) for _ in range(arms)]
    joined = ends[0]
    for end in ends[1:]:
        joined = sample.add(joined, end)
    return CutNetwork(read_network(written(tmp_path, model_bytes(sample.record(joined), NO_SOURCE), "fork.tflite")), name="f", grain_us=0)


def switches(placed: tuple[str, ...]) -> int:
    return sum(before != behind for before, behind in pairwise(placed))


def test_a_seed_tells_which_ones(tmp_path: Path) -> None:
    made = chain(tmp_path, 12)
    found = random_placements(made, UNITS, 20, seed=3)
    assert found == random_placements(made, UNITS, 20, seed=3)
    assert found != random_placements(made, UNITS, 20, seed=4)
    assert len(set(found)) == 20
    assert all(len(placed) == len(made.blocks) and set(placed) == set(UNITS) for placed in found)


def test_units_change_seldom_and_often(tmp_path: Path) -> None:
    made = chain(tmp_path, 40)
    found = sorted(switches(placed) for placed in random_placements(made, UNITS, 16, seed=0))
    assert found[0] == 1
    assert found[-1] >= 30
    assert 3 <= found[len(found) // 2] <= 12


def test_blocks_stay_where_they_can_run(tmp_path: Path) -> None:
    made = chain(tmp_path, 10)
    possible = [{"cpu0"} if number % 3 == 0 else {"cpu0", "gpu0"} for number in range(len(made.blocks))]
    found = random_placements(made, UNITS, 10, seed=0, possible=possible)
    assert len(found) == 10
    assert all(unit in units for placed in found for unit, units in zip(placed, possible, strict=True))
    nowhere = [set[str](), *possible[1:]]
    assert random_placements(made, UNITS, 10, seed=0, possible=nowhere) == []
    only_one = [{"cpu0"}] * len(made.blocks)
    assert random_placements(made, UNITS, 10, seed=0, possible=only_one) == []


def test_there_are_no_more_than_can_be(tmp_path: Path) -> None:
    made = chain(tmp_path, 2)
    assert sorted(random_placements(made, UNITS, 10, seed=0)) == [("cpu0", "gpu0"), ("gpu0", "cpu0")]
    assert random_placements(chain(tmp_path, 1), UNITS, 10, seed=0) == []


@pytest.mark.parametrize("seed", range(4))
def test_every_other_one_has_arms_on_units_that_differ(tmp_path: Path, seed: int) -> None:
    made = fork(tmp_path, 4)
    arms = [number for number in range(1, len(made.blocks)) if number - 1 not in made.before[number]]
    assert arms
    found = random_placements(made, UNITS, 10, seed=seed)
    at_arms = [all(switch in arms for switch in range(1, len(placed)) if placed[switch] != placed[switch - 1]) for placed in found]
    assert sum(at_arms) >= 2


def test_three_units_are_all_used(tmp_path: Path) -> None:
    found = random_placements(chain(tmp_path, 12), (*UNITS, "npu0"), 8, seed=0)
    assert {unit for placed in found for unit in placed} == {*UNITS, "npu0"}
    assert all(len(set(placed)) >= 2 for placed in found)


def test_what_no_unit_can_hand_over_stays_together(tmp_path: Path) -> None:
    sample = Sample(0)
    wide = sample.op("CAST", [sample.op("SOFTMAX", [sample.input((1, 8))], (1, 8))], (1, 8), dtype="FLOAT64")
    ends = [sample.op("SOFTMAX", [sample.op("CAST", [wide], (1, 8))], (1, 8)) for _ in range(3)]
    tensor = sample.add(sample.add(ends[0], ends[1]), ends[2])
    path = written(tmp_path, model_bytes(sample.record(tensor), NO_SOURCE), "wide.tflite")
    made = CutNetwork(read_network(path), name="x", grain_us=0)
    found = random_placements(made, UNITS, 20, seed=0)
    assert 0 < len(found) < 20
    types = [tensor.dtype for placed in found for segment in made.schedule(placed, order=UNITS).segments for tensor in segment.inputs]
    assert set(types) == {"float32"}
    with pytest.raises(NetworkError, match="float64"):
        made.schedule([UNITS[number % 2] for number in range(len(made.blocks))], order=UNITS)
