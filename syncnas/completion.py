"""Completion in bash, which takes ``:`` and ``=`` for ends of words: the words are put together again, and what bash has left out."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import redirect_stdout
from typing import Final

_ASKED: Final = "_SYNCNAS_COMPLETE"
_WORDS: Final = "COMP_WORDS"
_AT: Final = "COMP_CWORD"
_BREAK: Final = re.compile(r"[:=]+")
_OPTION: Final = re.compile(r"--[\w-]+=")


def is_asked_by_bash(environment: MutableMapping[str, str]) -> bool:
    """Tells whether bash wants to know how a command line may go on."""
    return environment.get(_ASKED) == "complete_bash" and _WORDS in environment and environment.get(_AT, "").isdecimal()


def answer_bash(run: Callable[[], None]) -> None:
    """Has `run` print how the command line in the environment may go on, and passes on what bash can use of it.

    Raises:
        SystemExit: the one of `run`.
    """
    words, at = os.environ[_WORDS].split("\n"), int(os.environ[_AT])
    whole = joined(words[: at + 1])
    os.environ[_WORDS], os.environ[_AT] = "\n".join(whole), str(len(whole) - 1)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            run()
    finally:
        known = known_to_bash(words[: at + 1], whole[-1])
        # Not by `collab.console`: bash reads it, and it is not to wait for more imports.
        os.write(1, "\n".join(line.removeprefix(known) for line in printed.getvalue().splitlines()).encode())


def joined(parts: Sequence[str]) -> list[str]:
    """Returns the words of a command line that bash has taken apart; an empty part, where a new word begins, stays one."""
    words: list[str] = []
    goes_on = False
    for part in parts:
        is_break = _BREAK.fullmatch(part) is not None
        if words and part and (is_break or goes_on):
            words[-1] += part
        else:
            words.append(part)
        goes_on = is_break
    return words


def known_to_bash(parts: Sequence[str], word: str) -> str:
    """Returns the beginning of a completed value that bash leaves as it is, as for it a word begins behind it.

    Args:
        parts: the words as bash has them, the last of which is completed.
        word: the last one as it is typed.
    """
    last = parts[-1]
    begin = word if _BREAK.fullmatch(last) else word.removesuffix(last)
    option = _OPTION.match(word)
    return begin[option.end() :] if option is not None else begin
