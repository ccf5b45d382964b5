"""Cursors: what is needed to go on following a phase, beside its journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.targets.cursor import Cursor, forget_cursor, load_cursor
from collab.errors import StorageError

CURSORS = st.builds(
    Cursor, st.from_regex(r"[0-9a-f]{12}", fullmatch=True), st.from_regex(r"[0-9a-f]{16}", fullmatch=True), st.integers(0, 100)
)


@given(CURSORS, CURSORS)
def test_the_last_one_that_was_saved_is_loaded_until_it_is_forgotten(
    tmp_path_factory: pytest.TempPathFactory, first: Cursor, second: Cursor
) -> None:
    journal = tmp_path_factory.mktemp("cursor") / "journal.jsonl"
    assert load_cursor(journal) is None
    journal.write_bytes(b"x" * 100)
    assert load_cursor(journal) is None
    for cursor in (first, second):
        cursor.save(journal)
        assert load_cursor(journal) == cursor
    assert load_cursor(journal.with_name("other.jsonl")) is None, "each journal has its own"
    forget_cursor(journal)
    assert load_cursor(journal) is None
    forget_cursor(journal)
    assert [path.name for path in journal.parent.iterdir()] == ["journal.jsonl"]


def test_a_cursor_of_another_journal_s_length_is_passed_over(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    cursor = Cursor("0123456789ab", "0123456789abcdef", 7)
    cursor.save(journal)
    assert load_cursor(journal) is None, "there is no journal"
    journal.write_bytes(b"x" * 6)
    assert load_cursor(journal) is None, "it was replaced by a shorter one"
    journal.write_bytes(b"x" * 7)
    assert load_cursor(journal) == cursor


def test_a_cursor_that_cannot_be_saved_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Cursor("0123456789ab", "0123456789abcdef", 0).save(tmp_path / "nowhere" / "journal.jsonl")
