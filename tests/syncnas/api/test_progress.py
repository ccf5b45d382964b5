"""Progress as callbacks see it."""

from __future__ import annotations

import logging

import pytest

from syncnas.api import progress as module
from syncnas.api.progress import Progress, Reporter, notice_of, remark_of


def test_it_is_told_seldom_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s)
    told: list[Progress] = []
    report = Reporter("work", told.append)
    report(0, 1000)
    for done in range(1, 1001):
        now_s += 0.01
        report(done, 1000)
    report(1000, 1000)
    assert 35 < len(told) < 50
    assert told[0] == Progress(0, 1000, "work", None)
    assert told[-1] == Progress(1000, 1000, "work", 0.0)
    assert [progress.done for progress in told].count(1000) == 1
    assert told[10].left_s == pytest.approx(0.01 * (1000 - told[10].done))


def test_what_was_done_before_says_nothing_of_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s)
    told: list[Progress] = []
    report = Reporter("work", told.append)
    now_s = 50.0
    report(90, 100)
    now_s = 60.0
    report(95, 100)
    assert [progress.left_s for progress in told] == [None, pytest.approx(10.0)]


def test_nobody_asks_and_nothing_is_expected() -> None:
    Reporter("work", None)(1, 2)
    assert Progress(0, 0, "work", None).fraction == 0
    assert Progress(3, 2, "work", None).fraction == 1


def test_notes_go_to_the_callback_or_to_the_logger(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    notes: list[str] = []
    notice_of(notes.append)("a note of 100 %")
    remark_of(notes.append)("a remark")
    assert notes == ["a note of 100 %", "a remark"]
    with caplog.at_level(logging.INFO, "syncnas"):
        notice_of(None)("a note of 100 %s")
        remark_of(None)("a remark")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "a note of 100 %s"),
        ("INFO", "a remark"),
    ]
    assert capsys.readouterr().out == ""
