"""Predicted latencies and timelines on tables whose numbers follow from a rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.errors import MissingEntryError
from collab.placement import parse_placement
from collab.schedule import build_schedule
from collab.variants import collaborative
from lut.entries import Contention
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import BASE, SHARED_COSTS, STRATEGIES, costs, linear_cost


@given(strategy=STRATEGIES, scale=st.floats(0.1, 1.2))
@settings(max_examples=60)
def test_any_strategy_of_the_space_can_be_predicted(strategy: str, scale: float) -> None:
    model = collaborative(BASE, strategy, scale=scale)
    prediction = predict(model, parse_placement("", branches=2), SHARED_COSTS)
    slow = sum(linear_cost("cpu1", block) for stage in model.stages for block in stage.branches[1])
    assert prediction.total_us > slow, "the slower unit's work is a lower bound"


@pytest.mark.parametrize("name", ["syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100"])
def test_found_models_are_covered_by_the_plan_of_their_base(name: str) -> None:
    base = configs.load(name.removeprefix("syncnas_").removesuffix("_100"))
    assert predict(configs.load(name), parse_placement("stem=0", branches=2), costs(base)).total_us > 0


def test_a_prediction_worked_out_by_hand() -> None:
    # One sync at the end: stem and stages on each unit (cpu1 twice as slow), then the head's unit adds and ends.
    model = collaborative(BASE, "nnnnnna")
    schedule = build_schedule(model, parse_placement("", branches=2))
    table = costs(model)
    work = {s.name: 1.0 + sum(linear_cost(s.unit, layer.block) for layer in s.layers) for s in schedule.segments}
    size = 4 * 8 * 8 * 112
    arrived = 3.0 + work["cpu1.0"] + 0.5
    expected = arrived + size / 1000 + work["cpu0.1"] + 2.0
    prediction = predict(model, parse_placement("", branches=2), table)
    assert prediction.total_us == pytest.approx(expected)
    wait = next(step for step in prediction.steps if step.step == "wait")
    assert (wait.unit, wait.peer) == ("cpu0", "cpu1.0")
    assert wait.begin_us == pytest.approx(3.0 + work["cpu0.0"])
    assert wait.end_us == pytest.approx(arrived)


def test_copied_hand_overs_delay_sender_and_receiver() -> None:
    model = collaborative(BASE, "nnnnnna")
    shared = predict(model, parse_placement("", branches=2), costs(model)).total_us
    copied = predict(model, parse_placement("", branches=2), costs(model, path="memcpy"))
    assert copied.total_us == pytest.approx(shared + 5.0)
    assert [step.step for step in copied.steps if step.unit == "cpu1"] == ["write", "run", "read"]
    assert [step.step for step in copied.steps if step.unit == "cpu0"] == ["write", "run", "wait", "write", "run", "read"]


@pytest.mark.parametrize(
    ("path", "sender", "receiver"),
    [
        ("shared", ["write", "run"], ["write", "run", "wait", "run", "read"]),
        ("readback", ["write", "run", "read"], ["write", "run", "wait", "run", "read"]),
        ("upload", ["write", "run"], ["write", "run", "wait", "write", "run", "read"]),
    ],
)
def test_a_path_says_who_copies(path: str, sender: list[str], receiver: list[str]) -> None:
    model = collaborative(BASE, "nnnnnna")
    prediction = predict(model, parse_placement("", branches=2), costs(model, path=path))
    assert [step.step for step in prediction.steps if step.unit == "cpu1"] == sender
    assert [step.step for step in prediction.steps if step.unit == "cpu0"] == receiver


@pytest.mark.parametrize(("path", "later_us"), [("readback", 5.0), ("upload", 0.0)])
def test_one_copy_delays_one_side(path: str, later_us: float) -> None:
    """The receiver takes as long to fetch as to copy in these tables, and waits for the slower sender."""
    model = collaborative(BASE, "nnnnnna")
    shared = predict(model, parse_placement("", branches=2), costs(model)).total_us
    assert predict(model, parse_placement("", branches=2), costs(model, path=path)).total_us == pytest.approx(shared + later_us)


def test_an_output_is_read_once_for_all_its_receivers() -> None:
    plan = plan_model(BASE, COARSE, branches=3)
    ways = {"gpu0>cpu0": "readback", "gpu0>cpu1": "readback", "cpu0>gpu0": "upload", "cpu1>gpu0": "upload"}
    table = Costs(made_tables(plan.blocks, plan.transfers, linear_cost, paths=ways), source="luts/x")
    placement = parse_placement("0=gpu0,1=cpu0,2=cpu1,stem=0,head=1", branches=3)
    steps = predict(collaborative(BASE, "nannnna", branches=3), placement, table).steps
    reads = [(step.segment, step.peer) for step in steps if step.step == "read" and step.unit == "gpu0"]
    assert reads == [("gpu0.0", "cpu0.0"), ("gpu0.1", "cpu0.1"), ("gpu0.2", "cpu0.2")]
    assert not [step for step in steps if step.step == "write" and step.unit != "gpu0"]
    assert [step.peer for step in steps if step.step == "write" and step.unit == "gpu0"] == ["input", "cpu0.0", "cpu1.0"]


def test_contention_of_the_tables_is_applied() -> None:
    model = collaborative(BASE, "nnnnnna")
    table = costs(model)
    entries = tuple(Contention(a, "mbconv", b, 2.0, 2.0, 0.1, 9, pooled=False) for a, b in (("cpu0", "cpu1"), ("cpu1", "cpu0")))
    slowed = costs(model)
    slowed.meta = replace(slowed.meta, contention=entries)
    placement = parse_placement("", branches=2)
    assert predict(model, placement, slowed).total_us > 1.2 * predict(model, placement, table).total_us


def test_a_base_model_runs_on_one_unit() -> None:
    prediction = predict(BASE, parse_placement("0=cpu1", branches=1), costs())
    work = sum(linear_cost("cpu1", block) for block in (BASE.stem, *BASE.blocks, BASE.head))
    assert prediction.total_us == pytest.approx(3.0 + 1.0 + work + 2.0)


def test_steps_of_a_unit_follow_each_other_without_overlap() -> None:
    prediction = predict(collaborative(BASE, "ncanaca"), parse_placement("stem=0", branches=2), costs(path="memcpy"))
    for unit in ("cpu0", "cpu1"):
        steps = [step for step in prediction.steps if step.unit == unit]
        for before, after in pairwise(steps):
            assert before.begin_us <= before.end_us == pytest.approx(after.begin_us)


def test_an_unknown_unit_is_refused_with_the_units_there_are() -> None:
    with pytest.raises(MissingEntryError, match="no unit gpu0, only cpu0"):
        predict(collaborative(BASE, "nnnnnna"), parse_placement("1=gpu0", branches=2), SHARED_COSTS)
