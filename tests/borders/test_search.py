"""The borders of the search: its journal, tables of accuracies, budgets, options and output folder."""

from __future__ import annotations

import contextlib
import csv
import functools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collab.errors import SyncNasError
from collab.files import FolderLock
from search import run as search_run
from search.driver import Search
from search.engine.tree_search import Settings
from search.evaluators.base import MAX_ACCURACY
from search.evaluators.table import TableEvaluator, read_accuracies
from search.executors.inline import InlineExecutor
from search.explanation import read_tree
from search.problems.base import Problem
from search.problems.device import DeviceProblem
from search.problems.known import Restricted, StrategyTable
from search.problems.placements import placements_to_try
from search.state import Objective
from search.widths.budget import parse_budgets
from tests.borders.fuzzing import fuzz, refused_in_a_sentence, run_command
from tests.borders.mutation import HOSTILE_VALUES, mutate_bytes, mutate_document
from tests.search.made import costs, written
from tests.search.models import micro
from tests.search.written_journals import checked, unchecked

ACCURACIES = {f"{a}{b}{c}": 0.5 + 0.1 * (a == "n") + 0.05 * (b == "c") + 0.01 * (c == "c") for a in "nac" for b in "nac" for c in "ac"}
HEADER = {"seed": 0, "model": "made", "method": "tree"}
INPUTS = {"table": "0" * 64}
EVALUATIONS = 10
Entries = list[tuple[str, float]]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "accuracies.csv"
    path.write_text("strategy,accuracy\n" + "".join(f"{strategy},{accuracy}\n" for strategy, accuracy in ACCURACIES.items()))
    return path


class OnDevice(DeviceProblem):
    """A device's problem that works out each candidate once, as it is asked for the same ones over and over here."""

    candidate = functools.cache(DeviceProblem.candidate)


def on_device() -> Problem:
    placements, in_tree = placements_to_try("tree", ["cpu0", "cpu1"], branches=2)
    return Restricted(OnDevice(micro(), costs(micro()), placements[:2], 1e6, in_tree=in_tree), frozenset(ACCURACIES))


def searched(folder: Path, problem: Problem, table: Path, evaluations: int) -> Entries:
    """What a search finds in the order in which it does, going on with the journal that is there."""
    search = Search(problem, Settings(), Objective(), folder, HEADER, inputs=INPUTS, known=read_accuracies(table))
    try:
        search.run(InlineExecutor(TableEvaluator(table)), evaluations)
    finally:
        search.close()
    return [(found.strategy, found.accuracy) for found in search.status.found]


def mutated_journal(lines: list[bytes], whole: bytes, generator: random.Random) -> bytes:
    """A journal after an accident (its checks tell), or after somebody who makes the checks anew."""
    if generator.random() < 0.25:
        return mutate_bytes(whole, generator)
    lines = list(lines)
    for _ in range(generator.randint(1, 2)):
        at = generator.randrange(len(lines))
        action = generator.randrange(6)
        if action == 0:
            lines.insert(generator.randrange(len(lines) + 1), lines[at])
        elif action == 1:
            lines = lines[: at + 1]
        elif action == 2:
            other = generator.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif action == 3:
            lines[at] = mutate_bytes(lines[at], generator, most=1).replace(b"\n", b" ")
        else:
            with contextlib.suppress(ValueError, RecursionError):  # damaged already
                lines[at] = json.dumps(mutate_document(json.loads(lines[at]), generator, most=1)).encode()
    return checked(lines)


def journal_of(kind: str, table: Path, folder: Path) -> tuple[Problem, Path, bytes, list[bytes]]:
    """Searches with known accuracies, or on a device: the problem, the journal's path, its bytes and its lines without their checks."""
    problem: Problem = StrategyTable(sorted(ACCURACIES)) if kind == "table" else on_device()
    searched(folder, problem, table, EVALUATIONS)
    journal = folder / "journal.jsonl"
    return problem, journal, journal.read_bytes(), unchecked(journal)


