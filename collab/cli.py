"""What all commands share: typer apps whose user errors are one sentence, and ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer

from collab.errors import SyncNasError


def make_app(command: Callable[..., None]) -> typer.Typer:
    """A typer app with this one command; a `SyncNasError` ends it with its sentence on stderr and status 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    return app


def run_app(app: typer.Typer) -> None:
    """Runs an app as the main program.

    A file that cannot be read or written is the user's to mend as well; an OSError without a file is not, and keeps its traceback.
    """
    try:
        app()
    except SyncNasError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(141) from None
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}; is it the right path, and may it be read and written?", file=sys.stderr)
        raise SystemExit(2) from None


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON object on one line of the standard output; NaN and infinities are refused, as they are no JSON."""
    print(json.dumps(document, allow_nan=False))
