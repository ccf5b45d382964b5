"""Schedules: what every one obeys, and where stem, head and syncs stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import Add, Concat, Head, MBConv, Stem
from collab.errors import ConfigError
from collab.placement import Placement, parse_placement
from collab.schedule import NETWORK_INPUT, Schedule, Source, build_schedule
from collab.variants import collaborative

BASE = configs.load("mini_v2")
STRATEGIES = st.tuples(*[st.sampled_from("nac")] * 6, st.sampled_from("ac")).map("".join)


def check_rules(schedule: Schedule, branches: int) -> None:
    """What every schedule must obey, whatever the model."""
    seen = {Source(NETWORK_INPUT): schedule.inputs[0]}
    for segment in schedule.segments:
        assert [seen[source] for source in segment.sources] == list(segment.inputs) == list(map(schedule.type_of, segment.sources))
        if len(segment.sources) > 1:
            owners = [schedule.units.index(schedule.segment(sender).unit) for sender in segment.senders]
            assert owners == list(range(branches)), "sources stand in order of branch, never own first"
            assert isinstance(segment.layers[0].block, (Add, Concat))
        assert not any(isinstance(layer.block, (Add, Concat)) for layer in segment.layers[1:])
        seen[Source(segment.name)] = segment.outputs[0]
    heads = [s for s in schedule.segments if isinstance(s.layers[-1].block, Head)]
    assert heads == [schedule.segments[-1]]
    assert schedule.outputs == (Source(heads[0].name),)


@given(strategy=STRATEGIES, stem=st.sampled_from([None, 0, 1, 2]), head=st.integers(0, 2), branches=st.integers(2, 3))
def test_schedules_of_any_strategy_and_placement_obey_the_rules(strategy: str, stem: int | None, head: int, branches: int) -> None:
    model = collaborative(BASE, strategy, branches=branches)
    stem = None if stem is None else stem % branches
    placement = Placement(tuple(f"cpu{b}" for b in range(branches)), stem, head % branches)
    schedule = build_schedule(model, placement)
    check_rules(schedule, branches)
    mbconvs = sum(isinstance(layer.block, MBConv) for s in schedule.segments for layer in s.layers)
    assert mbconvs == len(model.blocks)
    syncs = len(strategy) - strategy.count("n")
    assert len(schedule.segments) == syncs * branches + 1 + (0 if stem is None else 1)
    assert {s.unit for s in schedule.segments if s.layers[-1].block == model.head} == {f"cpu{head % branches}"}


def test_a_stem_on_one_unit_is_a_segment_of_its_own() -> None:
    schedule = build_schedule(collaborative(BASE, "nnnnnna"), parse_placement("stem=1", branches=2))
    assert [s.name for s in schedule.segments] == ["cpu1.0", "cpu0.0", "cpu1.1", "cpu0.1"]
    assert isinstance(schedule.segment("cpu1.0").layers[0].block, Stem)
    assert len(schedule.segment("cpu1.0").layers) == 1
    assert schedule.segment("cpu0.0").sources == (Source("cpu1.0"),)
    assert [s.name for s in schedule.receivers(Source("cpu1.0"))] == ["cpu0.0"]


def test_a_duplicated_stem_opens_the_first_segment_of_every_unit() -> None:
    schedule = build_schedule(collaborative(BASE, "nnnnnna"), parse_placement("", branches=2))
    firsts = [s for s in schedule.segments if s.sources == (Source(NETWORK_INPUT),)]
    assert [s.unit for s in firsts] == ["cpu0", "cpu1"]
    assert all(isinstance(s.layers[0].block, Stem) for s in firsts)


def test_the_last_sync_opens_the_segment_of_the_head_only() -> None:
    schedule = build_schedule(collaborative(BASE, "nnannnc"), parse_placement("head=1", branches=2))
    assert schedule.segments[-1].unit == "cpu1"
    assert isinstance(schedule.segments[-1].layers[0].block, Concat)
    assert len([s for s in schedule.segments if s.unit == "cpu0"]) == 2


def test_a_base_model_is_one_segment() -> None:
    schedule = build_schedule(BASE, parse_placement("0=cpu1", branches=1))
    assert [s.name for s in schedule.segments] == ["cpu1.0"]
    assert list(schedule.receivers(schedule.outputs[0])) == []


def test_a_placement_for_another_number_of_branches_is_refused() -> None:
    with pytest.raises(ConfigError, match="2 branches"):
        build_schedule(collaborative(BASE, "nnnnnna"), Placement(("cpu0",)))