@pytest.mark.parametrize("kind", ["table", "device"])
def test_a_journal_goes_on_as_it_was_or_not_at_all(kind: str, table: Path, tmp_path: Path) -> None:
    problem, journal, whole, lines = journal_of(kind, table, tmp_path)

    def feed(data: bytes) -> None:
        journal.write_bytes(data)
        try:
            found = searched(tmp_path, problem, table, EVALUATIONS)
        except SyncNasError:
            cut = journal.read_bytes()
            assert data.startswith(cut), "a journal that was refused was altered"
            raise
        assert len(found) >= EVALUATIONS
        assert all(ACCURACIES[strategy] == accuracy for strategy, accuracy in found)
        assert searched(tmp_path, problem, table, EVALUATIONS) == found, "what was written is not read back"

    counts = fuzz(f"search journal, {kind}", lambda generator: mutated_journal(lines, whole, generator), feed)
    assert counts["accepted"] > 0 < counts["refused"]


@pytest.mark.parametrize("kind", ["table", "device"])
def test_a_journal_is_explained_or_refused(kind: str, table: Path, tmp_path: Path) -> None:
    _, journal, whole, lines = journal_of(kind, table, tmp_path)

    def feed(data: bytes) -> None:
        journal.write_bytes(data)
        tree = read_tree(journal)
        levels = tree.levels(())
        assert sum(child.visits for child in levels[0].children) == len(tree.status.found)

    counts = fuzz(f"explained journal, {kind}", lambda generator: mutated_journal(lines, whole, generator), feed)
    assert counts["accepted"] > 0 < counts["refused"]


def test_accuracies(table: Path, tmp_path: Path) -> None:
    text, path = table.read_bytes(), tmp_path / "t.csv"

    def make(generator: random.Random) -> bytes:
        if generator.random() < 0.5:
            return mutate_bytes(text, generator)
        rows = list(csv.reader(text.decode().splitlines()))
        generator.choice(rows)[generator.randrange(2)] = str(generator.choice(HOSTILE_VALUES))
        return "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        read_accuracies.__globals__["_read"].cache_clear()
        found = read_accuracies(path)
        assert all(set(strategy) <= set("nac") and abs(accuracy) <= MAX_ACCURACY for strategy, accuracy in found.items())
        problem = StrategyTable(sorted(found))
        assert problem.candidate(problem.space.leaf(next(iter(found)))).strategy == next(iter(found))

    fuzz("accuracies", make, feed)


