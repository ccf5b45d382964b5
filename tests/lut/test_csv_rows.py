"""CSV taken apart: rows with the number of their line, or a sentence."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.csv_rows import MAX_COLUMNS, csv_rows

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6))
def test_what_was_written_is_read(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    assert [cells for _, cells in csv_rows(text.getvalue())] == rows


def test_rows_carry_the_number_of_their_last_line_and_empty_ones_are_passed_over() -> None:
    assert list(csv_rows('a,b\n\n"two\nlines",c\nd,e')) == [(1, ["a", "b"]), (4, ["two\nlines", "c"]), (5, ["d", "e"])]
    assert list(csv_rows("")) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\0b", "NUL"),
        ("," * MAX_COLUMNS, f"line 1 has more than {MAX_COLUMNS} columns"),
        ("a,b\n" + "," * MAX_COLUMNS, "line 2"),
        ('a,"unclosed', "line 1"),
        ('a\n"b"c', "line 2"),
    ],
)
def test_what_is_no_csv_says_in_which_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(csv_rows(text))


def test_the_widest_row_is_read() -> None:
    [(_, cells)] = csv_rows("," * (MAX_COLUMNS - 1))
    assert len(cells) == MAX_COLUMNS
