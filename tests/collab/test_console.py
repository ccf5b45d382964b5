"""Everything printed goes through one place, which no name can steer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from collab.console import note_console, one_line, printable, result_console, say, tell, text_column

_HOSTILE = "[red]x[/] [/nothing] :smile: \x1b[2J\x1b]0;title\x07 \u202egnp.exe \ud800 \r\x08"


@given(st.text(st.characters(codec=None)))
def test_nothing_printable_can_steer_a_terminal(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert all(character == "\n" or character.isprintable() or character.isspace() or ord(character) > 0x9F for character in shown)
    assert printable(shown) == shown
    assert "\n" not in one_line(text)


def test_text_without_tricks_stays_as_it_is() -> None:
    text = "mbconv_28 on cpu0: 12.5 µs → schnell\nzweite Zeile, 日本語"
    assert printable(text) == text


def test_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say(_HOSTILE)
    tell(_HOSTILE)
    for shown in capsys.readouterr():
        assert "[red]x[/] [/nothing] :smile:" in shown
        assert "\\x1b[2J" in shown
        assert "\x1b" not in shown


def test_tables_titles_and_columns_take_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(title=_HOSTILE)
    table.add_column(_HOSTILE)
    table.add_row(_HOSTILE)
    console = result_console(width=200)
    console.print(table)
    console.print(_HOSTILE)
    shown = capsys.readouterr().out
    assert shown.count("[/nothing]") == 4
    assert "\x1b" not in shown
    assert "\ud800" not in shown


def test_columns_of_progress_bars_take_no_markup() -> None:
    from rich.progress import Progress

    with Progress(text_column("{task.description}"), console=note_console(), disable=True) as progress:
        task = progress.add_task(one_line(_HOSTILE))
        assert "[/nothing]" in text_column("{task.description}").render(progress.tasks[task]).plain
