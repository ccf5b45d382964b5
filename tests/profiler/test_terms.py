"""Terms of predictions: taking back what was added to a table gives the prediction of the table, whatever it was added to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.blocks import parse_key
from lut.entries import Measured
from lut.prediction.costs import BLOCK_CLASSES, Costs, block_class
from lut.tables import BlockRow, HandoverRow, Tables
from profiler.candidates import ConfigCandidate
from profiler.samples import SampleStore
from profiler.terms import GROUPS, RUN_TERMS, Corrections, Predicted
from tests.profiler.made_certificates import UNITS, Noise, drawn_strategies, held_against, measured, true_tables

TRUE = true_tables()
COPYING = true_tables(path="memcpy")


@cache
def candidates() -> list[ConfigCandidate]:
    return drawn_strategies(TRUE, 6)


@cache
def store() -> SampleStore:
    return measured(candidates(), TRUE, Noise())


def predicted(tables: Tables) -> Predicted:
    costs = Costs(tables, source="claimed")
    return Predicted.of(candidates(), held_against(store(), candidates(), costs), costs)


def more_blocks(more: float, block_class_: str) -> Tables:
    def row_of(row: BlockRow) -> BlockRow:
        own = BLOCK_CLASSES[block_class(parse_key(row.block))] == block_class_
        return replace(row, marginal_us=(row.marginal_us or 0.0) * (1 + more)) if own else row

    return replace(TRUE, blocks=tuple(map(row_of, TRUE.blocks)))


def more_calls(more_us: float) -> Tables:
    calls = {unit: Measured(call.median_us + more_us, 0.1, 10) for unit, call in TRUE.meta.call_in_network.items()}
    return replace(TRUE, meta=replace(TRUE.meta, call_in_network=calls))


def more_contention(more: float) -> Tables:
    entries = tuple(msgspec.structs.replace(entry, factor=entry.factor + more) for entry in TRUE.meta.contention)
    return replace(TRUE, meta=replace(TRUE.meta, contention=entries))


def more_handovers(change: Callable[[HandoverRow], HandoverRow]) -> Tables:
    return replace(TRUE, transfers=tuple(map(change, TRUE.transfers)))


def on_both(**by_parameter: float) -> Corrections:
    return {parameter: dict.fromkeys(UNITS, correction) for parameter, correction in by_parameter.items()}


@settings(max_examples=6, deadline=None)
@given(more=st.floats(0.0, 1.0))
def test_taking_back_what_was_added_gives_the_true_prediction(more: float) -> None:
    back = 1 / (1 + more) - 1
    sizes = {name: back for name in predicted(TRUE).parameters("mbconv") if not name.endswith("width")}
    cases = [
        (more_blocks(more, "head"), on_both(head=back)),
        (more_blocks(more, "mbconv"), on_both(**sizes)),
        (more_calls(30 * more), on_both(call=-30 * more)),
        (more_contention(more), on_both(contention=-more)),
        (more_handovers(lambda row: replace(row, wakeup_us=(row.wakeup_us or 0.0) + 9 * more)), on_both(wakeup=-9 * more)),
        (more_handovers(lambda row: replace(row, write_us=(row.write_us or 0.0) * (1 + more))), on_both(fetch=back)),
    ]
    true_us = predicted(TRUE).total_us
    for claimed, corrections in cases:
        found = predicted(claimed)
        assert np.all(found.total_us >= true_us - 1e-6)
        assert found.corrected_us(corrections) == pytest.approx(true_us, rel=1e-9)


def test_amounts_of_a_run_add_up_to_what_is_predicted() -> None:
    found = predicted(TRUE)
    for unit in UNITS:
        steps = found.step_amounts(RUN_TERMS, unit)
        of = dict(zip(steps.parameters, steps.amounts.T, strict=True))
        blocks_us = np.sum([of[name] for name in of if name.split("_")[0] in BLOCK_CLASSES and name != "mbconv_width"], axis=0)
        # Made calls take 1 us, and blocks 1.2 times as long while the other unit works.
        assert steps.predicted_us == pytest.approx(of["call"] * 1.0 + blocks_us + of["fetch"] + 0.2 * of["contention"])
        assert np.all(of["contention"] <= blocks_us + 1e-9)
        assert set(of["call"]) == {1.0}


def test_copies_are_terms_where_units_copy() -> None:
    costs = Costs(COPYING, source="claimed")
    copied = measured(candidates(), COPYING, Noise())
    found = Predicted.of(candidates(), held_against(copied, candidates(), costs), costs)
    present = {group: found.step_amounts(group, "cpu0").parameters for group in GROUPS}
    assert [present[group] for group in GROUPS[1:]] == [("read",), ("wakeup",), ("write",), ("ends",)]
    assert "fetch" not in present[RUN_TERMS], "where the receiver copies, nothing is fetched as it runs"


def test_a_replay_of_what_steps_took_gives_what_was_measured() -> None:
    noisy = measured(candidates(), TRUE, Noise(segment=0.3, run=0.0))
    costs = Costs(TRUE, source="claimed")
    comparisons = held_against(noisy, candidates(), costs)
    measured_us = [comparison.result.measured.median_us for comparison in comparisons]
    found = Predicted.of(candidates(), comparisons, costs)
    assert found.replayed_us() == pytest.approx(measured_us, abs=0.1), "but for parts of nanoseconds"
    assert np.max(np.abs(found.total_us / measured_us - 1)) > 0.05
