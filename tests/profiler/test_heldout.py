"""Strategies that certify tables, drawn on tables whose numbers follow from a rule."""

from __future__ import annotations

import pytest

from collab import config as configs
from collab.errors import ConfigError, MissingEntryError
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from profiler.heldout import LEAST_CRITICAL, draw_candidates
from tests.profiler.unequal_units import BASE, tables


@pytest.mark.parametrize("slower", [1.0, 30.0])
def test_each_unit_carries_its_part_of_the_critical_path_however_unequal_they_are(slower: float) -> None:
    costs = Costs(tables(slower), source="t")
    found = draw_candidates(BASE, costs, ["cpu0", "cpu1"], 6, seed=3)
    assert len({candidate.config.name for candidate in found}) == 6
    assert len({candidate.placement.text for candidate in found}) > 2
    for candidate in found:
        assert min(predict(candidate.config, candidate.placement, costs).critical.values()) >= LEAST_CRITICAL
    again = draw_candidates(BASE, costs, ["cpu0", "cpu1"], 6, seed=3)
    assert [candidate.config.sha256 for candidate in found] == [candidate.config.sha256 for candidate in again]


def test_units_too_unequal_for_any_strategy_are_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError, match="25 % of the critical path"):
        draw_candidates(BASE, Costs(tables(1e6), source="t"), ["cpu0", "cpu1"], 1, seed=0)


def test_tables_without_a_model_s_blocks_say_which_are_missing() -> None:
    with pytest.raises(MissingEntryError, match="to measure it"):
        draw_candidates(configs.load("micro_v2"), Costs(tables(1.0), source="t"), ["cpu0", "cpu1"], 2, seed=0)
