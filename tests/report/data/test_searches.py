"""A search as a report shows it, out of journals that real searches have written."""

from __future__ import annotations

from pathlib import Path

from report.data.searches import read_search
from search.engine.tree_search import Settings
from search.results.archive import pareto
from tests.search import searches

TOLD = {**searches.HEADER, "method": Settings(seed=3).method}


def test_everything_that_was_evaluated_is_there_in_its_order(tmp_path: Path) -> None:
    found = searches.run(tmp_path, 40, header=TOLD).status
    result = read_search(tmp_path / "journal.jsonl")
    assert [each.strategy for each in result.architectures] == searches.evaluated(tmp_path)
    assert [each.number for each in result.architectures] == list(range(1, 41))
    assert result.best is not None
    assert found.best is not None
    assert result.best.strategy == found.best.strategy
    assert {each.strategy for each in result.architectures if each.is_on_front} == {item.strategy for item in pareto(found.found)}
    assert (result.evaluated, result.failed, result.under_way, result.size) == (40, 0, 0, 1458)


def test_a_name_in_a_journal_opens_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "found").mkdir()
    searches.run(tmp_path / "found", 3, header={**TOLD, "model": str(tmp_path / "secret.json")})
    result = read_search(tmp_path / "found" / "journal.jsonl")
    assert result.base is None
    assert result.found is None
