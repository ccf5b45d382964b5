"""Sides are told apart by what they hold, and two of different kinds are refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collab.errors import TableError
from lut.tables import save
from report.comparing.comparison import CERTIFICATES, RUNS, TABLES
from report.comparing.sides import compare, find
from tests.report.comparing.made_runs import start_lines, write_certificate, write_lines
from tests.report.comparing.test_tables_side import drawn


@pytest.fixture(name="sides")
def all_kinds(tmp_path: Path) -> dict[str, Path]:
    save(drawn(1), tmp_path / "tables")
    (tmp_path / "run").mkdir()
    write_lines(tmp_path / "run" / "verify.jsonl", start_lines(np.random.default_rng(0), us=5000, unix_ns=1))
    return {
        TABLES: tmp_path / "tables",
        CERTIFICATES: write_certificate(tmp_path / "certificate", 1).parent,
        RUNS: tmp_path / "run",
    }


def test_kinds_are_told_apart(sides: dict[str, Path]) -> None:
    assert {kind: find(path)[0] for kind, path in sides.items()} == {kind: kind for kind in sides}
    write_certificate(sides[TABLES], 2)
    assert find(sides[TABLES])[0] == TABLES, "tables that were certified are tables"
    assert find(sides[TABLES] / "certificate.json")[0] == CERTIFICATES
    assert find(sides[TABLES] / "meta.json") == (CERTIFICATES, sides[TABLES] / "certificate.json")


@pytest.mark.parametrize(("one", "other"), [(TABLES, RUNS), (CERTIFICATES, TABLES), (RUNS, CERTIFICATES)])
def test_different_kinds_are_refused(one: str, other: str, sides: dict[str, Path]) -> None:
    with pytest.raises(TableError, match="name two of one kind"):
        compare(sides[one], sides[other], margin=0.02)


def test_what_holds_nothing_is_refused(sides: dict[str, Path], tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none", "is not there"), (tmp_path, "nothing that can be compared")):
        with pytest.raises(TableError, match=reason):
            find(path)
    (sides[RUNS] / "deploy.jsonl").write_bytes((sides[RUNS] / "verify.jsonl").read_bytes())
    with pytest.raises(TableError, match="name one of the two"):
        find(sides[RUNS])
