"""Effects: tests hold their level where nothing differs, find what does, and say how small a difference they would have found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from lut.statistics import summarise
from report.comparing.effects import LEVEL, NO_DIFFERENCE, Cost, Effect, Pair, chances, judged, whole_of

TRIALS = 400
MOST_ALARMS = int(binom.ppf(0.999, TRIALS, LEVEL))
"""More false alarms than this in so many trials happen in one of a thousand runs at the level, and the seeds are fixed."""


def cost(generator: np.random.Generator, visits: int, *, us: float = 1000.0, spread: float = 0.03) -> Cost:
    found = summarise(1000 * us * generator.lognormal(0, spread, size=(visits, 1)))
    return Cost(found.median_us, found.se_us, found.visits)


def alarms(visits: int, factor: float) -> int:
    generator = np.random.default_rng(visits)
    effects = [Effect.of_costs(cost(generator, visits), cost(generator, visits, us=1000 * factor)) for _ in range(TRIALS)]
    return sum(chance <= LEVEL for chance in chances([effect for effect in effects if effect is not None], 0.0))


@pytest.mark.parametrize("visits", [2, 3, 4, 8, 16, 40])
def test_two_measurements_of_the_same_are_told_apart_in_one_of_twenty_at_most(visits: int) -> None:
    assert alarms(visits, 1.0) <= MOST_ALARMS


@pytest.mark.parametrize(("visits", "factor"), [(8, 1.10), (16, 1.05), (40, 1.03)])
def test_differences_of_two_standard_errors_and_more_are_found(visits: int, factor: float) -> None:
    assert alarms(visits, factor) >= 0.75 * TRIALS


@pytest.mark.parametrize("turns", [2, 3, 5, 10])
def test_turns_hold_the_level_however_slow_some_of_them_are(turns: int) -> None:
    generator = np.random.default_rng(turns)
    spells = 1000 * generator.lognormal(0, 0.3, size=(TRIALS, turns))
    sides = spells[:, None, :] * generator.lognormal(0, 0.01, size=(TRIALS, 2, turns))
    effects = [effect for first, second in sides if (effect := Effect.of_pairs(first.tolist(), second.tolist())) is not None]
    assert sum(chance <= LEVEL for chance in chances(effects, 0.0)) <= MOST_ALARMS
    slower = [effect for first, second in sides if (effect := Effect.of_pairs(first.tolist(), (1.05 * second).tolist())) is not None]
    if turns >= 5:
        assert sum(chance <= LEVEL for chance in chances(slower, 0.0)) >= 0.95 * TRIALS, "5 % is found in spells of 30 %"


@pytest.mark.parametrize("rows", [2, 5, 40])
def test_the_whole_of_rows_holds_the_level(rows: int) -> None:
    generator = np.random.default_rng(rows)
    told_apart = 0
    for _ in range(TRIALS // 2):
        pairs = [Pair.of("block", "cpu0", str(row), cost(generator, 6), cost(generator, 6)) for row in range(rows)]
        told_apart += whole_of(judged(pairs, 0.0)).verdict(0.0) != NO_DIFFERENCE
    assert told_apart <= int(binom.ppf(0.999, TRIALS // 2, LEVEL))


def test_intervals_cover_the_true_ratio_as_often_as_they_say() -> None:
    generator = np.random.default_rng(1)
    effects = [Effect.of_costs(cost(generator, 10), cost(generator, 10, us=1200)) for _ in range(TRIALS)]
    covered = sum(effect is not None and effect.interval[0] <= 1.2 <= effect.interval[1] for effect in effects)
    assert covered >= TRIALS - MOST_ALARMS


def test_the_smallest_provable_difference_is_where_the_verdict_turns() -> None:
    effect = Effect(0.0, 0.01, 20)
    least = effect.least_provable(0.02)
    below, above = (Effect(float(np.log1p(least + step)), 0.01, 20) for step in (-1e-6, 1e-6))
    assert chances([below], 0.02)[0] > LEVEL >= chances([above], 0.02)[0]


def test_equal_times_are_no_difference_and_need_no_spread() -> None:
    same = Cost(100.0, 0.0, 5)
    rows = judged([Pair.of("block", "cpu0", name, same, same) for name in "ab"], 0.0)
    whole = whole_of(rows)
    assert (whole.ratio, whole.verdict(0.0)) == (1.0, NO_DIFFERENCE)
    assert whole.interval is not None
    assert whole.interval[0] < 1 < whole.interval[1]


def test_one_visit_tells_nothing() -> None:
    assert Effect.of_costs(Cost(1.0, None, 1), Cost(2.0, 0.1, 9)) is None
    assert Effect.of_pairs([1.0], [2.0]) is None
    [row] = judged([Pair.of("block", "cpu0", "x", Cost(1.0, None, 1), Cost(2.0, 0.1, 9))], 0.0)
    assert (row.ratio, row.p, row.interval, row.is_proven) == (2.0, None, None, False)
    assert whole_of([row]).verdict(0.0) == NO_DIFFERENCE


def test_proven_rows_come_first_and_the_largest_differences_among_them() -> None:
    costs = {"a": 1.5, "b": 0.4, "c": 1.0, "d": 3.0}
    pairs = [Pair.of("block", "cpu0", name, Cost(100.0, 0.5, 20), Cost(100.0 * ratio, 0.5, 20)) for name, ratio in costs.items()]
    unknown = Pair.of("block", "cpu0", "e", Cost(1.0, None, 1), Cost(9.0, None, 1))
    assert [row.pair.name for row in judged([*pairs, unknown], 0.02)] == ["d", "b", "a", "e", "c"]


def test_an_error_of_hundreds_of_medians_leaves_an_interval_that_can_be_written() -> None:
    """A pause of 4 ms in one visit of three, of something that takes 10 us."""
    paused = summarise([[10_000.0], [10_000.0], [4_000_000.0]])
    row = judged([Pair.of("block", "cpu0", "x", Cost(paused.median_us, paused.se_us, paused.visits), Cost(12.0, 0.1, 3))], 0.02)[0]
    assert row.interval is not None
    assert 0 < row.interval[0] < row.ratio < row.interval[1] < 1e7
    assert row.pair.effect is not None
    assert 0 < row.pair.effect.least_provable(0.02) < 1e7
    assert not row.is_proven
