"""The placements that are asked for."""

from __future__ import annotations

import pytest

from collab.errors import ConfigError
from collab.placement import parse_placement
from tests.search.problems.on_device import problem


def test_the_best_placement_leaves_more_room_than_any_other() -> None:
    best = problem(0.7).candidate(problem(0.7).space.leaf("acnnaca"))
    tree = problem(0.7, "tree")
    each = [tree.candidate(tree.space.leaf("acnnaca", number)) for number in range(6)]
    assert best.config is not None
    assert best.config.macs == max(candidate.config.macs for candidate in each if candidate.config)
    assert len({candidate.placement for candidate in each}) == 6
    assert tree.space.size == 6 * 1458


def test_one_placement() -> None:
    subject = problem(0.7, "stem=0,head=1")
    assert subject.candidate(subject.space.leaf("nnnnnna")).placement == parse_placement("stem=0,head=1", branches=2)
    with pytest.raises(ConfigError, match="no unit gpu0"):
        problem(0.7, "0=cpu0,1=gpu0")
