"""Command lines: typer apps whose user errors are one sentence, and ``--json``."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import typer

from collab.console import endure_any_encoding, one_line, shortened, tell
from collab.errors import SyncNasError
from collab.files import reason_of

_REFUSED: Final = 2
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141
_USAGE_ERROR: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
"""Typer brings click along, under its own name in newer versions."""


def make_app(command: Callable[..., None]) -> typer.Typer:
    """A typer app with this one command; a `SyncNasError` ends it with its sentence on stderr and status 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(_with_own_ends(command))
    return app


def _with_own_ends(command: Callable[..., None]) -> Callable[..., None]:
    """Ends a command that Ctrl-C stops, or whose reader has gone; the command line's library would end both in ways of its own."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            tell("Stopped.")
            raise SystemExit(_INTERRUPTED) from None
        except BrokenPipeError:
            # What is still in the buffer would be written once more when the interpreter ends, and fail with a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(_PIPE_CLOSED) from None

    return run


def run_app(app: typer.Typer) -> None:
    """Runs an app as the main program, and ends the process with its status.

    Whatever a user can mend is one line on stderr and status 2: an option that is not one, a `SyncNasError`, a file that cannot be read or
    written, a full disk. An OSError of another kind without a file is no user's doing, and keeps its traceback.
    """
    endure_any_encoding()
    try:
        status = app(standalone_mode=False)
    except typer.Abort:
        tell("Stopped.")
        raise SystemExit(_INTERRUPTED) from None
    except _USAGE_ERROR as error:
        _refuse(f"{error.format_message().rstrip('.')}; --help tells what the command takes")
    except SyncNasError as error:
        _refuse(str(error))
    except OSError as error:
        reason = reason_of(error)
        if reason is None:
            raise
        _refuse(reason)
    raise SystemExit(status if isinstance(status, int) else 0)


def _refuse(sentence: str) -> NoReturn:
    tell(f"error: {one_line(shortened(sentence))}")
    raise SystemExit(_REFUSED) from None


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON object on one line of the standard output; NaN and infinities are refused, as they are no JSON."""
    # Everything outside ASCII is escaped by json itself, so nothing in it can steer a terminal.
    print(json.dumps(document, allow_nan=False), flush=True)
