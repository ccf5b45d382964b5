"""Numbers on command lines: taken within bounds, and one sentence outside of them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from typer.testing import CliRunner

from collab.cli import make_app
from collab.errors import ConfigError
from collab.options import number, whole

TAKEN: list[tuple[float, int | None]] = []


def command(
    share: Annotated[float, number(least=0.5, most=2, help="A share.")] = 1.0,
    rounds: Annotated[int | None, whole(least=1, help="Rounds.")] = None,
) -> None:
    """Takes two numbers."""
    TAKEN.append((share, rounds))


def run(*arguments: str) -> Any:
    TAKEN.clear()
    return CliRunner().invoke(make_app(command), list(arguments))


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ((), (1.0, None)),
        (("--share", "0.5"), (0.5, None)),
        (("--share", "2", "--rounds", "1"), (2.0, 1)),
        (("--rounds", "9000000"), (1.0, 9000000)),
    ],
)
def test_numbers_within_their_bounds_are_taken(arguments: tuple[str, ...], taken: tuple[float, int | None]) -> None:
    assert run(*arguments).exit_code == 0
    assert [taken] == TAKEN


@pytest.mark.parametrize(
    ("option", "value"),
    [("--share", "nan"), ("--share", "inf"), ("--share", "-1"), ("--share", "2.0001"), ("--rounds", "0"), ("--rounds", "9" * 300)],
)
def test_numbers_out_of_bounds_are_one_sentence_that_names_the_option(option: str, value: str) -> None:
    error = run(option, value).exception
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{option} ")
    assert "give a number from" in str(error)
    assert len(str(error)) < 200
    assert not TAKEN


def test_large_bounds_are_told_in_full() -> None:
    def command(seed: Annotated[int, whole(least=0, most=(1 << 63) - 1, help="A seed.")] = 0) -> None:
        """Takes a seed."""

    error = CliRunner().invoke(make_app(command), ["--seed", "-1"]).exception
    assert str(error) == "--seed -1: give a number from 0 to 9223372036854775807"
