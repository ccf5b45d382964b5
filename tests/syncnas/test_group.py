"""The console script's own part: its version, names that no command has, and readers that go away."""

from __future__ import annotations

import subprocess
import sys

import pytest

from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY
from tests.syncnas.commands import syncnas


def test_version() -> None:
    done = syncnas("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("syncnas")
    assert len(done.stdout.splitlines()) == 1


def test_without_a_command_it_lists_them_and_fails() -> None:
    done = syncnas()
    assert done.returncode == 2
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("written", "meant"), [("profle", "profile"), ("verfy", "verify"), ("profiler.run", "profile"), ("Export", "export"), ("xyzzy", None)]
)
def test_an_unknown_command_suggests_the_nearest(written: str, meant: str | None) -> None:
    done = syncnas(written)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: there is no command '{written}'")
    assert (f"did you mean '{meant}'?" in line) == (meant is not None)


def test_an_unknown_name_cannot_steer_a_terminal() -> None:
    error = syncnas("\x1b[2J" + "x" * 5000).stderr
    assert "\x1b" not in error
    assert len(error) < 300


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(arguments: list[str]) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.readline()\nfrom syncnas.commands import main; main()", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""
