"""What all commands share: typer apps whose user errors are one sentence, and ``--json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import typer

from collab.console import endure_any_encoding, one_line, tell
from collab.errors import SyncNasError
from collab.files import reason_of


def make_app(command: Callable[..., None]) -> typer.Typer:
    """A typer app with this one command; a `SyncNasError` ends it with its sentence on stderr and status 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    return app


def run_app(app: typer.Typer) -> None:
    """Runs an app as the main program.

    A file that cannot be read or written is the user's to mend as well, and so is a full disk; an OSError of another kind without a file
    is not, and keeps its traceback.
    """
    endure_any_encoding()
    try:
        app()
    except SyncNasError as error:
        tell(f"error: {one_line(str(error))}")
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(141) from None
    except OSError as error:
        reason = reason_of(error)
        if reason is None:
            raise
        tell(f"error: {one_line(reason)}")
        raise SystemExit(2) from None


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON object on one line of the standard output; NaN and infinities are refused, as they are no JSON."""
    # Everything outside ASCII is escaped by json itself, so nothing in it can steer a terminal.
    print(json.dumps(document, allow_nan=False), flush=True)
