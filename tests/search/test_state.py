"""Journals that do not say what a search would do are refused, line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from collab.errors import JournalError
from search.driver import Search
from search.engine.tree_search import Settings, TreeSearch
from search.executors.processes import ProcessExecutor
from search.journals.journal import Asked, Evaluated, read_journal
from search.problems.known import StrategyTable
from search.state import Objective
from tests.search.searches import ACCURACIES, HEADER, Twins, lines, run, search
from tests.search.workers import Known, Sleepy
from tests.search.written_journals import checked, unchecked


def test_a_journal_replays_to_the_same_questions(tmp_path: Path) -> None:
    """With several workers the order of answers is chance, but what was asked follows from it."""
    run(tmp_path, 24, ProcessExecutor(Sleepy(ACCURACIES), 3))
    _, entries = read_journal(tmp_path / "journal.jsonl")
    problem = StrategyTable(sorted(ACCURACIES))
    tree = TreeSearch(problem.space, problem.feasible, Settings(seed=3))
    flying = 0
    most = 0
    for entry in entries:
        if isinstance(entry, Evaluated):
            tree.tell(entry.leaf, entry.accuracy)
            flying -= 1
        else:
            assert isinstance(entry, Asked)
            assert tree.ask() == entry.leaf
            flying += 1
        most = max(most, flying)
    assert most == 3


ANSWERED = '"n": 0, "leaf": [LEAF], "strategy": "STRATEGY"'
ANYWHERE = '"leaf": [0, 0, 0, 0, 0, 0, 1, 0], "strategy": "nnnnnna"'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "line 4 is no JSON"),
        ("[]", "line 4 is no event of a search: expected an object"),
        (
            '{"event": "evaluated", "n": 0, "leaf": [0], "strategy": "n", "accuracy": "high"}',
            "line 4 is no event.*accuracy: expected a number",
        ),
        ('{"event": "evaluated", "n": 0, "leaf": [0], "strategy": "n", "accuracy": NaN}', "line 4 is no JSON"),
        ('{"event": "evaluated", "n": 0, "leaf": [0], "strategy": "n", "accuracy": 1e300}', "line 4 is no event.*accuracy"),
        ('{"event": "won", "n": 0, "leaf": [0]}', "line 4 is no event"),
        ('{"event": "asked", "n": -1, "leaf": [0]}', "line 4 is no event.*n: expected"),
        ('{"event": "asked", "n": 1, "leaf": [0, 7], "strategy": "n"}', "question 1 does not follow"),
        ('{"event": "asked", "n": 1, "leaf": [7, 0, 0, 0, 0, 0, 1, 0], "strategy": "nnnnnna"}', "question 1 does not follow"),
        ('{"event": "asked", "n": 1, "leaf": [-1, 0, 0, 0, 0, 0, 1, 0], "strategy": "nnnnnna"}', "line 4 is no event.*leaf"),
        ('{"event": "asked", "n": 7, ANYWHERE}', "question 7 does not follow"),
        ('{"event": "asked", "n": 1, "leaf": [LEAF], "strategy": "STRATEGY"}', "question 1 is of a leaf that was asked before"),
        ('{"event": "asked", "n": 1, "leaf": [0, 0, 0, 0, 0, 0, 1, 0], "strategy": "aaaaaaa"}', "its leaf is nnnnnna, not aaaaaaa"),
        ('{"event": "asked", "n": 1, ANYWHERE, "placement": "0=cpu0"}', "nnnnnna is placed None, not 0=cpu0"),
        ('{"event": "asked", "n": 1, ANYWHERE, "latency_us": 5}', "not 5.000"),
        ('{"event": "evaluated", "n": 7, ANYWHERE, "accuracy": 1}', "question 7 has an answer, but was not asked"),
        ('{"event": "evaluated", ANSWERED, "accuracy": 1}', "question 0 has an answer already"),
        ('{"event": "same", ANSWERED, "of": 0}', "question 0 has an answer already"),
        ('{"event": "search", "settings": {}, "inputs": {}}', "line 4 is no event"),
        ('{"event": "asked", "n": 1, ANYWHERE, "more": 1}', "unknown field"),
    ],
)
def test_damaged_journals_are_named(tmp_path: Path, line: str, says: str) -> None:
    run(tmp_path, 1)
    first = lines(tmp_path)[1]
    line = line.replace("ANSWERED", ANSWERED).replace("ANYWHERE", ANYWHERE)
    line = line.replace("LEAF", ", ".join(map(str, first["leaf"]))).replace("STRATEGY", first["strategy"])
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(checked([*unchecked(journal), line.encode()]))
    with pytest.raises(JournalError, match=says) as refused:
        search(tmp_path)
    assert "line 4" in str(refused.value)
    assert "another folder" in str(refused.value)


@pytest.mark.parametrize(
    ("event", "changes", "says"),
    [
        ("evaluated", {"leaf": [0, 0, 0, 0, 0, 0, 1, 0]}, "question 0 was of another leaf"),
        ("evaluated", {"strategy": "nnnnnnc"}, "its leaf is .*, not nnnnnnc"),
        ("same", {"of": 0}, "question 0 repeats question 0, which has not evaluated"),
        ("same", {"of": 5}, "question 0 repeats question 5, which has not evaluated"),
        ("evaluated", {"accuracy": 0.123}, "[nac]+ has accuracy 0.123, in the table "),
    ],
)
def test_answers_that_are_none_are_named(tmp_path: Path, event: str, changes: dict[str, Any], says: str) -> None:
    run(tmp_path, 1)
    journal = tmp_path / "journal.jsonl"
    head, asked, answer = unchecked(journal)
    document = {**json.loads(asked), "event": event, **({"accuracy": json.loads(answer)["accuracy"]} if event == "evaluated" else {})}
    journal.write_bytes(checked([head, asked, json.dumps({**document, **changes}).encode()]))
    with pytest.raises(JournalError, match=rf"line 3: {says}"):
        Search(StrategyTable(sorted(ACCURACIES)), Settings(seed=3), Objective(), tmp_path, HEADER, known=ACCURACIES)


def test_an_architecture_has_one_accuracy(tmp_path: Path) -> None:
    """Also where two questions of it were under way: the second answer must be that of the first."""
    run(tmp_path, 30, ProcessExecutor(Known(ACCURACIES), 3), problem=Twins())
    journal = tmp_path / "journal.jsonl"
    forged = [re.sub(rb'"event": "same"(.*)"of": [0-9]+', rb'"event": "evaluated"\1"accuracy": 0.9', line) for line in unchecked(journal)]
    assert forged != unchecked(journal)
    journal.write_bytes(checked(forged))
    with pytest.raises(JournalError, match=r"is of the architecture that question [0-9]+ has evaluated already"):
        search(tmp_path, problem=Twins())


def test_the_objective_weighs_latency_as_told() -> None:
    assert Objective()(0.8, 5.0) == 0.8
    assert Objective(0.5, 10.0)(0.8, 2.5) == pytest.approx(1.6)
    assert Objective(0.5, 10.0)(0.8, None) == 0.8
