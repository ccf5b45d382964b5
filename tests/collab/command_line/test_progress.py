"""Bars: numbers and the time left on a terminal, and not a character elsewhere."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from tests.processes import wait_until

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


SENDING = """
import sys
from contextlib import nullcontext
from collab.command_line.progress import sending_bar, work_bar
after_s, around = float(sys.argv[1]), sys.argv[2]
with work_bar("Counting", "sheep", quiet=False) if around else nullcontext():
    with sending_bar(quiet=False, after_s=after_s) as show:
        show(3_000_000, 8_000_000)
        sys.stdin.readline()
        show(5_000_000, 8_000_000)
"""


def send_on_a_terminal(after_s: float, around: str = "", *, until: str = "") -> str:
    """Returns what is shown while something is sent, which goes on once `until` is seen."""
    leader, follower = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", SENDING, str(after_s), around]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=follower, env=env) as sending:
        os.close(follower)
        assert sending.stdin is not None
        pieces: list[str] = []

        def is_seen() -> bool:
            if select.select([leader], [], [], 0)[0]:
                pieces.append(_read(leader))
            return until in "".join(pieces)

        wait_until(is_seen)
        shown = "".join(pieces)
        sending.stdin.write(b"\n")
        sending.stdin.close()
        while more := _read(leader):
            shown += more
    os.close(leader)
    assert sending.returncode == 0
    return shown


def _read(leader: int) -> str:
    try:
        return os.read(leader, 65536).decode(errors="replace")
    except OSError:
        return ""  # The other end is closed, and all of it was read.


def test_sending_that_takes_long_has_a_bar() -> None:
    shown = send_on_a_terminal(0.0, until="3/8")
    for word in ("Sending", "MB", "left"):
        assert word in shown
    assert "Sending" in send_on_a_terminal(0.0, "a bar around it", until="3/8")


def test_sending_that_is_through_at_once_shows_nothing() -> None:
    assert send_on_a_terminal(3600.0) == ""
    assert "Sending" not in send_on_a_terminal(3600.0, "a bar around it", until="Counting")
