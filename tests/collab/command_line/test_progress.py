"""Bars: numbers and the time left on a terminal, and not a character elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from collab.command_line.progress import work_bar
with work_bar("Counting [red]x", "sheep", quiet=sys.argv[1:] == ["quiet"]) as show:
    show(3, 8)
print("through")
"""


def run(stderr: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "TERM": "xterm", "COLUMNS": "100"}
    return subprocess.run([sys.executable, "-c", CODE, *arguments], stdout=subprocess.PIPE, stderr=stderr, env=env, timeout=60, check=True)


def on_a_terminal(*arguments: str) -> str:
    leader, follower = pty.openpty()
    try:
        assert run(follower, *arguments).stdout == b"through\n"
        os.close(follower)
        try:
            return os.read(leader, 65536).decode()
        except OSError:
            return ""  # Nothing was written before the terminal was closed.
    finally:
        os.close(leader)


def test_a_terminal_shows_numbers_and_the_time_left() -> None:
    shown = on_a_terminal()
    for word in ("Counting [red]x", "3/8", "sheep", "left"):
        assert word in shown


def test_nothing_is_shown_where_it_is_not_wanted() -> None:
    assert run(subprocess.PIPE).stderr == b""
    assert on_a_terminal("quiet") == ""
