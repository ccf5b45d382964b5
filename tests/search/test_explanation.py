"""The tree of a search, grown again out of its journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collab.errors import ConfigError, JournalError
from search.driver import Search
from search.engine.tree_search import METHODS, Settings, TreeSearch
from search.executors.inline import InlineExecutor
from search.explanation import GrownTree, journals_in, read_tree
from search.journals.journal import Asked, Evaluated, Failed, read_journal
from search.problems.base import Problem
from search.problems.known import StrategyTable
from search.state import Objective
from tests.search.problems.on_device import problem
from tests.search.searches import ACCURACIES, HEADER, Twins, lines, run
from tests.search.workers import Flaky, Known, Macs
from tests.search.written_journals import checked, unchecked

TOLD = {**HEADER, "method": "tree"}


def searched(folder: Path, evaluations: int, *, method: str = "tree", subject: Problem | None = None, evaluator: Any = None) -> None:
    made = subject or StrategyTable(sorted(ACCURACIES))
    search = Search(made, Settings(seed=3, method=method), Objective(), folder, {**TOLD, "method": method})
    try:
        search.run(InlineExecutor(evaluator or Known(ACCURACIES)), evaluations)
    finally:
        search.close()


def grown(folder: Path) -> GrownTree:
    return read_tree(folder / "journal.jsonl")


def told_again(folder: Path, problem: Problem, method: str) -> TreeSearch:
    """The search's tree, told by hand what the journal holds."""
    tree = TreeSearch(problem.space, problem.feasible, Settings(seed=3, method=method))
    _, entries = read_journal(folder / "journal.jsonl")
    for entry in entries:
        if isinstance(entry, Evaluated):
            tree.tell(entry.leaf, entry.accuracy)
        elif isinstance(entry, Failed):
            tree.fail(entry.leaf)
        elif isinstance(entry, Asked):
            tree.begin(entry.leaf)
    return tree


def accuracies_beneath(folder: Path, prefix: Sequence[int]) -> list[float]:
    found = [line for line in lines(folder) if line["event"] == "evaluated"]
    return [line["accuracy"] for line in found if line["leaf"][: len(prefix)] == list(prefix)]


@pytest.mark.parametrize("method", METHODS)
def test_levels_lead_to_the_best_and_say_what_the_search_knows(tmp_path: Path, method: str) -> None:
    searched(tmp_path, 30, method=method)
    tree, live = grown(tmp_path), told_again(tmp_path, StrategyTable(sorted(ACCURACIES)), method)
    best = tree.status.best
    assert best is not None
    assert best.accuracy == max(accuracies_beneath(tmp_path, ()))
    levels = tree.levels(())
    assert [level.chosen for level in levels] == ["nac".index(letter) for letter in best.strategy]
    for depth, level in enumerate(levels):
        assert level.prefix == tuple("nac".index(letter) for letter in best.strategy[:depth])
        assert level.children == live.explain(level.prefix)
        for child in level.children:
            beneath = accuracies_beneath(tmp_path, (*level.prefix, child.value))
            assert child.visits == len(beneath)
            assert child.best == (max(beneath) if beneath else None)
            assert child.mean == (pytest.approx(np.mean(beneath)) if beneath else None)
    assert sum(child.visits for child in levels[0].children) == 30
    assert sum(child.prior or 0.0 for child in levels[0].children) == pytest.approx(0.0 if method == "uct" else 1.0)


def test_only_what_can_be_evaluated_is_open(tmp_path: Path) -> None:
    few = StrategyTable(["ana", "anc", "nca", "cca"])
    searched(tmp_path, 1, subject=few, evaluator=Known(dict.fromkeys(["ana", "anc", "nca", "cca"], 0.5)))
    tree = grown(tmp_path)
    assert tree.feasible_leaves == 4
    assert tree.knows_priors
    left = {"ana", "anc", "nca", "cca"} - {found.strategy for found in tree.status.found}
    for prefix in ("", "a", "n", "c", "an"):
        open_letters = {"nac"[child.value] for child in tree.levels(tree.prefix(prefix))[0].children if child.is_open}
        assert open_letters == {strategy[len(prefix)] for strategy in left if strategy.startswith(prefix)}


def test_beneath_a_path(tmp_path: Path) -> None:
    searched(tmp_path, 30)
    tree = grown(tmp_path)
    for letters in ("n", "ca"):
        prefix = tree.prefix(letters)
        levels = tree.levels(prefix)
        assert levels[0].prefix == prefix
        best = tree.best_beneath(prefix)
        assert (best is None) == (not accuracies_beneath(tmp_path, prefix))
        if best is not None:
            assert best[1].accuracy == max(accuracies_beneath(tmp_path, prefix))
            assert levels[-1].chosen == best[0][6]


def test_where_nothing_was_evaluated_there_is_one_level(tmp_path: Path) -> None:
    searched(tmp_path, 4)
    tree = grown(tmp_path)
    unseen = next(letters for letters in ("aaaaa", "ccccc", "nnnnn") if not accuracies_beneath(tmp_path, tree.prefix(letters)))
    [level] = tree.levels(tree.prefix(unseen))
    assert level.chosen is None
    assert [child.visits for child in level.children] == [0, 0, 0]
    assert sum(child.prior or 0.0 for child in level.children) == pytest.approx(1.0)


def test_what_is_under_way_counts(tmp_path: Path) -> None:
    searched(tmp_path, 6)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(checked(unchecked(journal)[:-1]))
    tree = grown(tmp_path)
    assert tree.status.evaluated == 5
    assert tree.under_way == 1
    assert sum(child.in_flight for child in tree.levels(())[0].children) == 1


