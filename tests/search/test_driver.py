"""Searches with their journals: what is written, killed, resumed, and carried out by several workers."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.search.landscapes import space
from search.evaluators.base import EvaluationError
from search.executors.inline import InlineExecutor
from search.executors.processes import ProcessExecutor
from search.problems.known import StrategyTable
from tests.processes import wait_until
from tests.search.searches import ACCURACIES, Twins, evaluated, lines, run, search
from tests.search.workers import Flaky, Known


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
    imports = (
        "from pathlib import Path;"
        "from search.executors.inline import InlineExecutor; from search.executors.processes import ProcessExecutor;"
        "from tests.search.searches import ACCURACIES, run; from tests.search.workers import Gated;"
    )
    script = f"{imports} run(Path({str(folder)!r}), 40, {executor})"
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
