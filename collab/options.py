"""Numbers on command lines, within bounds and never NaN: what is out of them is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from collab.documents import MAX_INT
from collab.errors import ConfigError


def number(*, least: float, most: float, help: str) -> Any:
    """Makes an option of a number from `least` to `most`."""
    return typer.Option(callback=_within(least, most), help=help)


def whole(*, least: int, most: int = MAX_INT, help: str) -> Any:
    """Makes an option of a whole number from `least` to `most`."""
    return typer.Option(callback=_within(least, most), help=help)


def _within(least: float, most: float) -> Callable[[typer.CallbackParam, Any], Any]:
    def check(param: typer.CallbackParam, value: Any) -> Any:
        # NaN is less and more than nothing, and so passes the bounds that the command line's library knows.
        if value is not None and not least <= value <= most:
            raise ConfigError(f"{param.opts[0]} {str(value)[:40]}: give a number from {least:.16g} to {most:.16g}")
        return value

    return check
