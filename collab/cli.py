"""Command lines: typer apps whose user errors are one sentence, and ``--json``."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import typer
from typer.core import TyperCommand

from collab.console import endure_any_encoding, one_line, shortened, tell
from collab.errors import ConfigError, DeviceError, SyncNasError
from collab.files import reason_of
from collab.system.starting import INTERRUPTED, begin, is_interrupted_import
from collab.wording.options import writing_for_command_line

FAILED: Final = 1
"""Exit status where a check fails: what was asked for was done, and its answer is no."""
_REFUSED: Final = 2
"""Exit status of a mistake that a user can mend."""
_DEVICE: Final = 3
_PIPE_CLOSED: Final = 141
_USAGE_ERROR: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
"""Typer brings click along, under its own name in newer versions."""


def make_app(command: Callable[..., None], *, examples: Sequence[str] = ()) -> typer.Typer:
    """Returns a typer app with this one command, whose help ends with the examples."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command(cls=Command, epilog=_epilog(examples), help=_unwrapped(inspect.getdoc(command) or ""))(command)
    return app


def _unwrapped(text: str) -> str:
    """Joins the lines of each paragraph, which are as long as the code's; a help is wrapped to the window."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _epilog(examples: Sequence[str]) -> str | None:
    if not examples:
        return None
    # Squared brackets would be taken for markup.
    lines = ["Examples:", *(f"  {line}" for example in examples for line in example.splitlines()), "Exit codes: syncnas --help"]
    return "\n".join(lines).replace("[", r"\[")


def _with_own_ends(method: Callable[..., Any]) -> Callable[..., Any]:
    """Ends a command that Ctrl-C stops, or whose reader has gone; the command line's library would end both in ways of its own."""

    @functools.wraps(method)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            _stop(interrupt)
        except BrokenPipeError:
            # What is still in the buffers would be written once more when the interpreter ends, and fail with a traceback.
            nothing = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(nothing, stream.fileno())
            raise SystemExit(_PIPE_CLOSED) from None

    return run


def _with_own_looks(format_help: Callable[..., None]) -> Callable[..., None]:
    """Prints a help in colours on terminals only, where the command line's library would do so wherever it sees a CI service."""

    @functools.wraps(format_help)
    def run(command: Any, context: Any, formatter: Any) -> None:
        from typer import rich_utils

        rich_utils.FORCE_TERMINAL = None
        for parameter in command.get_params(context):
            _show_as_people_say(parameter)
        try:
            format_help(command, context, formatter)
        except SystemExit:
            # Raised by rich where the reader has gone.
            raise BrokenPipeError from None

    return run


def _show_as_people_say(parameter: Any) -> None:
    """Leaves out of a parameter's help the names of Python's types, and the fraction of a whole number."""
    if getattr(parameter, "is_flag", False) and parameter.metavar is None:
        parameter.metavar = ""
    if parameter.param_type_name == "argument":
        parameter.display_type_rich = lambda **_: ""
    if isinstance(parameter.default, float) and parameter.default.is_integer():
        parameter.default = int(parameter.default)


_Class = TypeVar("_Class", bound=type)


def with_own_ends(kind: _Class) -> _Class:
    """Makes a class of commands end as all commands of the toolkit do, while options are read as well as later."""
    own: Any = kind
    own.make_context, own.invoke = _with_own_ends(own.make_context), _with_own_ends(own.invoke)
    own.format_help = _with_own_looks(own.format_help)
    return kind


@with_own_ends
class Command(TyperCommand):
    """Command of the toolkit."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            _refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        begin()
        return super().invoke(ctx)


def _refuse_empty(words: Sequence[str]) -> None:
    """Refuses a value without a letter, as shells make it of a variable that is not set: as a path, it would be the present folder.

    Raises:
        ConfigError: a value is empty or blank.
    """
    for before, word in itertools.pairwise(["", *words]):
        name, is_value, value = word.partition("=")
        if name.startswith("--") and is_value:
            option, is_empty = name, not value.strip()
        else:
            option, is_empty = before if before.startswith("-") else "", not word.strip()
        if is_empty:
            way_out = "give it a value, or leave it out" if option else "name what is meant"
            raise ConfigError(f"{shortened(option, most=60) or 'an argument'} is empty; {way_out} (is a variable of the shell not set?)")


@contextmanager
def keeping(kept: str | Callable[[], str]) -> Iterator[None]:
    """Has Ctrl-C within the block say this sentence: what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            raise
        raise KeyboardInterrupt(kept if isinstance(kept, str) else kept()) from None


def _stop(interrupt: KeyboardInterrupt | None = None) -> NoReturn:
    tell(" ".join(["Stopped.", *(str(sentence) for sentence in (interrupt.args if interrupt is not None else ()))]))
    raise SystemExit(INTERRUPTED) from None


def run_app(app: typer.Typer) -> None:
    """Runs an app as the main program, and ends the process with its status.

    Whatever a user can mend is one line on stderr and status 2: an option that is not one, a `SyncNasError`, a file that cannot be read or
    written, a full disk. A `DeviceError` is one line too, and status 3. An OSError of another kind without a file is no user's doing, and
    keeps its traceback.
    """
    endure_any_encoding()
    try:
        with writing_for_command_line():
            status = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _stop()
    except _USAGE_ERROR as error:
        _refuse(f"{error.format_message().rstrip('.')}; --help tells what the command takes")
    except DeviceError as error:
        _refuse(str(error), status=_DEVICE)
    except SyncNasError as error:
        _refuse(str(error))
    except OSError as error:
        reason = reason_of(error)
        if reason is None:
            raise
        _refuse(reason)
    except Exception as error:
        if not is_interrupted_import(error):
            raise
        _stop()
    raise SystemExit(status if isinstance(status, int) else 0)


def _refuse(sentence: str, *, status: int = _REFUSED) -> NoReturn:
    tell(f"error: {one_line(shortened(sentence))}")
    raise SystemExit(status) from None


def print_json(document: Mapping[str, Any], *, schema_version: int = 1) -> None:
    """Prints one JSON object on one line of the standard output, with the number of its form; NaN and infinities are refused, as they are
    no JSON.
    """
    # Everything outside ASCII is escaped by json itself, so nothing in it can steer a terminal.
    print(json.dumps({"schema_version": schema_version, **document}, allow_nan=False), flush=True)
