"""Ripples and channel steps out of times that follow from a rule, with noise."""

from __future__ import annotations

import numpy as np
import pytest

from collab import config as configs
from collab.blocks import MBConv
from lut.entries import Ripple
from lut.prediction.ripple import expansion_macs, is_proven
from profiler.channels import channel_sentence
from profiler.job_ids import BlockId
from profiler.plan import COARSE, FULL, Plan, plan_model
from profiler.samples import SampleStore
from profiler.tabulate import Derived, derive
from tests.lut.made_tables import made_meta
from tests.profiler.made_events import CALL, UNITS, time_done

CALL_NS = 2000
PLAN = plan_model(configs.load("mobilenet_v2"), FULL)
LINE_PS = 30.0


def time_ns(block: MBConv, ripple_ps: dict[int, float]) -> float:
    """A call, a line over the expansion channels, and the ripple."""
    line_ps = LINE_PS * block.macs * (1 + 4 / block.exp_c)
    return CALL_NS + (line_ps + expansion_macs(block) * ripple_ps.get(block.exp_c % 32, 0.0)) / 1000


def measured(ripple_ps: dict[int, float], *, noise: float = 0.03, visits: int = 20, seed: int = 1, plan: Plan = PLAN) -> Derived:
    generator = np.random.default_rng(seed)
    store = SampleStore()
    for _ in range(visits):
        store.add(time_done(CALL, [CALL_NS] * 3))
        for block in plan.blocks:
            if isinstance(block, MBConv):
                ns = time_ns(block, ripple_ps) * np.exp(generator.normal(0, noise))
                store.add(time_done(BlockId("cpu0", block).text, [round(ns)] * 3))
    return derive(store, UNITS, plan, runtime="r", settings={})


def ripples(ripple_ps: dict[int, float], **how: float) -> dict[tuple[int, int], Ripple]:
    return {(entry.size, entry.over): entry for entry in measured(ripple_ps, **how).ripple}  # type: ignore[arg-type]


INTEL = {4: 12.0, 8: 9.0, 12: 9.0, 16: 7.0, 20: 5.0, 24: 3.0, 28: 2.0}
AMD = {4: 12.0, 8: 9.0, 20: 12.0, 24: 9.0}
EIGHT = {4: 4.0, 12: 4.0, 20: 4.0, 28: 4.0}


def test_the_ripple_is_found_of_every_size() -> None:
    found = ripples(INTEL)
    assert {size for size, _ in found} == {7, 14, 28, 56, 112}
    assert {over for _, over in found} == set(INTEL)
    for (_, over), entry in found.items():
        assert abs(entry.extra_ps - INTEL[over]) < 4 * entry.se_ps
        assert is_proven(entry) or over == 28
        assert 1 < entry.factor < 1.45
        assert entry.n >= 2
        assert entry.unit == "cpu0"


@pytest.mark.parametrize(("ripple_ps", "step"), [({}, 4), (EIGHT, 8), (AMD, 16), (INTEL, 32), ({16: 5.0}, 32)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_channel_step_is_the_least_without_dear_multiples(ripple_ps: dict[int, float], step: int, seed: int) -> None:
    assert measured(ripple_ps, seed=seed).channel_step == {"cpu0": step}


@pytest.mark.parametrize("ripple_ps", [{}, EIGHT, AMD])
def test_no_step_is_named_where_noise_might_hide_a_ripple(ripple_ps: dict[int, float]) -> None:
    assert measured(ripple_ps, noise=0.6, visits=8).channel_step == {}


def test_a_ripple_is_seldom_found_where_there_is_none() -> None:
    entries = [entry for seed in range(8) for entry in measured({}, seed=seed).ripple]
    assert sum(is_proven(entry) for entry in entries) < 0.12 * len(entries)


def test_a_coarse_grid_tells_the_step_as_well() -> None:
    plan = plan_model(configs.load("mini_v2"), COARSE)
    assert measured(INTEL, plan=plan).channel_step == {"cpu0": 32}


def test_what_a_unit_did_not_take_whole_and_what_was_visited_once_tells_nothing() -> None:
    store = SampleStore()
    store.add(time_done(CALL, [CALL_NS] * 3))
    for block in PLAN.blocks:
        if isinstance(block, MBConv):
            for _ in range(1 if block.in_size > 14 else 4):
                store.add(time_done(BlockId("cpu0", block).text, [round(time_ns(block, INTEL))] * 3, accelerated=block.in_size != 7))
    found = derive(store, UNITS, PLAN, runtime="r", settings={})
    assert {entry.size for entry in found.ripple} == {14}


def test_which_widths_are_cheap_is_said_in_a_sentence() -> None:
    entries = (Ripple("cpu0", 14, 4, 1.31, 12.0, 1.0, 4), Ripple("cpu0", 14, 8, 9.0, 1.0, 1.0, 1), Ripple("cpu1", 14, 4, 1.0, 0.1, 0.2, 4))
    meta = made_meta(ripple=entries, channel_step={"cpu0": 32, "cpu1": 4})
    assert (
        channel_sentence(meta, "cpu0")
        == "cpu0: expansion channels are cheap in multiples of 32; other widths take up to 1.31 times as long"
    )
    assert channel_sentence(meta, "cpu1") == "cpu1: expansion channels are cheap in multiples of 4"
    assert "is not known" in channel_sentence(made_meta(ripple=entries), "cpu0")
