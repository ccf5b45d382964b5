"""The command line ``syncnas`` with all its commands, each of which is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from collab import __version__
from collab.cli import with_own_ends
from collab.console import one_line, say, shortened
from syncnas.listed import Listed

_EPILOG: Final = """\
Exit codes:
  0    done
  1    a check failed (doctor, setup, --fail-above), or a bug of this program
  2    a mistake that you can mend: an option, a file, a folder
  3    the device: not there, too hot, or without what it needs
  130  stopped by Ctrl-C
  141  the reader of the output has gone

With --json, commands print one JSON object; its schema_version names its form.\
"""
_LIKE: Final = 0.5
"""Share of letters that a command must have in common with what was written, to be suggested."""


def make_group(commands: Mapping[str, Listed]) -> typer.Typer:
    """Returns the command line that has these commands, in their order."""

    @with_own_ends
    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            del ctx
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
            del ctx
            return _LazyCommand(cmd_name, commands[cmd_name]) if cmd_name in commands else None

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            if args[0] not in commands and not ctx.resilient_parsing:
                ctx.fail(_no_command(args[0], commands))
            return args[0], self.get_command(ctx, args[0]), args[1:]

    app = typer.Typer(cls=Group, pretty_exceptions_enable=False, rich_markup_mode="rich", epilog=_EPILOG, invoke_without_command=True)
    app.callback()(_syncnas)
    return app


class _LazyCommand(TyperCommand):
    """Command that is listed by its summary, and whose module is imported when it is used."""

    def __init__(self, name: str, listed: Listed) -> None:
        super().__init__(name, help=listed.summary, rich_help_panel=listed.group)
        self._module = listed.module

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        command = typer.main.get_command(import_module(self._module).app)
        return command.make_context(info_name, args, parent=parent, **extra)


def _no_command(name: str, commands: Mapping[str, Listed]) -> str:
    """Returns the sentence for a name that no command has, with the command that is meant if it can be told."""
    names = {**{name: name for name in commands}, **{listed.module: name for name, listed in commands.items()}}
    near = get_close_matches(name, names, n=1, cutoff=_LIKE)
    meant = f" (did you mean '{names[near[0]]}'?)" if near else ""
    return f"there is no command '{one_line(shortened(name, most=60))}'{meant}"


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    say(f"syncnas {__version__}")
    raise typer.Exit


def _syncnas(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version of the toolkit.")
    ] = False,
) -> None:
    """Profile and deploy neural networks that run on several computing units of a phone at once."""
    del version
    if context.invoked_subcommand is None:
        context.get_help()
        raise typer.Exit(2)
