"""Certificates: the same strategies are compared by their visits, and so are the errors of both sides' predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collab.errors import TableError
from report.comparing.comparison import CERTIFICATES
from report.comparing.effects import NO_DIFFERENCE
from report.comparing.sides import compare
from tests.report.comparing.made_runs import write_certificate


def test_strategies_of_both_are_compared_by_their_visits(tmp_path: Path) -> None:
    first, second = write_certificate(tmp_path / "a", 1), write_certificate(tmp_path / "b", 2, factor=1.2)
    found = compare(first, second.parent, margin=0.02)
    assert found.kind == CERTIFICATES
    assert found.verdict == "slower"
    assert found.whole is not None
    assert found.whole.ratio == pytest.approx(1.2, rel=0.02)
    assert {row.pair.first.visits for row in found.rows} == {8}
    assert all(row.is_proven for row in found.rows)
    assert found.notes == ()
    assert compare(first, write_certificate(tmp_path / "c", 3), margin=0.02).verdict == NO_DIFFERENCE


def test_smaller_errors_of_predictions_are_found(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(40)]
    first = write_certificate(tmp_path / "a", 1, error=0.10, strategies=names)
    second = write_certificate(tmp_path / "b", 2, error=0.02, strategies=names)
    found = compare(first, second, margin=0.02).accuracies
    assert found is not None
    assert found.shared == 40
    assert found.p is not None
    assert found.p < 0.001
    assert found.second.median_error < found.first.median_error
    alike = compare(first, write_certificate(tmp_path / "c", 3, error=0.10, strategies=names), margin=0.02).accuracies
    assert alike is not None
    assert alike.p is not None
    assert alike.p > 0.05
    same = compare(first, first, margin=0.02).accuracies
    assert same is not None
    assert same.p == 1.0


def test_certificates_without_a_strategy_in_common_still_have_errors(tmp_path: Path) -> None:
    first = write_certificate(tmp_path / "a", 1)
    found = compare(first, write_certificate(tmp_path / "b", 2, strategies="uvwxyz"), margin=0.02)
    assert (found.whole, found.rows, found.only_first, found.only_second) == (None, (), 10, 6)
    assert found.accuracies is not None
    assert found.accuracies.shared == 0
    assert found.accuracies.p is not None
    assert any("no strategy in common" in note for note in found.notes)
    assert not found.exceeds(0.0)


def test_without_its_own_journal_a_certificate_proves_nothing(tmp_path: Path) -> None:
    first = write_certificate(tmp_path / "a", 1)
    second = write_certificate(tmp_path / "b", 2, factor=3, journal=False)
    found = compare(first, second, margin=0.02)
    assert {row.p for row in found.rows} == {None}
    assert "nothing is proven" in found.notes[0]
    (second.parent / "certify.jsonl").write_bytes((first.parent / "certify.jsonl").read_bytes())
    assert "nothing is proven" in compare(first, second, margin=0.02).notes[0], "another certificate's journal"


def test_a_certificate_is_of_the_last_starts_of_its_journal(tmp_path: Path) -> None:
    first, second = write_certificate(tmp_path / "a", 1), write_certificate(tmp_path / "b", 2)
    journals = [path.parent / "certify.jsonl" for path in (first, second)]
    journals[1].write_bytes(journals[0].read_bytes() + journals[1].read_bytes())
    assert compare(first, second, margin=0.02).notes == ()


@pytest.mark.parametrize("change", [{"strategies": []}, {"strategies": "x"}, {"n": 3, "strategies": [{"model": "m"}]}])
def test_files_that_are_no_certificate_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    good, bad = write_certificate(tmp_path / "a", 1), write_certificate(tmp_path / "b", 2)
    bad.write_text(json.dumps({**json.loads(bad.read_text()), **change}))
    with pytest.raises(TableError, match=r"certificate\.json"):
        compare(good, bad, margin=0.02)


def test_a_strategy_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    good = write_certificate(tmp_path / "a", 1)
    with pytest.raises(TableError, match="stands there twice"):
        compare(good, write_certificate(tmp_path / "b", 2, strategies="aab"), margin=0.02)
