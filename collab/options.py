"""Options of command lines: each with a word for its value, a panel of the help, and completion; numbers within bounds and never NaN."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from collab.documents import MAX_INT
from collab.errors import ConfigError
from collab.names import shown

PHONE: Final = "The phone"
EXPERT: Final = "For experts"
CLUSTER: Final = "A Ray cluster"
"""Panels of helps. Options without one are the common ones, which stand first."""

Completion: TypeAlias = Callable[[str], list[str]]
"""Function that returns the values that begin as what is typed."""


def option(*names: str, value: str, help: str, panel: str | None = None, complete: Completion | Sequence[str] = ()) -> Any:
    """Makes an option whose value is called `value` in helps; `complete` says which values a shell offers."""
    offered = complete if callable(complete) else offering(complete) if complete else None
    return typer.Option(*names, metavar=value, help=help, rich_help_panel=panel, autocompletion=offered)


def flag(*names: str, help: str, panel: str | None = None) -> Any:
    """Makes an option without a value."""
    return typer.Option(*names, help=help, rich_help_panel=panel)


def place(value: str, *, help: str) -> Any:
    """Makes an argument that is a file or a folder, called `value` in helps."""
    return typer.Argument(metavar=value, help=help, show_default=False)


def number(*names: str, least: float, most: float, help: str, value: str = "NUMBER", panel: str | None = None) -> Any:
    """Makes an option of a number from `least` to `most`."""
    return typer.Option(*names, callback=_within(least, most), metavar=value, help=help, rich_help_panel=panel)


def whole(*names: str, least: int, most: int = MAX_INT, help: str, value: str = "NUMBER", panel: str | None = None) -> Any:
    """Makes an option of a whole number from `least` to `most`."""
    return number(*names, least=least, most=most, help=help, value=value, panel=panel)


def _within(least: float, most: float) -> Callable[[typer.CallbackParam, Any], Any]:
    def check(param: typer.CallbackParam, value: Any) -> Any:
        # NaN is less and more than nothing, and so passes the bounds that the command line's library knows.
        for each in value if isinstance(value, list) else [value]:
            if each is not None and not least <= each <= most:
                bounds = " to ".join(str(bound) if isinstance(bound, int) else f"{bound:.16g}" for bound in (least, most))
                raise ConfigError(f"{max(param.opts, key=len)} {str(each)[:40]}: give a number from {bounds}")
        return value

    # Pages that list options read the bounds off the callback.
    check.__dict__["bounds"] = (least, most)
    return check


def share(option: str, text: str) -> float:
    """Parses ``5%`` or ``0.05``.

    Raises:
        ConfigError: it is neither, or beyond 1000 %.
    """
    if not re.fullmatch(r"\d{1,4}(\.\d{1,6})?%?", text, re.ASCII):
        raise ConfigError(f"{option} {shown(text)}: write a share like 5% or 0.05")
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if value > 10:
        raise ConfigError(f"{option} {shown(text)}: more than 1000 %; write a share like 5% or 0.05")
    return value


def offering(values: Sequence[str]) -> Completion:
    """Returns a completion of these values."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def models(incomplete: str) -> list[str]:
    """Completes the names of the zoo's models."""
    from collab.config import zoo_names

    return offering(zoo_names())(incomplete)


UNITS: Final = (
    "cpu:cluster=big",
    "cpu:cluster=little",
    "cpu:cores=0",
    "cpu:cores=4-7",
    "cpu:threads=1",
    "cpu:threads=2",
    "cpu:threads=4",
    "gpu",
    *(f"gpu:backend={backend}" for backend in ("opencl", "opengl", "webgpu")),
    "nnapi",
)
"""Units that a shell offers. Of those with numbers there are several, so that a shell stops where the number begins."""

AsJson: TypeAlias = Annotated[bool, flag("--json", help="Print one JSON object.")]
ModelName: TypeAlias = Annotated[str, option(value="MODEL", complete=models, help="A model of the zoo, or the path of a config.")]
AnyModelName: TypeAlias = Annotated[
    str, option(value="MODEL", complete=models, help="A model of the zoo, the path of a config, or the .tflite of any network.")
]
PlacementText: TypeAlias = Annotated[
    str, option(value="PLACEMENT", help="Which unit runs what, e.g. 0=gpu0,1=cpu0. Default: branch 0 on cpu0, and so on.")
]
PlanFile: TypeAlias = Annotated[
    Path | None, option(value="FILE", help="Which unit runs which block of a .tflite: a plan that place has written.")
]
TablesFolder: TypeAlias = Annotated[Path, option(value="FOLDER", help="Folder of the tables.")]
