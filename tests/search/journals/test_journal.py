"""Journals: what is written is read back, and what was altered is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import JournalError
from search.driver import Search
from search.engine.tree_search import Settings
from search.executors.inline import InlineExecutor
from search.explanation import read_tree
from search.journals.journal import Asked, Evaluated, Failed, Same, SearchJournal, read_journal
from search.journals.record import SpaceRecord
from search.problems.known import StrategyTable
from search.state import Objective
from tests.search.made import BASE
from tests.search.problems.on_device import problem, searched
from tests.search.problems.on_device import search as on_device
from tests.search.searches import ACCURACIES, HEADER, run, search
from tests.search.workers import Macs
from tests.search.written_journals import as_third_format, checked, unchecked

SPACE = SpaceRecord(options=((0, 1, 2), (1, 2), (0,)), feasible="/A==")


def test_another_search_s_journal_is_refused(tmp_path: Path) -> None:
    run(tmp_path, 3)
    with pytest.raises(JournalError, match="its seed is 3, now it is 4"):
        search(tmp_path, header={**HEADER, "seed": 4})


def test_two_searches_do_not_write_one_journal(tmp_path: Path) -> None:
    first = search(tmp_path)
    with pytest.raises(JournalError, match="another search is writing"):
        search(tmp_path)
    first.close()


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
    journal = SearchJournal(path, {"command": settings_text, "seed": 1, "x": None, "y": 0.5}, {"tables": "0" * 64}, SPACE)
    leaf = (0, 1, 0)
    journal.write("asked", 0, leaf, strategy="na", placement="0=cpu0,1=cpu1", latency_us=12.5)
    journal.write("evaluated", 0, leaf, strategy="na", accuracy=accuracy, seconds=seconds)
    journal.write("failed", 1, leaf, strategy="na", reason=reason)
    journal.write("same", 2, leaf, strategy="na", of=0)
    journal.close()
    header, entries = read_journal(path)
    assert header.settings == {"command": settings_text, "seed": 1, "x": None, "y": 0.5}
    assert header.space == SPACE
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


def test_a_journal_of_the_third_format_is_gone_on_with_as_it_is(tmp_path: Path) -> None:
    for name in ("then", "now"):
        (tmp_path / name).mkdir()
        searched(tmp_path / name, 4)
    journal = tmp_path / "then" / "journal.jsonl"
    as_third_format(journal)
    for name in ("then", "now"):
        found = on_device(tmp_path / name, problem(0.7))
        found.run(InlineExecutor(Macs({})), 8)
        found.close()
    header, entries = read_journal(journal)
    assert (header.format, header.base) == (3, None)
    assert [entry.widths for entry in entries if isinstance(entry, Asked)] == [None] * len([e for e in entries if isinstance(e, Asked)])
    now, entries_now = read_journal(tmp_path / "now" / "journal.jsonl")
    assert now.base == BASE.document
    assert [(entry.n, entry.leaf) for entry in entries] == [(entry.n, entry.leaf) for entry in entries_now]
    assert all(entry.widths for entry in entries_now if isinstance(entry, Asked))


def test_widths_that_are_not_those_of_the_tables_are_refused(tmp_path: Path) -> None:
    searched(tmp_path, 4)
    journal = tmp_path / "journal.jsonl"
    lines = [json.loads(line) for line in unchecked(journal)]
    lines[1]["widths"][1][0] += 4
    journal.write_bytes(checked(json.dumps(line).encode() for line in lines))
    with pytest.raises(JournalError, match=r"line 2: [nac]+ has other widths by the tables"):
        on_device(tmp_path, problem(0.7))


def test_a_base_model_that_is_not_the_one_of_the_digest_is_refused(tmp_path: Path) -> None:
    searched(tmp_path, 4)
    journal = tmp_path / "journal.jsonl"
    header, *lines = unchecked(journal)
    journal.write_bytes(checked([header.replace(b'"name": "mini_v2"', b'"name": "mini_v3"'), *lines]))
    with pytest.raises(JournalError, match=r"line 1 tells of no search that can be explained \(base: is not the one"):
        read_tree(journal)
