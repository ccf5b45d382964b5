"""The problem of a search out of its journal."""

from __future__ import annotations

import msgspec
import pytest

from collab.errors import ConfigError
from collab.placement import parse_placement
from search.journals.journal import Asked, Evaluated, Same
from search.journals.record import record_of
from search.journals.recorded import RecordedProblem, recorded_placement
from search.problems.known import StrategyTable
from tests.search.made import BASE

TABLE = StrategyTable(["na", "nc", "aa"])
BLOCKS = len(BASE.blocks)


def test_models_are_what_was_asked_for() -> None:
    first, second, third = (TABLE.space.leaf(strategy) for strategy in ("na", "nc", "aa"))
    entries = [
        Asked(n=0, leaf=first, strategy="na", placement="0=cpu0,1=gpu0,stem=all,head=1", latency_us=12.5),
        Asked(n=1, leaf=second, strategy="nc"),
        Evaluated(n=0, leaf=first, strategy="na", accuracy=0.5),
        Same(n=1, leaf=second, strategy="nc", of=0),
        Asked(n=2, leaf=third, strategy="aa"),
    ]
    problem = RecordedProblem(record_of(TABLE), entries)
    assert problem.space == TABLE.space
    candidate = problem.candidate(first)
    assert (candidate.strategy, candidate.latency_us, candidate.config) == ("na", 12.5, None)
    assert candidate.placement == parse_placement("0=cpu0,1=gpu0,stem=all,head=1", branches=2)
    assert problem.candidate(second).key == candidate.key != problem.candidate(third).key
    assert problem.candidate(second).placement is None


@pytest.mark.parametrize("widths", [((4,), (4,)), ((4,) * BLOCKS,), ((4,) * BLOCKS,) * 3, ()])
def test_widths_of_other_blocks_or_branches_are_refused(widths: tuple[tuple[int, ...], ...]) -> None:
    first = TABLE.space.leaf("na")
    asked = Asked(n=0, leaf=first, strategy="na", placement="0=cpu0,1=cpu1,stem=all,head=1", latency_us=12.5, widths=widths)
    with pytest.raises(ConfigError, match="na: its widths are not those of the base's blocks"):
        RecordedProblem(record_of(TABLE), [asked], base=BASE).candidate(first)
    with pytest.raises(ConfigError, match="its widths"):
        RecordedProblem(record_of(TABLE), [asked]).candidate(first)
    fitting = msgspec.structs.replace(asked, widths=((4,) * BLOCKS,) * 2)
    assert RecordedProblem(record_of(TABLE), [fitting], base=BASE).candidate(first).widths == fitting.widths


@pytest.mark.parametrize("text", ["0=cpu0,1=cpu1,stem=all,head=0", "0=cpu0,1=gpu0,2=npu0,stem=2,head=1", "0=cpu0,stem=all,head=0"])
def test_placements_are_read_as_they_were_written(text: str) -> None:
    assert recorded_placement(text).text == text


@pytest.mark.parametrize("text", ["", "0=cpu0,0=cpu1", "0=cpu0,7=cpu1", "stem=9", "1=cpu0"])
def test_other_texts_are_no_recorded_placements(text: str) -> None:
    try:
        assert recorded_placement(text).text != text
    except ConfigError:
        return
