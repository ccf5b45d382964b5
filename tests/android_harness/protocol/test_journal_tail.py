"""The end of a growing journal: every event once, in order, whatever the pieces in which it grows."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol import journal as journals
from android_harness.protocol.journal import Event, read_journal
from android_harness.protocol.journal_tail import JournalTail, cut_to_whole_lines
from collab.errors import JournalError, StorageError
from tests.android_harness.protocol.made_lines import LINES
from tests.borders.mutation import to_json

JOURNALS = st.lists(st.sampled_from(LINES), max_size=8)


def written(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(to_json(line) + b"\n" for line in lines)


def whole(path: Path, content: bytes) -> list[Event]:
    path.write_bytes(content)
    return list(read_journal(path))


@given(JOURNALS, st.lists(st.integers(0, 5000), max_size=8))
def test_growth_in_any_pieces_gives_the_events_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]], cuts: list[int]
) -> None:
    folder, content = tmp_path_factory.mktemp("tail"), written(lines)
    journal = folder / "journal.jsonl"
    tail = JournalTail(journal, 0)
    assert list(tail.new_events()) == [], "it is not there yet"
    seen: list[Event] = []
    for begin, end in pairwise([0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]):
        with journal.open("ab") as file:
            file.write(content[begin:end])
        seen += tail.new_events()
        assert len(seen) == content[:end].count(b"\n"), "each as soon as its line is whole"
    assert seen == whole(folder / "whole.jsonl", content)
    assert list(tail.new_events()) == []


@given(JOURNALS, st.sampled_from(LINES), st.data())
def test_a_torn_last_line_waits_for_its_rest(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]], last: dict[str, Any], data: st.DataObject
) -> None:
    journal = tmp_path_factory.mktemp("tail") / "journal.jsonl"
    line = written([last])
    at = data.draw(st.integers(0, len(line) - 1))
    journal.write_bytes(written(lines) + line[:at])
    tail = JournalTail(journal, 0)
    assert list(tail.new_events()) == list(read_journal(journal))
    with journal.open("ab") as file:
        file.write(line[at:])
    assert list(tail.new_events()) == list(read_journal(journal))[-1:]


@given(JOURNALS, JOURNALS)
def test_what_was_there_before_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    journal = folder / "journal.jsonl"
    journal.write_bytes(written(old) + b'{"event": "sta')
    tail = JournalTail(journal, cut_to_whole_lines(journal))
    with journal.open("ab") as file:
        file.write(written(new))
    assert list(tail.new_events()) == whole(folder / "new.jsonl", written(new))


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=8), st.data())
def test_an_iteration_that_is_broken_off_is_gone_on_with(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]], data: st.DataObject
) -> None:
    journal = tmp_path_factory.mktemp("tail") / "journal.jsonl"
    journal.write_bytes(written(lines))
    tail = JournalTail(journal, 0)
    first = list(islice(tail.new_events(), data.draw(st.integers(0, len(lines)))))
    assert [*first, *tail.new_events()] == list(read_journal(journal))


@given(st.lists(st.binary(max_size=9).map(lambda data: data.replace(b"\n", b"")), max_size=5), st.binary(max_size=200_000))
def test_a_cut_off_line_is_taken_off_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, whole: list[bytes], cut: bytes) -> None:
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    kept = b"".join(line + b"\n" for line in whole)
    path.write_bytes(kept + cut.replace(b"\n", b""))
    assert cut_to_whole_lines(path) == len(kept)
    assert path.read_bytes() == kept


def test_a_tail_takes_up_where_it_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(to_json(LINES[3]) + b"\n{}\n")
    tail = JournalTail(path, 0)
    events = tail.new_events()
    assert next(events) == journals.JobStarted("b", 0, 1)
    with pytest.raises(JournalError):
        next(events)


def test_a_journal_that_is_missing_is_made_and_one_that_cannot_be_is_said(tmp_path: Path) -> None:
    assert cut_to_whole_lines(tmp_path / "new.jsonl") == 0
    assert (tmp_path / "new.jsonl").read_bytes() == b""
    with pytest.raises(StorageError, match="nowhere"):
        cut_to_whole_lines(tmp_path / "nowhere" / "j.jsonl")


@pytest.mark.parametrize("cut", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 3 << 16])
def test_a_cut_off_line_of_any_length_is_taken_off(cut: int, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    for kept in (b"", b"\n", written(LINES)):
        journal.write_bytes(kept + b"x" * cut)
        assert cut_to_whole_lines(journal) == len(kept)
        assert journal.read_bytes() == kept
