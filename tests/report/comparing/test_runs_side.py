"""Runs: starts made by turns are compared turn by turn, other models in the journal do not count, and unlike runs are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from collab.errors import JournalError, TableError
from report.comparing.comparison import RUNS, Comparison
from report.comparing.effects import LEVEL, NO_DIFFERENCE
from report.comparing.runs_side import END_TO_END
from report.comparing.sides import compare
from tests.report.comparing.made_runs import Noise, by_turns, done_line, phase_line, start_lines, write_lines

TRIALS = 60


def verdicts(folder: Path, factor: float) -> list[str]:
    return [compare(*by_turns(folder, seed, factor=factor), margin=0.0).verdict for seed in range(TRIALS)]


def test_runs_of_one_model_by_turns_are_hardly_ever_told_apart(tmp_path: Path) -> None:
    alarms = sum(verdict != NO_DIFFERENCE for verdict in verdicts(tmp_path, 1.0))
    assert alarms <= int(binom.ppf(0.999, TRIALS, LEVEL))


def test_by_turns_a_slower_model_is_found_in_spells_that_are_larger(tmp_path: Path) -> None:
    assert sum(verdict == "slower" for verdict in verdicts(tmp_path, 1.06)) >= 0.9 * TRIALS
    found = compare(*by_turns(tmp_path, 1, factor=1.06), margin=0.0)
    assert found.kind == RUNS
    assert "6 pairs of starts" in found.notes[0]
    assert found.exceeds(0.01)
    assert not found.exceeds(0.2)


def alone(folder: Path, name: str, *, us: float = 5000, seed: int = 0, visits: int = 12, noise: Noise | None = None) -> Path:
    lines = start_lines(np.random.default_rng(seed), us=us, unix_ns=1000, visits=visits, noise=noise)
    return write_lines(folder / name, lines)


def rows_of(found: Comparison) -> dict[str, float]:
    return {f"{row.pair.unit} {row.pair.name}": row.ratio for row in found.rows}


def test_of_single_starts_visits_are_the_unit_and_steps_are_rows(tmp_path: Path) -> None:
    found = compare(alone(tmp_path, "a.jsonl"), alone(tmp_path, "b.jsonl", us=7500, seed=1), margin=0.02)
    assert found.verdict == "slower"
    assert found.whole is not None
    assert found.whole.what == END_TO_END
    assert found.whole.ratio == pytest.approx(1.5, rel=0.05)
    assert "Visits are the unit: 12 and 12" in found.notes[0]
    assert sorted(rows_of(found)) == [" the model", "cpu0 cpu0.0 run", "cpu0 cpu0.1 run"], "waiting is no work"
    assert {round(ratio, 1) for ratio in rows_of(found).values()} == {1.5}


def test_starts_that_are_not_by_turns_are_units_of_their_own(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    paths = []
    for side in (0, 1):
        lines = [
            line
            for start in range(4)
            for line in start_lines(generator, us=5000, unix_ns=1000 + 100 * side + start, noise=Noise(start=0.1, visit=0.001))
        ]
        paths.append(write_lines(tmp_path / f"{side}.jsonl", lines))
    found = compare(*paths, margin=0.0)
    assert "Starts are the unit: 4 and 4" in found.notes[0]
    assert found.verdict == NO_DIFFERENCE, "starts scatter by 10 %, however alike their visits are"


def test_other_models_in_a_journal_do_not_count(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    others = [
        *start_lines(generator, us=1, unix_ns=1, output="other"),
        *start_lines(generator, us=2, unix_ns=2, segments="gpu0"),
    ]
    path = write_lines(tmp_path / "b.jsonl", [*others, *start_lines(generator, us=5000, unix_ns=3, visits=12)])
    found = compare(alone(tmp_path, "a.jsonl"), path, margin=0.05)
    assert found.verdict == NO_DIFFERENCE
    assert any("2 earlier starts ran another model" in note for note in found.notes)


def test_sentinels_are_no_runs_of_the_model(tmp_path: Path) -> None:
    lines = [phase_line(1)]
    for number in range(8):
        lines += [done_line("sentinel/network/cpu0", [9, 9]), done_line(f"collab/0/{'ab'[number % 2]}", [5_000_000 + number, 5_000_000])]
    path = write_lines(tmp_path / "verify.jsonl", lines)
    found = compare(tmp_path, alone(tmp_path, "b.jsonl"), margin=0.1)
    assert path.exists()
    assert found.rows[0].pair.first.visits == 8
    assert found.rows[0].pair.first.us == pytest.approx(5000, rel=0.01)


def test_other_steps_are_counted_and_the_whole_compared(tmp_path: Path) -> None:
    lines = start_lines(np.random.default_rng(5), us=5000, unix_ns=1, visits=8, segments="cpu1")
    found = compare(alone(tmp_path, "a.jsonl"), write_lines(tmp_path / "b.jsonl", lines), margin=0.05)
    assert (len(found.rows), found.only_first, found.only_second) == (1, 2, 2)


def test_runners_that_differ_are_named(tmp_path: Path) -> None:
    lines = start_lines(np.random.default_rng(6), us=5000, unix_ns=1)
    lines[0] = phase_line(1, runner="9.9.9")
    found = compare(alone(tmp_path, "a.jsonl"), write_lines(tmp_path / "b.jsonl", lines), margin=0.05)
    assert any("runner 0.3.0 (now 9.9.9)" in text for text in found.differences)


def test_what_is_no_run_of_one_model_is_refused(tmp_path: Path) -> None:
    run = alone(tmp_path, "a.jsonl")
    several = write_lines(tmp_path / "s.jsonl", [phase_line(1), *(done_line(f"collab/{n}/a", [5]) for n in range(3))])
    with pytest.raises(JournalError, match=r"3 models.*certificate\.json"):
        compare(run, several, margin=0.0)
    with pytest.raises(JournalError, match="no run of a model"):
        compare(run, write_lines(tmp_path / "e.jsonl", [phase_line(1)]), margin=0.0)
    (tmp_path / "x.jsonl").write_text("nonsense\n")
    with pytest.raises(JournalError, match=r"x\.jsonl, line 1"):
        compare(run, tmp_path / "x.jsonl", margin=0.0)
    for name in ("one", "two"):
        (tmp_path / "bundles" / name).mkdir(parents=True)
        (tmp_path / "bundles" / name / "manifest.json").write_text("{}")
    with pytest.raises(TableError, match="no run of it"):
        compare(tmp_path / "bundles" / "one", tmp_path / "bundles" / "two", margin=0.0)
    alone(tmp_path / "bundles", "deploy.jsonl")
    with pytest.raises(TableError, match=r"a journal=\.\.\. of its own"):
        compare(tmp_path / "bundles" / "one", tmp_path / "bundles" / "two", margin=0.0)
    assert compare(tmp_path / "bundles" / "one", run, margin=0.0).kind == RUNS
