"""A search as a report shows it, out of journals that real searches have written."""

from __future__ import annotations

from pathlib import Path

from report.data.searches import read_search
from search.engine.tree_search import Settings
from search.results.archive import pareto
from tests.search import searches
from tests.search.made import BASE
from tests.search.problems.on_device import searched
from tests.search.written_journals import as_third_format

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


def test_channels_of_all_architectures_are_those_of_their_configs(tmp_path: Path) -> None:
    found = searched(tmp_path, 8)
    result = read_search(tmp_path / "journal.jsonl")
    assert result.base is not None
    assert (result.base.stem, result.base.head) == ((BASE.stem.in_c, BASE.stem.out_c), (BASE.head.in_c, BASE.head.hidden_c))
    assert any("c" in each.strategy for each in result.architectures)
    for each, item in zip(result.architectures, found, strict=True):
        assert item.config is not None
        assert each.widths is not None
        for branch, widths in enumerate(each.widths):
            left = list(widths)
            for stage, base in zip(item.config.stages, result.base.stages, strict=True):
                for block, row in zip(stage.branches[branch], base.blocks, strict=True):
                    is_shared = stage.sync == "c" and block is stage.branches[branch][-1]
                    out_c = base.shares[branch] if is_shared else row[5]
                    assert (*row[:4], left.pop(0), out_c) == (
                        block.in_size,
                        block.kernel,
                        block.stride,
                        block.in_c,
                        block.exp_c,
                        block.out_c,
                    )
            assert not left


def test_of_a_journal_of_the_third_format_only_the_best_has_channels(tmp_path: Path) -> None:
    searched(tmp_path, 8)
    now = read_search(tmp_path / "journal.jsonl")
    as_third_format(tmp_path / "journal.jsonl")
    then = read_search(tmp_path / "journal.jsonl")
    assert then.base == now.base
    assert now.best is not None
    assert [each.widths for each in then.architectures] == [
        each.widths if each.number == now.best.number else None for each in now.architectures
    ]
