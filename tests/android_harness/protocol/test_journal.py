"""Journals: the lines that are understood, and those that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import (
    CollabDone,
    HandoverDone,
    JobFailed,
    PhaseStarted,
    TimeDone,
    TimeSamples,
    parse_line,
    parse_lines,
    read_journal,
)
from collab.errors import JournalError
from tests.android_harness.protocol.made_lines import COLLAB, LINES, TIME, TRANSFER


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
    for kind, document in ((TimeDone, TIME), (CollabDone, COLLAB)):
        earlier, later = (parse_line(line({**document, **more}), where="x") for more in ({}, {"warmups": 7, "warm": True}))
        assert isinstance(earlier, kind)
        assert isinstance(later, kind)
        assert (earlier.warmups, earlier.warm, later.warmups, later.warm) == (None, None, 7, True)
    failed = parse_line(line({"event": "failed", "job": "b", "round": 1, "t_ns": 3, "reason": "no"}), where="x")
    assert failed == JobFailed("b", 1, "no")


def test_a_journal_that_says_no_protocol_is_of_the_first_one() -> None:
    said = parse_line(line(LINES[0]), where="x")
    assert isinstance(said, PhaseStarted)
    assert (said.protocol, said.conditions) == (2, {"clocks": "free"})
    silent = parse_line(line({name: value for name, value in LINES[0].items() if name not in ("protocol", "conditions")}), where="x")
    assert isinstance(silent, PhaseStarted)
    assert (silent.protocol, silent.conditions) == (1, {})


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
        {"warmups": -1},
        {"warmups": 2**53 + 1},
        {"warmups": 1.5},
        {"warm": 1},
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
        {"warmups": -1},
        {"warm": "yes"},
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


TIME_FIELDS = TimeSamples.__struct_fields__
NS = st.integers(0, 10**12)
LATENCY = st.integers(1, 10**12)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@st.composite
def visits(draw: st.DrawFn) -> TimeDone:
    count = draw(st.integers(1, 4))
    arrays = {
        name: tuple(draw(st.lists(LATENCY if name in ("run", "total") else NS, min_size=count, max_size=count))) for name in TIME_FIELDS
    }
    return TimeDone(
        draw(TEXT),
        draw(st.integers(0, 10_000)),
        draw(st.integers(0, 2**63 - 1)),
        draw(st.none() | NS),
        draw(st.none() | NS),
        draw(st.booleans()),
        TimeSamples(**arrays),
        tuple(draw(st.lists(st.none() | st.integers(0, 10**7), max_size=3))),
        draw(st.none() | st.integers(-273_150, 10**6)),
        warmups=draw(st.none() | st.integers(0, 2**53 - 1)),
        warm=draw(st.none() | st.booleans()),
    )


@given(visits())
def test_a_visit_is_read_back_as_it_was_written(visit: TimeDone) -> None:
    document = {"event": "done", "kind": "time", **msgspec.to_builtins(visit)}
    assert parse_line(json.dumps(document).encode(), where="x") == visit


@given(TEXT, st.none() | st.floats(-1e300, 1e300), st.none() | TEXT)
def test_other_lines_are_read_back_as_they_were_written(reason: str, slowdown: float | None, hot: str | None) -> None:
    failed, state = JobFailed("j", 1, reason), StateChecked(1, 2, None, 0, {"cpu0": (None, 1)}, slowdown, hot)
    for name, event in (("failed", failed), ("state", state)):
        assert parse_line(json.dumps({"event": name, **msgspec.to_builtins(event)}).encode(), where="x") == event
