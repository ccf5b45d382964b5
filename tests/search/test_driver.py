"""Searches with their journals: what is written, killed, resumed, and carried out by several workers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.landscapes import make, space
from collab.errors import JournalError
from lut.replay import Ints
from search.archive import Found, pareto, write_archive
from search.driver import Objective, Search
from search.evaluators.base import EvaluationError
from search.executors import Executor, InlineExecutor, ProcessExecutor
from search.journal import Asked, Evaluated, Failed, Same, SearchJournal, read_journal
from search.problem import Candidate, StrategyTable
from search.space import Leaf, Space
from search.tree_search import Settings, TreeSearch
from tests.processes import wait_until
from tests.search.journals import checked, unchecked
from tests.search.workers import Fatal, Flaky, Known, Sleepy

LANDSCAPE = make("effects", 11)
EVERYTHING = space(7).leaves(np.arange(1458))
ACCURACIES = {
    space(7).strategy(leaf): float(value) for leaf, value in zip(EVERYTHING.tolist(), LANDSCAPE.accuracy(EVERYTHING), strict=True)
}
HEADER = {"model": "made", "seed": 3}


def search(folder: Path, *, seed: int = 3, header: dict[str, Any] = HEADER, problem: Any = None) -> Search:
    return Search(problem or StrategyTable(sorted(ACCURACIES)), Settings(seed=seed), Objective(), folder, header)


def run(folder: Path, evaluations: int, executor: Executor | None = None, **options: Any) -> Search:
    found = search(folder, **options)
    executor = executor or InlineExecutor(Known(ACCURACIES))
    try:
        found.run(executor, evaluations)
    finally:
        found.close()
        executor.close()
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def evaluated(folder: Path) -> list[str]:
    return [line["strategy"] for line in lines(folder) if line["event"] == "evaluated"]


def test_a_search_finds_and_writes_what_it_finds(tmp_path: Path) -> None:
    found = run(tmp_path, 40)
    best = max(ACCURACIES, key=ACCURACIES.__getitem__)
    assert found.status.best is not None
    assert found.status.best.strategy == best
    assert len(evaluated(tmp_path)) == len(set(evaluated(tmp_path))) == 40
    assert all(line["accuracy"] == ACCURACIES[line["strategy"]] for line in lines(tmp_path) if line["event"] == "evaluated")
    asked = [line["n"] for line in lines(tmp_path) if line["event"] == "asked"]
    assert asked == list(range(40))


def test_a_resumed_search_goes_on_as_if_it_had_not_ended(tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    run(tmp_path / "whole", 30)
    for count in (1, 7, 8, 30):
        run(tmp_path / "parts", count)
    assert evaluated(tmp_path / "parts") == evaluated(tmp_path / "whole")


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_a_line_cut_off_is_written_anew(tmp_path: Path, cut: int) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
        run(tmp_path / name, 12)
    journal = tmp_path / "cut" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    run(tmp_path / "cut", 12)
    assert evaluated(tmp_path / "cut") == evaluated(tmp_path / "whole")


def test_any_moment_is_a_good_one_to_be_killed_at(tmp_path: Path) -> None:
    """Every prefix of a journal, in bytes, can be resumed, and nothing is evaluated twice."""
    whole = tmp_path / "whole"
    whole.mkdir()
    run(whole, 6)
    data = (whole / "journal.jsonl").read_bytes()
    header = data.index(b"\n") + 1
    for size in range(header, len(data), 37):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(data[:size])
        run(folder, 6)
        assert evaluated(folder) == evaluated(whole)


def killed(folder: Path, gate: Path, workers: int, after: int) -> None:
    """Starts a search in a process of its own, and kills it with its workers' parent in the middle."""
    evaluator = f"Gated(ACCURACIES, Path({str(gate)!r}), {after})"
    executor = f"ProcessExecutor({evaluator}, {workers})" if workers > 1 else f"InlineExecutor({evaluator})"
    script = f"from tests.search.test_driver import *; from tests.search.workers import Gated; run(Path({str(folder)!r}), 40, {executor})"
    with subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2]) as process:
        journal = folder / "journal.jsonl"
        wait_until(lambda: process.poll() is not None or (journal.exists() and journal.read_text().count('"evaluated"') >= after))
        process.kill()
    gate.touch()


