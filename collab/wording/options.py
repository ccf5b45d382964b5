"""Names of options, in sentences that reach who types commands and who writes Python: each is told what to write there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ARGUMENTS: Final = {
    "--lut": "tables",
    "--unit": "units",
    "--aar": "aars",
    "--address": "ray_address",
    "--evaluator": "name",
    "-n": "strategies",
    "--grain": "grain_us",
}
"""The arguments of `syncnas`'s functions that are not called as the option is."""
FLAGS: Final = frozenset({"--resume", "--quick", "--root", "--steady"})
"""Options without a value."""


class _Reader:
    """Who reads the sentences of this process."""

    types_commands: bool = False


@contextmanager
def writing_for_command_line() -> Iterator[None]:
    """Has `option_named` write options of a command line within the block, as all of a command is."""
    before, _Reader.types_commands = _Reader.types_commands, True
    try:
        yield
    finally:
        _Reader.types_commands = before


def writes_for_command_line() -> bool:
    """Tells whether a command runs, and not Python code of a user's."""
    return _Reader.types_commands


def option_named(option: str, value: str | int | None = None, *, argument: str = "") -> str:
    """Returns an option as the reader writes it: ``--out`` for a command line, ``out=...`` for Python.

    Args:
        option: its name on command lines.
        value: a value that is spoken of: ``--format x``, quoted where a shell needs it, or ``format='x'``.
        argument: its name in Python, where `ARGUMENTS` does not tell it.
    """
    if writes_for_command_line():
        return option if value is None else f"{option} {shlex.quote(str(value))}"
    name = argument or argument_of(option)
    if option in FLAGS:
        return f"{name}=True"
    return f"{name}=..." if value is None else f"{name}={value!r}"


def argument_of(option: str) -> str:
    """Returns the argument of Python that an option is."""
    return ARGUMENTS.get(option, option.lstrip("-").replace("-", "_"))