@pytest.mark.parametrize(
    "text",
    [",".join(["a"] * 40_000) + "\n" + "1," * 40_000, "strategy,accuracy\n" + "n" * 200_000 + ",1\n", "\x00", "strategy,accuracy\x00"],
)
def test_large_and_strange_tables(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    fuzz("large tables", lambda _: tmp_path / "t.csv", read_accuracies, inputs=1)


def test_budgets() -> None:
    def make(generator: random.Random) -> str:
        return mutate_bytes(b"0.5x,12.5ms,800us", generator).decode("utf-8", "surrogateescape")

    def feed(text: str) -> None:
        for budget in parse_budgets(text):
            assert 0 < budget.resolve_us(100.0) < 1e12
            assert len(budget.text) <= 16
            assert budget.text == Path(budget.text).name

    fuzz("budgets", make, feed)


NUMBERS = ("nan", "inf", "-inf", "1e308", "-1", "0", "1", "0.5", "10000", "9" * 400, "9223372036854775808", "x", "", "1e-400")
NUMERIC = (
    *("--margin", "--evaluations", "--epochs", "--batch", "--learning-rate", "--validation", "--timeout-s", "--retries", "--threads"),
    *("--workers", "--cpus", "--gpus", "--latency-weight", "--multiple", "--seed"),
)


def test_options(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lut, model = written(tmp_path / "lut", micro()), tmp_path / "m.json"
    model.write_text(micro().to_json())
    names = ("out", "[red]out[/]", "\x1b[2Jout", os.fsdecode(b"\xff"), "\u202eout", "a" * 200, "a" * 300, "x" + "\n" + "y", "[/]")
    made = iter(range(1_000_000))

    def make(generator: random.Random) -> list[str]:
        options = {"--evaluator": "table", "--table": str(table), "--evaluations": "3"}
        if generator.random() < 0.1:
            options |= {
                "--lut": str(lut),
                "--model": str(model),
                "--budget": generator.choice(("1x", "0.9x,1.0x", "1e9", "0.00001x", "nanx")),
            }
        for _ in range(generator.randint(0, 2)):
            options[generator.choice(NUMERIC)] = generator.choice(NUMBERS)
        if generator.random() < 0.3:
            texts = ("--placement", "--executor", "--command", "--data", "--table", "--evaluator", "--model", "--weights", "--lut")
            options[generator.choice(texts)] = str(
                generator.choice(("", " ", "\x1b[2J", "[red]", "/", ".", os.fsdecode(b"\xff"), "x" * 1000, "'"))
            )
        if options.get("--workers") not in (None, "1"):
            options["--workers"] = generator.choice(("10000", "0", "x"))
        options["--out"] = str(tmp_path / str(next(made)) / generator.choice(names))
        return [
            *(part for option in options.items() for part in option),
            *generator.choice(((), ("--resume",), ("--json",), ("--method", "uct"), ("--method", "best"))),
        ]

    def feed(arguments: list[str]) -> None:
        result = run_command(search_run.app, arguments, monkeypatch)
        if result[0] == 0:
            assert "Best" in result[1] or "best" in result[1]
            return
        if "Usage:" in result[2]:
            assert result[0] == 2
            raise SyncNasError("refused by the command line's own reader")
        raise SyncNasError(refused_in_a_sentence(result))

    counts = fuzz("search options", make, feed)
    assert counts["accepted"] > 0 < counts["refused"]


def test_a_second_process_is_refused_and_nothing_changes(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    arguments = ["--evaluator", "table", "--table", str(table), "--evaluations", "5", "--out", str(out)]
    assert run_command(search_run.app, arguments, monkeypatch)[0] == 0
    with (out / "journal.jsonl").open("ab") as file:
        file.write(b'{"event": "asked", "n')  # what another process is just about to write
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    with FolderLock(out):
        for more in ([], ["--resume"]):
            command = [sys.executable, "-m", "search.run", *arguments, *more]
            done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
            assert done.returncode == 2
            assert "is being written by another process" in done.stderr
            assert {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()} == before
    assert run_command(search_run.app, [*arguments, "--resume"], monkeypatch)[0] == 0


DYING = """
import os, sys
calls, last = 0, int(sys.argv[1])
def dying(real):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == last:
            os._exit(9)
        return real(*arguments, **options)
    return call
# Every way by which a file changes: a write, a flush to the disk, a rename, a truncation.
for name in ("write", "fsync", "replace", "rename", "ftruncate"):
    setattr(os, name, dying(getattr(os, name)))
import pathlib
pathlib.Path.replace = dying(pathlib.Path.replace)
from search import run
sys.argv[1:] = sys.argv[2:]
run.run_app(run.app)
"""


def died_at(number: int, arguments: list[str]) -> int:
    """The status of a search that is killed at its n-th change of a file, in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            sys.argv = ["search.run", str(number), *arguments]
            exec(compile(DYING, "dying", "exec"), {})
        except SystemExit as ended:
            os._exit(int(ended.code or 0) if isinstance(ended.code, int | None) else 1)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_killed_at_any_write_a_search_is_resumed(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def arguments(name: Any) -> list[str]:
        return ["--evaluator", "table", "--table", str(table), "--evaluations", "4", "--out", str(tmp_path / str(name))]

    assert run_command(search_run.app, arguments("whole"), monkeypatch)[0] == 0
    whole = tmp_path / "whole" / "archive.csv"
    for number in range(1, 200):
        status = died_at(number, arguments(number))
        if status == 0:
            break
        assert status == 9
        folder = tmp_path / str(number)
        resume = ["--resume"] if (folder / "shared").is_dir() else []
        assert run_command(search_run.app, [*arguments(number), *resume], monkeypatch)[0] == 0, number
        assert (folder / "archive.csv").read_bytes() == whole.read_bytes()
        journals = [[line for line in unchecked(path / "journal.jsonl") if b"seconds" not in line] for path in (folder, tmp_path / "whole")]
        assert journals[0] == journals[1]
    assert number > 10