@pytest.mark.parametrize("workers", [1, 3])
def test_kill_9_loses_nothing_that_was_evaluated(tmp_path: Path, workers: int) -> None:
    found = tmp_path / "found"
    found.mkdir()
    killed(found, tmp_path / "gate", workers, after=9)
    before = evaluated(found)
    assert len(before) == 9
    run(found, 25, ProcessExecutor(Known(ACCURACIES), workers) if workers > 1 else None)
    after = evaluated(found)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 25


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


def test_failures_are_recorded_and_not_tried_again(tmp_path: Path) -> None:
    found = run(tmp_path, 20, InlineExecutor(Flaky(ACCURACIES)))
    counts = Counter(line["event"] for line in lines(tmp_path))
    assert counts["failed"] == found.status.failed > 0
    assert counts["evaluated"] == 20
    assert all("does not train" in line["reason"] for line in lines(tmp_path) if line["event"] == "failed")
    again = run(tmp_path, 30, InlineExecutor(Flaky(ACCURACIES)))
    asked = [line["strategy"] for line in lines(tmp_path) if line["event"] == "asked"]
    assert len(asked) == len(set(asked))
    assert again.status.evaluated == 30


def test_an_evaluator_that_always_fails_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"first 5 evaluations all failed.*nna"):
        run(tmp_path, 20, InlineExecutor(Known({"nna": 1.0})))


def test_a_worker_that_dies_fails_only_its_evaluation(tmp_path: Path) -> None:
    found = run(tmp_path, 20, ProcessExecutor(Fatal(ACCURACIES), 2))
    assert found.status.evaluated == 20
    assert found.status.failed > 0
    reasons = [line["reason"] for line in lines(tmp_path) if line["event"] == "failed"]
    assert all("worker process died 2 times" in reason and "-9" in reason for reason in reasons)


class Twins:
    """Leaves of which every two stand for one architecture: those that differ in the first letter being a or c."""

    def __init__(self) -> None:
        self._table = StrategyTable(sorted(ACCURACIES))

    @property
    def space(self) -> Space:
        return self._table.space

    def feasible(self, leaves: Ints) -> np.ndarray[Any, Any]:
        return self._table.feasible(leaves)

    def candidate(self, leaf: Leaf) -> Candidate:
        strategy = self._table.candidate(leaf).strategy
        return Candidate(strategy, strategy.replace("c", "a"))

    def why_not(self, leaf: Leaf) -> str:
        return self._table.why_not(leaf)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_architecture_is_evaluated_once(tmp_path: Path, workers: int) -> None:
    accuracies = {strategy: ACCURACIES[strategy.replace("c", "a")] for strategy in ACCURACIES}
    executor = InlineExecutor(Known(accuracies)) if workers == 1 else ProcessExecutor(Known(accuracies), workers)
    run(tmp_path, 40, executor, problem=Twins())
    keys = [strategy.replace("c", "a") for strategy in evaluated(tmp_path)]
    assert len(keys) == len(set(keys)) == 40
    same = [line for line in lines(tmp_path) if line["event"] == "same"]
    assert same
    assert all("accuracy" not in line for line in same)
    resumed = search(tmp_path, problem=Twins())
    resumed.close()
    assert resumed.status.evaluated == 40
    assert len(resumed.status.found) == 40 + len(same)


def test_every_line_names_its_own_strategy(tmp_path: Path) -> None:
    """Also that of a leaf that waited for its twin, which then failed."""
    run(tmp_path, 30, ProcessExecutor(Flaky(ACCURACIES), 3), problem=Twins())
    entries = [line for line in lines(tmp_path) if "leaf" in line]
    assert {"asked", "evaluated", "failed"} <= {line["event"] for line in entries}
    assert all(line["strategy"] == space(7).strategy(line["leaf"]) for line in entries)


def test_a_small_space_is_exhausted(tmp_path: Path) -> None:
    few = sorted(ACCURACIES)[:9]
    found = run(tmp_path, 50, problem=StrategyTable(few))
    assert found.status.exhausted
    assert sorted(evaluated(tmp_path)) == few


def test_another_search_s_journal_is_refused(tmp_path: Path) -> None:
    run(tmp_path, 3)
    with pytest.raises(JournalError, match="its seed is 3, now it is 4"):
        search(tmp_path, header={**HEADER, "seed": 4})


def test_two_searches_do_not_write_one_journal(tmp_path: Path) -> None:
    first = search(tmp_path)
    with pytest.raises(JournalError, match="another search is writing"):
        search(tmp_path)
    first.close()


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
        ("evaluated", {"accuracy": 0.123}, "[nac]+ has accuracy 0.123, in --table "),
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