def test_failures_and_twins_are_no_evaluations_of_their_own(tmp_path: Path) -> None:
    searched(tmp_path, 20, evaluator=Flaky(ACCURACIES))
    tree = grown(tmp_path)
    assert tree.status.failed > 0
    assert sum(child.visits for child in tree.levels(())[0].children) == 20
    twins = tmp_path / "twins"
    twins.mkdir()
    searched(twins, 20, subject=Twins(), evaluator=Known({strategy: ACCURACIES[strategy.replace("c", "a")] for strategy in ACCURACIES}))
    same = sum(line["event"] == "same" for line in lines(twins))
    tree = grown(twins)
    assert same > 0
    assert tree.status.evaluated == 20
    assert sum(child.visits for child in tree.levels(())[0].children) == 20 + same


def test_placements_are_decisions_of_their_own(tmp_path: Path) -> None:
    searched(tmp_path, 8, subject=problem(0.7, "tree"), evaluator=Macs({}))
    tree = grown(tmp_path)
    last = tree.levels(())[-1]
    assert len(last.prefix) == 7
    [chosen] = [child for child in last.children if child.value == last.chosen]
    assert tree.status.best is not None
    assert (chosen.visits, chosen.mean, chosen.best, chosen.is_open) == (1, tree.status.best.objective, tree.status.best.objective, False)
    assert tree.status.best.placement is not None
    assert tree.placement(chosen.value) == tree.status.best.placement.text
    assert tree.placement(5000) == "placement 5000"


class TooLarge:
    """The 1458 strategies twenty times over: too many for a journal to say of each whether it can be evaluated."""

    def __init__(self) -> None:
        self._table = StrategyTable(sorted(ACCURACIES))
        self.space = replace(self._table.space, options=(*self._table.space.options[:-1], tuple(range(20))))
        self.feasible = self._table.feasible
        self.candidate = self._table.candidate
        self.why_not = self._table.why_not


def test_a_space_that_is_too_large_has_priors_only_with_what_can_be_evaluated(tmp_path: Path) -> None:
    searched(tmp_path, 10, subject=TooLarge())
    tree = grown(tmp_path)
    assert not tree.knows_priors
    children = [child for level in tree.levels(()) for child in level.children]
    assert sum(child.visits for child in tree.levels(())[0].children) == len(tree.status.found)
    assert all(child.prior is None and child.score is None for child in children)
    told = read_tree(tmp_path / "journal.jsonl", feasible=TooLarge().feasible)
    assert told.knows_priors
    assert sum(child.prior or 0.0 for child in told.levels(())[0].children) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("letters", "says"),
    [
        ("x", "no strategy begins so"),
        ("n" * 7, "no strategy begins so"),
        ("n" * 60, "no strategy begins so"),
        ("nnnnnna", "a whole strategy"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path: Path, letters: str, says: str) -> None:
    searched(tmp_path, 1)
    with pytest.raises(ConfigError, match=f"--path {letters}.*{says}"):
        grown(tmp_path).prefix(letters)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"space": {"options": [[0, 1, 2], [0]], "feasible": "AA=="}}, "question 0"),
        ({"space": {"options": [[1, 0], [0]], "feasible": "AA=="}}, "line 1 .*ascending"),
        ({"space": {"options": [[0, 3], [0]], "feasible": "AA=="}}, "line 1 .*none of the syncs"),
        ({"space": {"options": [[0, 1]] * 90, "feasible": None}}, "line 1 .*more than can be counted"),
        ({"space": {"options": [[0]], "feasible": "AA=="}}, "line 1 .*space.options"),
        ({"space": {"options": [[0, 1], [0, 1 << 20]], "feasible": "AA=="}}, "line 1 .*space.options"),
        ({"space": {"options": [[0, 1, 2], [0]], "feasible": "AAAA"}}, "line 1 .*3 bytes"),
        ({"space": {"options": [[0, 1, 2], [0]], "feasible": None}}, "line 1 .*0 bytes"),
        ({"space": {"options": [[0, 1, 2], [0]], "feasible": "?"}}, "line 1 .*base64"),
        ({"settings": {**TOLD, "method": "luck"}}, "line 1 .*no search method 'luck'"),
        ({"settings": {**TOLD, "method": 1}}, "setting method is 1, where a text is needed"),
        ({"settings": {**TOLD, "seed": -1}}, "setting seed is -1, where a whole number is needed"),
        ({"settings": {**TOLD, "seed": True}}, "setting seed is True"),
        ({"settings": {**TOLD, "latency_weight": "much"}}, "setting latency_weight is much, where a number is needed"),
    ],
)
def test_headers_that_tell_of_no_search(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    searched(tmp_path, 1)
    journal = tmp_path / "journal.jsonl"
    header, *rest = unchecked(journal)
    journal.write_bytes(checked([json.dumps({**json.loads(header), **changes}).encode(), *rest]))
    with pytest.raises(JournalError, match=says):
        grown(tmp_path)


def test_the_journals_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="holds no search"):
        journals_in(tmp_path)
    for name in ("1.0x", "0.5x"):
        (tmp_path / name).mkdir()
        run(tmp_path / name, 1)
    assert journals_in(tmp_path) == [tmp_path / "0.5x" / "journal.jsonl", tmp_path / "1.0x" / "journal.jsonl"]
    run(tmp_path, 1)
    assert journals_in(tmp_path) == [tmp_path / "journal.jsonl"]
