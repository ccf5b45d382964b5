"""The array path against `lut.prediction.model_latency`, which goes through configs and schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count, islice, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.config import SYNCS
from collab.errors import ConfigError, MissingEntryError
from collab.model import ModelConfig
from collab.placement import parse_placement
from collab.variants import collaborative, random_collaborative
from lut.entries import PairPath
from lut.paths import PATHS
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict
from lut.prediction.variant_replay import Bodies, VariantReplay
from lut.prediction.variants import VariantCosts
from lut.tables import Tables
from tests.lut.made_tables import THREE_UNITS, transfer_row
from tests.search.made import BASE, REUSE, costs, tables

PLACEMENTS = ("stem=all,head=0", "stem=all,head=1", "stem=0,head=0", "stem=0,head=1", "stem=1,head=0", "0=cpu1,1=cpu0,stem=1,head=1")
COSTS = {(path, factor): costs(path=path, contention=factor, reuse=REUSE) for path in PATHS for factor in (1.0, 1.3)}
THREE_PLACEMENTS = ("0=cpu0,1=cpu1,2=gpu0,stem=all,head=0", "0=gpu0,1=cpu0,2=cpu1,stem=0,head=1", "0=cpu1,1=gpu0,2=cpu0,stem=2,head=1")
PAIRS = tuple(f"{sender}>{receiver}" for sender, receiver in permutations(THREE_UNITS, 2))


@cache
def three_units() -> Tables:
    """Tables of three units, by whatever paths."""
    return tables(paths={}, branches=3, reuse=REUSE)


def over(paths: Mapping[str, str]) -> Costs:
    """The costs of three units that hand over by these paths."""
    made = three_units()
    rows = tuple(
        transfer_row(row.from_unit, row.to_unit, row.bytes, path=paths[f"{row.from_unit}>{row.to_unit}"]) for row in made.transfers
    )
    meta = replace(made.meta, paths={pair: PairPath(path, "made so") for pair, path in paths.items()})
    return Costs(Tables(made.blocks, rows, meta), source="luts/made")


def bodies(models: Sequence[ModelConfig], stretch: np.ndarray, table: Costs, units: tuple[str, ...], stretches: int) -> Bodies:
    """The blocks of each model on each unit in each stretch: (models, units, stretches)."""
    return Bodies.stacked(
        [
            Bodies.stacked(
                [
                    Bodies.stacked(
                        [
                            Bodies.of(
                                [
                                    table.block(unit, block)
                                    for stage, part in enumerate(model.stages)
                                    if stretch[row, stage] == number
                                    for block in part.branches[branch]
                                ]
                            )
                            for number in range(stretches)
                        ]
                    )
                    for branch, unit in enumerate(units)
                ]
            )
            for row, model in enumerate(models)
        ]
    )


@given(
    seed=st.integers(0, 1 << 30),
    placement=st.sampled_from(PLACEMENTS),
    path=st.sampled_from(PATHS),
    factor=st.sampled_from([1.0, 1.3]),
)
@settings(max_examples=60)
def test_latencies_are_those_of_the_prediction(seed: int, placement: str, path: str, factor: float) -> None:
    placed, table = parse_placement(placement, branches=2), COSTS[path, factor]
    generator = np.random.default_rng(seed)
    drawn = (random_collaborative(BASE, generator) for _ in count())
    # Shares are even in variants.
    even = (m for m in drawn if all(s.sync != "c" or s.branches[0][-1].out_c == s.branches[1][-1].out_c for s in m.stages))
    models = list(islice(even, 3))
    letters = np.array([[SYNCS.index(letter) for letter in model.strategy] for model in models])
    replayed = VariantReplay(VariantCosts(BASE, placed, table))
    schedules = replayed.schedules(letters)
    body = bodies(models, schedules.stretch, table, placed.units, schedules.stretches)
    expected = [predict(model, placed, table).total_us for model in models]
    assert replayed.latencies_us(schedules, body) == pytest.approx(expected, rel=1e-9)
    for row in range(len(models)):
        which = np.array([row])
        assert replayed.latencies_us(schedules.rows(which), body.map(which))[0] == pytest.approx(expected[row], rel=1e-9)


@given(
    seed=st.integers(0, 1 << 30),
    placement=st.sampled_from(THREE_PLACEMENTS),
    paths=st.tuples(*[st.sampled_from(PATHS)] * len(PAIRS)),
    strategy=st.text("na", min_size=6, max_size=6).map(lambda letters: letters + "a"),
)
@settings(max_examples=40)
def test_they_are_for_three_units_whatever_the_paths(seed: int, placement: str, paths: tuple[str, ...], strategy: str) -> None:
    placed, table = parse_placement(placement, branches=3), over(dict(zip(PAIRS, paths, strict=True)))
    model = collaborative(BASE, strategy, branches=3)
    replayed = VariantReplay(VariantCosts(BASE, placed, table))
    schedules = replayed.schedules(np.array([[SYNCS.index(letter) for letter in strategy]]))
    body = bodies([model], schedules.stretch, table, placed.units, schedules.stretches)
    assert replayed.latencies_us(schedules, body)[0] == pytest.approx(predict(model, placed, table).total_us, rel=1e-9)


def test_no_variants_have_no_latencies() -> None:
    replayed = VariantReplay(VariantCosts(BASE, parse_placement("", branches=2), COSTS["shared", 1.0]))
    schedules = replayed.schedules(np.zeros((0, 7), np.int64))
    nothing = Bodies(*[np.zeros((0, 2, schedules.stretches))] * 4)
    assert replayed.latencies_us(schedules, nothing).shape == (0,)


def test_a_collaborative_base_is_refused() -> None:
    with pytest.raises(ConfigError, match="made of a base model"):
        VariantCosts(configs.load("syncnas_mobilenet_v2_100"), parse_placement("", branches=2), COSTS["shared", 1.0])


def test_one_branch_is_refused() -> None:
    with pytest.raises(ConfigError, match="two branches"):
        VariantCosts(BASE, parse_placement("0=cpu0", branches=1), COSTS["shared", 1.0])


def test_a_missing_transfer_is_an_error_that_says_how_to_measure_it() -> None:
    made = tables()
    fewer = Tables(made.blocks, tuple(row for row in made.transfers if row.bytes > 100_000), made.meta)
    replayed = VariantReplay(VariantCosts(BASE, parse_placement("", branches=2), Costs(fewer, source="luts/x")))
    with pytest.raises(MissingEntryError, match="--transfer-bytes"):
        replayed.schedules(np.array([[0, 0, 0, 0, 0, 0, 1]]))
