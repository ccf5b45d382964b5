"""A user's Python file: it is run, as it is the user's own, and whatever goes wrong in it is told by file and line."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from collab.errors import ExportError, SyncNasError
from collab.files import writing
from collab.names import shown

_NAME: Final = "_syncnas_source"
"""The module's name while it runs: no other module's, whatever the file is called, and not ``__main__``."""


@contextlib.contextmanager
def running(path: Path) -> Iterator[ModuleType]:
    """Runs a user's file as a module, which can import what lies beside it within the block. What it prints goes to the standard error.

    Raises:
        ExportError: it raises something, or asks Python to end.
        StorageError: it cannot be read.
    """
    with writing(path):
        code = path.read_bytes()
    module = ModuleType(_NAME)
    module.__file__ = str(path)
    beside = str(path.resolve().parent)
    sys.modules[_NAME] = module
    sys.path.insert(0, beside)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            with told_by_line(path):
                exec(compile(code, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own code, which is what was asked for
            yield module
    finally:
        sys.modules.pop(_NAME, None)
        if beside in sys.path:
            sys.path.remove(beside)


@contextlib.contextmanager
def told_by_line(path: Path) -> Iterator[None]:
    """Turns what the code of a user's file raises into a sentence with the file and the line.

    Raises:
        ExportError: something was raised.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        text = shown(next((line.strip() for line in str(error).splitlines() if line.strip()), ""), most=300)
        kind = "" if isinstance(error, SyncNasError) else f"{type(error).__name__}: " if text else f"{type(error).__name__} without a word"
        raise ExportError(f"{path}{_line(path, error)}: {kind}{text}; mend it there") from error


def function_of(module: ModuleType, name: str, *, returns: str) -> Callable[[], Any]:
    """Returns a function that a user's file has to have.

    Args:
        returns: what the function returns, in the sentence for who lacks it.

    Raises:
        ExportError: it is not there, or no function.
    """
    found = getattr(module, name, None)
    if not callable(found):
        has = "has no" if found is None else "has something else as"
        raise ExportError(f"{module.__file__} {has} {name}(); write a function of this name without arguments that returns {returns}")
    return found  # type: ignore[no-any-return]


def _line(path: Path, error: BaseException) -> str:
    """Returns the last line of the file on the way to an error, as part of a sentence."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
