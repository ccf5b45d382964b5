"""The console script as users run it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from functools import cache
from typing import Any

import typer

from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY


def syncnas(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs ``syncnas`` without a terminal, in an environment that says nothing of colours and widths but what is given."""
    shown = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    env = {**shown, "PYTHONPATH": str(REPOSITORY), **environment}
    command = [sys.executable, "-m", "syncnas", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


@cache
def command_of(name: str) -> Any:
    """Returns a command as its library has it, by its name."""
    return typer.main.get_command(importlib.import_module(COMMANDS[name].module).app)
