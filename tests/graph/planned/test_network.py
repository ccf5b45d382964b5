"""Networks under their plans: predictions say which blocks they are made of, and the critical path is as long as the prediction."""

from __future__ import annotations

import itertools
from pathlib import Path
from shutil import copyfile

import pytest

from collab.errors import NetworkError
from graph.plan_file import read_plan
from graph.planned.network import read_planned
from lut.prediction.explaining import BLOCK, CALL, COPY, HANDOVER
from lut.tables import NETWORK_FILE
from tests.graph.planned.made import made


@pytest.mark.parametrize("seed", range(6))
def test_a_prediction_has_every_block_by_its_name_once(tmp_path: Path, seed: int) -> None:
    found = made(tmp_path, seed)
    planned = found.planned
    prediction = planned.predict(found.costs)
    names = [planned.block_name(number) for number in range(len(planned.plan.blocks))]
    said = [part.what for step in prediction.steps for part in step.parts if part.what in names]
    assert sorted(said) == sorted(names)
    assert prediction.total_us == pytest.approx(planned.plan.predicted_us)
    unit_of = dict(zip(names, planned.plan.block_units, strict=True))
    assert all(unit_of[part.what] == step.unit for step in prediction.steps for part in step.parts if part.what in names)
    assert sorted(number for members in planned.members.values() for number in members) == list(range(len(names)))


@pytest.mark.parametrize("seed", range(6))
def test_the_critical_path_is_the_prediction_from_begin_to_end(tmp_path: Path, seed: int) -> None:
    found = made(tmp_path, seed)
    planned, costs = found.planned, found.costs
    prediction, path = planned.predict(costs), planned.critical_path(costs)
    assert path[0].begin_us == 0
    assert path[-1].end_us == pytest.approx(prediction.total_us)
    assert all(link.begin_us == before.end_us for before, link in itertools.pairwise(path))
    for unit, share in prediction.critical.items():
        assert sum(link.duration_us for link in path if link.unit == unit) == pytest.approx(share * prediction.total_us, abs=1e-6)
    assert {link.kind for link in path} >= {BLOCK, CALL}
    parts = {(part.what, part.end_us) for step in prediction.steps for part in step.parts}
    assert all((link.what, link.end_us) in parts for link in path if link.kind == BLOCK)
    crossings = [link for before, link in itertools.pairwise(path) if before.unit != link.unit]
    assert {link.kind for link in crossings} <= {HANDOVER, CALL}
    assert all(link.peer.partition(":")[0] in ("input", "output") for link in path if link.kind == COPY)


def test_the_network_lies_among_the_tables_or_is_named(tmp_path: Path) -> None:
    found = made(tmp_path)
    plan = read_plan(found.plan)
    with pytest.raises(NetworkError, match=f"has no {NETWORK_FILE} to take the plan's network from"):
        read_planned(plan, model=None, tables=found.tables)
    with pytest.raises(NetworkError, match="there are no tables"):
        read_planned(plan, model=None, tables=None)
    copyfile(found.model, found.tables / NETWORK_FILE)
    assert read_planned(plan, model=None, tables=found.tables).plan == plan
    (tmp_path / "other").mkdir()
    other = made(tmp_path / "other", 77)
    with pytest.raises(NetworkError, match="another file"):
        read_planned(plan, model=other.model, tables=found.tables)
