"""Journals: the lines that are understood, and those that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.journal import CollabDone, HandoverDone, JobFailed, TimeDone, parse_line, parse_lines, read_journal
from collab.errors import JournalError

TIME = {
    "event": "done",
    "job": "b",
    "round": 0,
    "t_ns": 5,
    "kind": "time",
    "create_ns": 7,
    "first_ns": None,
    "accelerated": True,
    "samples": {f"{name}_ns": [1, 2] for name in ("write", "run", "read", "total", "cpu")},
    "clock_khz": [None, 1800000],
    "temperature_mc": 41000,
}
TRANSFER = {
    "event": "done",
    "job": "t",
    "round": 0,
    "t_ns": 5,
    "kind": "transfer",
    "create_ns": 7,
    "path": "shared",
    "bytes": 64,
    "samples": {f"{name}_ns": [1] for name in ("read", "wakeup", "write", "rewrite", "total")},
}
COLLAB = {
    "event": "done",
    "job": "c",
    "round": 0,
    "t_ns": 5,
    "kind": "collab",
    "create_ns": 7,
    "steps": [
        {"unit": "cpu0", "segment": "cpu0.0", "step": "write", "peer": "input"},
        {"unit": "cpu0", "segment": "cpu0.0", "step": "run"},
    ],
    "begin_ns": [[0, 1], [2, 3]],
    "end_ns": [[2, 3], [9, 9]],
    "total_ns": [9, 9],
    "outputs": {"distinct": 1, "hash": "00ff"},
    "paths": {"cpu0>cpu1": "shared"},
}


def line(document: Any) -> bytes:
    return json.dumps(document).encode() + b"\n"


def test_lines_of_every_kind_are_understood() -> None:
    time = parse_line(line(TIME), where="x")
    assert isinstance(time, TimeDone)
    assert (time.create_ns, time.first_ns, time.clock_khz, time.samples["run"]) == (7, None, (1800000,), (1, 2))
    assert isinstance(parse_line(line(TRANSFER), where="x"), HandoverDone)
    collab = parse_line(line(COLLAB), where="x")
    assert isinstance(collab, CollabDone)
    assert collab.steps[1].peer == ""
    failed = parse_line(line({"event": "failed", "job": "b", "round": 1, "t_ns": 3, "reason": "no"}), where="x")
    assert failed == JobFailed("b", 1, "no")


def test_a_cut_off_last_line_is_ignored_and_any_other_is_not(tmp_path: Path) -> None:
    whole = line(TIME)
    for cut in range(len(whole)):
        assert len(list(parse_lines([whole, whole[:cut]], origin="x"))) == 1
    path = tmp_path / "journal.jsonl"
    path.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(JournalError, match="line 1"):
        list(read_journal(path))


@pytest.mark.parametrize(
    "change",
    [
        {"event": "party"},
        {"event": None},
        {"kind": "dance"},
        {"job": 3},
        {"round": -1},
        {"t_ns": 1.5},
        {"t_ns": True},
        {"samples": {}},
        {"samples": {**TIME["samples"], "run_ns": [1]}},
        {"samples": {**TIME["samples"], "run_ns": [1, -2]}},  # type: ignore[dict-item]
        {"samples": {f"{name}_ns": [] for name in ("write", "run", "read", "total", "cpu")}},
        {"temperature_mc": "hot"},
        {"clock_khz": 5},
    ],
)
def test_lines_that_the_runner_does_not_write_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(JournalError):
        parse_line(line({**TIME, **change}), where="x")


@pytest.mark.parametrize(
    "change",
    [
        {"begin_ns": [[0, 1]]},
        {"end_ns": [[2, 3], [1, 9]]},
        {"total_ns": []},
        {"outputs": {"distinct": 0, "hash": "0"}},
        {"steps": [{}]},
    ],
)
def test_collab_lines_that_contradict_themselves_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(JournalError):
        parse_line(line({**COLLAB, **change}), where="x")


@given(
    st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=4),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_a_device_sends_is_an_event_or_a_journal_error(content: bytes) -> None:
    try:
        parse_line(content, where="x")
    except JournalError as error:
        assert str(error).startswith("x: ")