@pytest.mark.parametrize("damage", ["altered", "moved", "lost", "twice"])
def test_a_line_that_is_not_as_it_was_written_shows(tmp_path: Path, damage: str) -> None:
    run(tmp_path, 4)
    journal = tmp_path / "journal.jsonl"
    text = journal.read_bytes().splitlines(keepends=True)
    if damage == "altered":
        text[4] = text[4].replace(b'"seconds": 0', b'"seconds": 1')
    elif damage == "moved":
        text[3], text[4] = text[4], text[3]
    elif damage == "lost":
        del text[3]
    else:
        text.insert(3, text[2])
    journal.write_bytes(b"".join(text))
    with pytest.raises(JournalError, match=r"line [3-5] was altered, or lines before it are missing"):
        search(tmp_path)
    assert journal.read_bytes() == b"".join(text)


def test_journals_of_the_first_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"event": "search", "format": 1, "model": "made", "seed": 3}\n')
    with pytest.raises(JournalError, match=r"format 1 do not say .* search again in another folder"):
        search(tmp_path)


def test_every_difference_is_named(tmp_path: Path) -> None:
    made = StrategyTable(sorted(ACCURACIES)), Settings(seed=3), Objective(), tmp_path
    Search(*made, {"seed": 3, "model": "a"}, inputs={"tables": "0" * 64, "table": "1" * 64}).close()
    with pytest.raises(JournalError) as refused:
        Search(*made, {"seed": 4, "model": "a", "multiple": 8}, inputs={"tables": "f" * 64})
    for says in (
        "its seed is 3, now it is 4",
        "its multiple is not there, now it is 8",
        "its tables is 000000000000..., now it is ffffffffffff...",
    ):
        assert says in str(refused.value)
    assert "its table is 111111111111..., now it is not there" in str(refused.value)
    assert "model" not in str(refused.value).split("its", 1)[1]


@given(
    settings_text=st.text(max_size=50),
    accuracy=st.floats(-1e9, 1e9),
    seconds=st.floats(0, 1e6),
    reason=st.text(max_size=3000) | st.just("x\udcff\x00\n"),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, settings_text: str, accuracy: float, seconds: float, reason: str
) -> None:
    path = tmp_path_factory.mktemp("journals") / "journal.jsonl"
    journal = SearchJournal(path, {"command": settings_text, "seed": 1, "x": None, "y": 0.5}, {"tables": "0" * 64})
    leaf = (0, 1, 0)
    journal.write("asked", 0, leaf, strategy="na", placement="0=cpu0,1=cpu1", latency_us=12.5)
    journal.write("evaluated", 0, leaf, strategy="na", accuracy=accuracy, seconds=seconds)
    journal.write("failed", 1, leaf, strategy="na", reason=reason)
    journal.write("same", 2, leaf, strategy="na", of=0)
    journal.close()
    header, entries = read_journal(path)
    assert header.settings == {"command": settings_text, "seed": 1, "x": None, "y": 0.5}
    assert entries == [
        Asked(n=0, leaf=leaf, strategy="na", placement="0=cpu0,1=cpu1", latency_us=12.5),
        Evaluated(n=0, leaf=leaf, strategy="na", accuracy=accuracy, seconds=seconds),
        Failed(n=1, leaf=leaf, strategy="na", reason=reason.encode("utf-8", "backslashreplace").decode()[:2000]),
        Same(n=2, leaf=leaf, strategy="na", of=0),
    ]


def test_an_empty_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("")
    with pytest.raises(JournalError, match="is empty"):
        search(tmp_path)


def test_the_front_is_what_nothing_beats(tmp_path: Path) -> None:
    found = [
        Found(name, accuracy, accuracy, latency_us=us)
        for name, accuracy, us in [("a", 0.9, 9), ("b", 0.8, 9), ("c", 0.8, 5), ("d", 0.7, 6)]
    ]
    assert [item.strategy for item in pareto(found)] == ["a", "c"]
    write_archive(tmp_path / "archive.csv", found)
    rows = (tmp_path / "archive.csv").read_text().splitlines()
    assert [row[:3] for row in rows[1:]] == ["1,a", "0,b", "1,c", "0,d"]


def test_the_objective_weighs_latency_as_told() -> None:
    assert Objective()(0.8, 5.0) == 0.8
    assert Objective(0.5, 10.0)(0.8, 2.5) == pytest.approx(1.6)
    assert Objective(0.5, 10.0)(0.8, None) == 0.8
