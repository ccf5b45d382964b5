"""Numbers as people read them."""

from __future__ import annotations

import pytest

from report.page.numbers import NOTHING, bytes_text, digits, percent, time_text, us_text


def plain(text: str) -> str:
    """A number and its unit with the space that a keyboard has; they stay on one line."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12.345, "12.3"), (1234.5, "1,234"), (0.045678, "0.0457"), (999.96, "1,000"), (-3.14159, "-3.14"), (float("inf"), NOTHING)],
)
def test_three_digits_that_mean_something(value: float, text: str) -> None:
    assert digits(value) == text


def test_times_have_their_unit() -> None:
    assert [plain(time_text(us)) for us in (0.5, 999, 1000, 7502.4, None)] == ["0.500 us", "999 us", "1.00 ms", "7.50 ms", NOTHING]
    assert us_text(None) == NOTHING


def test_bytes_have_their_unit() -> None:
    assert [plain(bytes_text(count)) for count in (784, 1024, 602112, 3 << 20, None)] == ["784 bytes", "1 KB", "588 KB", "3 MB", NOTHING]


def test_percent_are_signed_where_the_sign_matters() -> None:
    assert [plain(percent(0.0123)), plain(percent(-0.0123, signed=True)), plain(percent(0.5, signed=True))] == [
        "1.2 %",
        "-1.2 %",
        "+50.0 %",
    ]
