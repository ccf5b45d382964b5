"""Costs of two units to each other, recovered from rehearsals on a device that is made of its tables; noise proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from android_harness.protocol.journal import CollabDone
from collab.units import parse_unit
from lut.entries import Contention, Rehearsed, ReuseCost, SharedCache
from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.model_latency import predict
from lut.tables import Tables
from profiler.drift import SpeedLine
from profiler.plan import Plan
from profiler.rehearsal import Rehearsal, draw_rehearsals
from profiler.samples import SampleStore
from profiler.together import FEWEST, with_rehearsals
from tests.profiler.made_certificates import BASE, UNITS, Noise, drawn_strategies, rehearsed, true_tables

PAIRS = (("cpu0", "cpu1"), ("cpu1", "cpu0"))
QUIET = Noise(segment=0.01, run=0.03)
REUSE = tuple(
    ReuseCost(unit, what, (0.05, 0.2, 0.8, 3.2), tuple(rise * us for rise in (0.0, 1.0, 2.0, 3.0)), n=9)  # type: ignore[arg-type]
    for unit in UNITS
    for what, us in (("weights", 900.0), ("features", 90.0))
)
"""Curves of units whose caches hold less than a network of `BASE`."""


@cache
def rehearsals(count: int = 16) -> tuple[Rehearsal, ...]:
    return tuple(draw_rehearsals(BASE, count))


@cache
def claimed(path: str = "shared") -> Tables:
    """Tables in which nothing is known of what the units cost each other."""
    made = true_tables(path=path, factor=1.0)
    moves = tuple(replace(row, claim_us=row.bytes / 4096) for row in made.transfers)
    return replace(made, transfers=moves, meta=replace(made.meta, contention=(), reuse=REUSE))


def true(
    *, path: str = "shared", share: float = 0.0, factor: float = 1.0, stem: float | None = None, costs: Mapping[str, float] | None = None
) -> Tables:
    """Returns tables that know everything of the device: also what its units cost each other, as the arguments say."""
    made = claimed(path)
    factors = dict.fromkeys(BLOCK_CLASSES, factor) | ({} if stem is None else {"stem": stem})
    contention = tuple(Contention(unit, name, other, f, f, 0.01, 9, pooled=True) for unit, other in PAIRS for name, f in factors.items())
    shared = tuple(SharedCache(unit, other, share, share, 0.01, 9) for unit, other in PAIRS) if share else ()
    more = tuple(
        Rehearsed(unit, other, what, value, value, 0.01, 9)  # type: ignore[arg-type]
        for unit, other in PAIRS
        for what, value in (costs or {}).items()
    )
    return replace(made, meta=replace(made.meta, contention=contention, shared_caches=shared, rehearsed=more))


def told(device: Tables, *, noise: Noise = QUIET, count: int = 16, seed: int = 0, path: str = "shared") -> Tables:
    store = rehearsed(rehearsals(count), device, noise, seed=seed)
    return with_rehearsals(claimed(path), store, Plan((), (), rehearsals=rehearsals(count)), {})


def slower(visit: CollabDone, times: float) -> CollabDone:
    """A visit in which everything takes so many times as long."""
    return msgspec.structs.replace(
        visit,
        begin_ns=tuple(tuple(round(times * ns) for ns in row) for row in visit.begin_ns),
        end_ns=tuple(tuple(round(times * ns) for ns in row) for row in visit.end_ns),
        total_ns=tuple(round(times * ns) for ns in visit.total_ns),
    )


def used(tables: Tables, what: str) -> list[float]:
    return [entry.value for entry in tables.meta.rehearsed if entry.what == what]


def factors(tables: Tables, name: str = "mbconv") -> list[float]:
    return [entry.factor for entry in tables.meta.contention if entry.block_class == name]


def errors(tables: Tables, device: Tables) -> list[float]:
    """Errors on strategies that were not rehearsed."""
    here, there = Costs(tables, source=""), Costs(device, source="")
    drawn = drawn_strategies(device, 12, seed=5)
    return [predict(c.config, c.placement, here).total_us / predict(c.config, c.placement, there).total_us - 1 for c in drawn]


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_a_share_of_a_common_cache_is_recovered(share: float) -> None:
    found = told(true(share=share))
    assert [entry.told_by for entry in found.meta.shared_caches] == ["rehearsals", "rehearsals"]
    assert [entry.share for entry in found.meta.shared_caches] == pytest.approx([share, share], abs=0.2)
    assert all(abs(entry.measured - share) < 4 * max(entry.se, 1 / 32) for entry in found.meta.shared_caches)


def test_contention_is_recovered_with_classes_of_their_own() -> None:
    found = told(true(factor=1.08, stem=1.5))
    assert factors(found) == pytest.approx([1.08, 1.08], abs=0.02)
    assert factors(found, "stem") == pytest.approx([1.5, 1.5], abs=0.1)
    assert {entry.told_by for entry in found.meta.contention} == {"rehearsals"}
    assert {(entry.block_class, entry.pooled) for entry in found.meta.contention} >= {("stem", False), ("mbconv", True)}


def test_costs_of_hand_overs_in_runs_are_recovered() -> None:
    device = true(costs={"resume": 6.0, "wakeup": 0.75, "fetch": 0.2, "claim": -0.2})
    found = told(device)
    assert used(found, "resume") == pytest.approx([6.0, 6.0], abs=1.0)
    assert used(found, "wakeup") == pytest.approx([0.75, 0.75], abs=0.05)
    assert used(found, "fetch") == pytest.approx([0.2, 0.2], abs=0.06)
    assert used(found, "claim") == pytest.approx([-0.2, -0.2], abs=0.06)
    assert np.max(np.abs(errors(found, device))) < 0.01


def test_costs_of_copies_are_recovered() -> None:
    found = told(true(path="memcpy", costs={"each_read": 2.0, "write": -0.25}), path="memcpy")
    assert used(found, "write") == pytest.approx([-0.25, -0.25], abs=0.05)
    # Whatever its size, a feature map is read in 5 us here: a fraction of that and so much for each are the same.
    each = [5 * share + us for share, us in zip(used(found, "read"), used(found, "each_read"), strict=True)]
    assert each == pytest.approx([2.0, 2.0], abs=0.1)
    assert used(found, "fetch") == [], "where a unit copies in, it fetches nothing"


def test_what_noise_makes_is_not_used() -> None:
    entries = []
    for seed in range(4):
        found = told(true(), noise=Noise(), seed=seed)
        entries += [entry.value for entry in found.meta.rehearsed] + [entry.share for entry in found.meta.shared_caches]
        entries += [factor - 1 for factor in factors(found)]
        assert abs(np.median(errors(found, true()))) < 0.01
    assert np.mean(np.array(entries) != 0) < 0.25


def test_a_unit_that_is_faster_beside_another_one_has_no_contention() -> None:
    found = told(true(factor=0.9))
    assert factors(found) == [1.0, 1.0]
    assert [entry.measured for entry in found.meta.contention if entry.block_class == "mbconv"] == pytest.approx([0.9, 0.9], abs=0.03)


def test_predictions_of_others_and_the_check_are_as_good_as_what_is_told() -> None:
    device = true(share=0.5, factor=1.1, costs={"resume": 5.0, "claim": -0.05})
    found = told(device, count=20)
    assert np.median(np.abs(errors(found, device))) < 0.01 < 0.03 < np.median(np.abs(errors(claimed(), device)))
    [check] = found.meta.rehearsal_checks
    assert (check.unit, check.other, check.n) == ("cpu0", "cpu1", 20)
    assert check.median_error < 0.03
    assert abs(check.bias) < 0.02


def test_jitter_is_not_told_twice() -> None:
    jitter = {"cpu0": 0.03, "cpu1": 0.03}
    device = true(factor=1.05)
    device = replace(device, meta=replace(device.meta, jitter=jitter))
    store = rehearsed(rehearsals(), device, QUIET)
    known = replace(claimed(), meta=replace(claimed().meta, jitter=jitter))
    found = with_rehearsals(known, store, Plan((), (), rehearsals=rehearsals()), {})
    assert factors(found) == pytest.approx([1.05, 1.05], abs=0.015)


def test_speed_that_changes_is_taken_out() -> None:
    device = true(factor=1.1)
    store = rehearsed(rehearsals(), device, Noise(segment=0.01, run=0.0))
    slow = SpeedLine(np.array([0.0, 1e9]), np.array([1.25, 1.25]))
    for samples in store.jobs.values():
        samples.collabs = [slower(visit, 1.25) for visit in samples.collabs]
    found = with_rehearsals(claimed(), store, Plan((), (), rehearsals=rehearsals()), {"cpu0": slow, "cpu1": slow})
    assert factors(found) == pytest.approx([1.1, 1.1], abs=0.02)


def test_too_few_rehearsals_tell_nothing() -> None:
    pairs = true(factor=1.3)
    few = rehearsals()[: FEWEST - 1]
    for store in (SampleStore(), rehearsed(few, true(), QUIET)):
        found = with_rehearsals(pairs, store, Plan((), (), rehearsals=few), {})
        assert found.meta.contention == pairs.meta.contention, "what pairs of visits tell stays"
        assert (found.meta.rehearsed, found.meta.rehearsal_checks) == ((), ())


def test_rehearsals_that_the_tables_cannot_predict_are_left_out() -> None:
    known = replace(claimed(), transfers=())
    found = with_rehearsals(known, rehearsed(rehearsals(), true(), QUIET), Plan((), (), rehearsals=rehearsals()), {})
    assert found.meta.rehearsal_checks == ()


def on_one_core(tables: Tables) -> Tables:
    return replace(tables, meta=replace(tables.meta, units={unit: parse_unit("cpu:cores=0") for unit in UNITS}))


@pytest.mark.parametrize("factor", [2.2, 1.5])
def test_whole_runs_tell_how_units_take_turns_on_a_core(factor: float) -> None:
    store = rehearsed(rehearsals(), true(factor=factor), Noise(segment=0.1, run=0.1))
    found = with_rehearsals(on_one_core(claimed()), store, Plan((), (), rehearsals=rehearsals()), {})
    assert len(found.meta.contention) == 2 * len(BLOCK_CLASSES)
    assert [entry.factor for entry in found.meta.contention] == pytest.approx([factor] * 2 * len(BLOCK_CLASSES), rel=0.05)
    assert all(entry.se is not None and abs(np.log(entry.factor / factor)) < 4 * entry.se for entry in found.meta.contention)
    assert found.meta.rehearsed == ()
    [check] = found.meta.rehearsal_checks
    assert check.median_error < 0.06
    assert abs(check.bias) < 0.04


def test_turns_that_are_not_proven_are_none() -> None:
    store = rehearsed(rehearsals(), true(factor=1.01), Noise(segment=0.1, run=0.1))
    found = with_rehearsals(on_one_core(claimed()), store, Plan((), (), rehearsals=rehearsals()), {})
    assert {entry.factor for entry in found.meta.contention} == {1.0}


def test_spells_in_which_two_units_are_slow_together_are_taken_out() -> None:
    store = rehearsed(rehearsals(), true(factor=1.05), Noise(segment=0.01, run=0.02))
    count = sum(len(samples.collabs) for samples in store.jobs.values())
    moments = iter(np.random.default_rng(0).permutation(count).tolist())
    for samples in store.jobs.values():
        visits = [msgspec.structs.replace(visit, t_ns=next(moments)) for visit in samples.collabs]
        # For two fifths of the time, every run takes a quarter longer.
        samples.collabs = [slower(visit, 1.25 if visit.t_ns > 0.6 * count else 1.0) for visit in sorted(visits, key=lambda v: v.t_ns)]
    found = with_rehearsals(claimed(), store, Plan((), (), rehearsals=rehearsals()), {})
    assert factors(found) == pytest.approx([1.05, 1.05], abs=0.02)
