"""Tables of accuracies that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import SyncNasError, TableError
from search.evaluators.base import EvaluationError, Query
from search.evaluators.table import TableEvaluator, read_accuracies


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_accuracies_are_looked_up(tmp_path: Path) -> None:
    evaluator = TableEvaluator(table(tmp_path, "strategy,accuracy,note\nana,0.5,x\naca,0.75,\n"))
    lines: list[str] = []
    evaluator.prepare(tmp_path, lines.append)
    assert evaluator.evaluate(Query("aca", None, 0)) == 0.75
    assert evaluator.known() == {"ana", "aca"}
    assert "2 strategies" in lines[0]
    with pytest.raises(EvaluationError, match="nna"):
        evaluator.evaluate(Query("nna", None, 0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("strategy,accuracy\n", "nothing to search"),
        ("strategy,score\naca,1\n", "columns strategy and accuracy"),
        ("strategy,accuracy\naca,0.5\naca,0.6\n", "line 3: aca stands there a second time"),
        ("strategy,accuracy\naxa,0.5\n", "line 2: 'axa' is no strategy"),
        ("strategy,accuracy\naca,\n", "line 2: the accuracy of aca is ''"),
        ("strategy,accuracy\naca,nan\n", "no finite number"),
        ("strategy,accuracy\naca,1e999\n", "no finite number"),
        ("strategy,accuracy\naca,0.5\naa,0.5\n", "differ in length"),
        ('strategy,accuracy\naca,"0.5\n', "no CSV text"),
        ("strategy,accuracy\naca\n", "line 2"),
        ("strategy,accuracy\naca,1e300\n", "no finite number within 1e\\+09"),
        ("strategy,accuracy,accuracy\naca,1,1\n", "once each"),
        ("strategy,accuracy\n" + "a" * 40 + ",1\n", "up to 39 stages"),
        ("strategy,accuracy\naca,1\n\n\naca,2\n", "line 5: aca stands there a second time"),
    ],
)
def test_damaged_tables_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TableError, match=says):
        read_accuracies(table(tmp_path, text))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="table="):
        read_accuracies(tmp_path / "none.csv")


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_bytes(b"strategy,accuracy\n" + data)
    try:
        found = read_accuracies(path)
    except SyncNasError:
        return
    assert all(set(strategy) <= set("nac") for strategy in found)


def test_a_table_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    assert read_accuracies(table(tmp_path, "\ufeffstrategy,accuracy\naca,0.5\n")) == {"aca": 0.5}
    assert read_accuracies(table(tmp_path, "strategy,accuracy\naca,0.25\n")) == {"aca": 0.25}
