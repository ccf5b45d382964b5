"""Searches that have evaluated more than a page can show."""

from __future__ import annotations

from itertools import accumulate

from report.data.searches import Architecture
from report.panels.searching import thinned


def evaluated(number: int) -> Architecture:
    objective = (number * 7919 % 9973) / 9973
    return Architecture(number, "nca", objective, objective, None, "", (), None, 0, number == 4001)


def test_of_many_the_front_and_every_best_of_its_time_stay() -> None:
    found = [evaluated(number) for number in range(1, 9001)]
    kept = thinned(found)
    assert 1500 < len(kept) < 2500
    assert list(kept) == sorted(kept, key=lambda each: each.number)
    assert any(each.number == 4001 for each in kept)
    best = list(accumulate((each.objective for each in found), max))
    assert list(accumulate((each.objective for each in kept), max))[-1] == best[-1]
    improving = {each.number for each, before in zip(found, [-1.0, *best], strict=False) if each.objective > before}
    assert improving <= {each.number for each in kept}


def test_of_few_all_stay() -> None:
    found = [evaluated(number) for number in range(1, 101)]
    assert list(thinned(found)) == found
