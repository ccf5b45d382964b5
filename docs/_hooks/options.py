"""Renders a command's options into its page, from the command itself: ``<!-- options: profile -->`` becomes usage and tables.

Everything that the pages know of the command line comes from `command_of`.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import typer

from collab.documents import MAX_INT
from syncnas.commands import COMMANDS

_PLACE = re.compile(r"^<!-- options: ([\w-]+) -->$", re.MULTILINE)
_KINDS = {"int": "a whole number", "float": "a number", "path": "a path", "str": "text"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with its places filled; mkdocs calls this for every page."""
    return _PLACE.sub(lambda place: rendered(place[1]), markdown)


def command_of(name: str) -> Any:
    """The command behind a name of ``syncnas``, with its parameters, as the command line has it."""
    return typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)


def rendered(name: str) -> str:
    """Usage, arguments and options of a command, grouped as its help groups them."""
    command = command_of(name)
    parameters = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    words = [f"{_metavar(parameter)}{'...' if parameter.nargs == -1 else ''}" for parameter in arguments]
    lines = ["```text", " ".join(["syncnas", name, *(["[OPTIONS]"] if options else []), *words]), "```", ""]
    if arguments:
        lines += ["| argument | what it is |", "| --- | --- |"]
        lines += [f"| `{_metavar(parameter)}` | {_cell(getattr(parameter, 'help', None) or '')} |" for parameter in arguments]
        lines.append("")
    for panel in dict.fromkeys(_panel(option) for option in options):
        lines += [f"**{panel}**", ""] if panel else []
        lines += _table([option for option in options if _panel(option) == panel])
        lines.append("")
    return "\n".join([*lines, *_examples(command)])


def _examples(command: Any) -> list[str]:
    """The examples that end a command's help."""
    heading, *examples = [line.strip() for line in str(command.epilog or "").replace("\\[", "[").splitlines()] or [""]
    examples = [line for line in examples if not line.startswith("Exit codes:")]
    return ["From its help:", "", "```sh", *examples, "```", ""] if heading == "Examples:" and examples else []


def _panel(option: Any) -> str:
    return str(getattr(option, "rich_help_panel", None) or "")


def _table(options: list[Any]) -> list[str]:
    """A table of options; without a column for defaults where none has one."""
    shows_defaults = any(map(_default, options))
    rows = [["option", "default", "what it does"], ["---"] * 3, *map(_cells, options)]
    return [f"| {' | '.join(row if shows_defaults else [row[0], row[2]])} |" for row in rows]


def _cells(option: Any) -> list[str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f" *{_takes(option)}*"
    return [f"{names}{takes}", _default(option), _cell(option.help or "")]


def _takes(option: Any) -> str:
    """The kind of value that an option takes, with its bounds (`collab.options.number`)."""
    said = str(option.metavar or _KINDS.get(_annotation(option), "text"))
    bounds = getattr(option.callback, "bounds", None)
    if bounds is None:
        return said
    least, most = (f"{bound:,.16g}" for bound in bounds)
    return f"{said} from {least}" if bounds[1] >= MAX_INT else f"{said} from {least} to {most}"


def _annotation(option: Any) -> str:
    """The name of the Python type behind an option: ``int``, ``Path`` ..., also of the items of a list."""
    described = getattr(option, "type_descriptor", None)
    named = str(described.annotation if described else getattr(option.type, "name", ""))
    return next((name for name in _KINDS if name in named.lower()), "")


def _default(option: Any) -> str:
    if option.required:
        return "required"
    default = option.default
    if callable(default) or default is None or repr(default) == "Sentinel.UNSET" or default in ("", (), []):
        return ""
    if option.is_flag:
        return "on" if default is True and option.secondary_opts else ""
    return f"`{default}`"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper().rstrip(".")


def _cell(text: str) -> str:
    """Text in a cell of a table: on one line, without what Markdown would take for markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
