"""Feeds a border with hostile input and holds it to its promise: a value, or one sentence for the user."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import typer

from collab.cli import run_app
from collab.console import printable
from collab.errors import SyncNasError

INPUTS: Final = int(os.environ.get("SYNCNAS_FUZZ_INPUTS", "300"))
"""How many inputs each border gets; `.ci/full` asks for 10,000."""
SLOW_INPUTS: Final = INPUTS if "SYNCNAS_FUZZ_INPUTS" in os.environ else 100
"""As many for a border that takes a tenth of a second or more for each of them, unless it is asked for a number."""
COUNTS_FILE: Final = os.environ.get("SYNCNAS_FUZZ_COUNTS", "")
"""Where a line of JSON for each border is appended, if it is set."""
_HANGS_AFTER_S: Final = 30
"""No input may take so long; the slowest take hundredths of a second."""
_LONGEST_SENTENCE: Final = 4000

_Input = TypeVar("_Input")


def fuzz(border: str, make: Callable[[random.Random], _Input], feed: Callable[[_Input], object], *, inputs: int = INPUTS) -> Counter[str]:
    """Feeds a border `inputs` times; counts what was accepted and refused.

    Args:
        border: seeds the inputs, and names them when one fails: the same name and number always make the same input.
        make: an input from a generator of random numbers.
        feed: gives the input to the border; must return, or raise a `SyncNasError` whose text is a sentence.
    """
    counts: Counter[str] = Counter()
    for number in range(inputs):
        value = make(random.Random(f"{border}/{number}"))
        try:
            with watched():
                feed(value)
            counts["accepted"] += 1
        except SyncNasError as error:
            check_sentence(str(error), f"{border}, input {number}")
            counts["refused"] += 1
        except BaseException as error:
            shown = repr(value)
            raise AssertionError(f"{border}, input {number}: {type(error).__name__}: {error!r:.300}; input: {shown[:2000]}") from error
    note_counts(border, inputs, counts)
    return counts


def note_counts(border: str, inputs: int, counts: Mapping[str, int]) -> None:
    """Appends what became of a border's inputs to `COUNTS_FILE`, if there is one."""
    if COUNTS_FILE:
        with Path(COUNTS_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"border": border, "inputs": inputs, **counts}) + "\n")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Fails what takes 30 seconds, which is a hang."""

    def too_long(*_: object) -> None:
        raise TimeoutError(f"the input was not dealt with within {_HANGS_AFTER_S} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, _HANGS_AFTER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_sentence(text: str, what: str) -> None:
    """An error's text must say something, fit a screen, and not show Python's inside."""
    assert text.strip(), f"{what}: an error without a word"
    assert len(text) <= _LONGEST_SENTENCE, f"{what}: an error of {len(text)} characters: {text[:200]}"
    assert "Traceback" not in text, f"{what}: {text[:200]}"


def run_command(app: typer.Typer, arguments: Sequence[str], monkeypatch: Any) -> tuple[int, str, str]:
    """Runs a command in this process as a user would; gives its exit status and both outputs."""
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.argv", ["command", *arguments])
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run_app(app)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return status, out.getvalue(), err.getvalue()


def refused_in_a_sentence(result: tuple[int, str, str], *, expected: int = 2) -> str:
    """The sentence by which a command refused its input: exit status 2, or 3 of a device's error, one line, nothing that could steer a
    terminal.
    """
    status, _, err = result
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert status == expected, f"status {status}: {err[-2000:]}"
    assert len(lines) == 1, err[-2000:]
    assert printable(err) == err, err[-2000:]
    check_sentence(lines[0], "the command")
    return lines[0].removeprefix("error: ")
