"""What all commands share: exit status, one line for what a user can mend, and a traceback for what nobody can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collab.cli import print_json

COMMAND = """
import errno, os, sys
from collab.cli import keeping, make_app, run_app
from collab.errors import ConfigError, HotDeviceError
from collab.console import say

def main(how: str = "well") -> None:
    if how == "refused":
        raise ConfigError("model x: " + "y" * 5000 + "\\n\\x1b[2J; name another")
    if how == "hot":
        raise HotDeviceError("it stays hot; let it cool down")
    if how == "missing":
        open("nowhere/file")
    if how == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if how == "fork":
        raise OSError(errno.EAGAIN, "no more processes")
    if how == "bug":
        raise ZeroDivisionError
    if how == "kept":
        with keeping("outer"), keeping("The journal is kept."):
            raise KeyboardInterrupt
    if how == "interrupted":
        raise KeyboardInterrupt
    for _ in range(int(how) if how.isdigit() else 1):
        say("done")

run_app(make_app(main))
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "command.py"
    path.write_text(COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_a_command_that_succeeds(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--how", "refused"], "name another"),
        (["--how", "missing"], "nowhere/file: No such file"),
        (["--how", "full"], "make room"),
        (["--colour"], "--help tells what the command takes"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert "\x1b" not in line
    assert len(line) < 2500


def test_what_a_device_cannot_do_is_one_line_and_status_3(tmp_path: Path) -> None:
    done = run(tmp_path, "--how", "hot")
    assert (done.returncode, done.stderr) == (3, "error: it stays hot; let it cool down\n")


@pytest.mark.parametrize(("how", "name"), [("bug", "ZeroDivisionError"), ("fork", "BlockingIOError")])
def test_what_no_user_can_mend_keeps_its_traceback(tmp_path: Path, how: str, name: str) -> None:
    done = run(tmp_path, "--how", how)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert name in done.stderr


def test_ctrl_c_has_the_status_that_shells_know(tmp_path: Path) -> None:
    done = run(tmp_path, "--how", "interrupted")
    assert done.returncode == 130
    assert done.stderr.strip() == "Stopped."


def test_ctrl_c_says_what_is_kept(tmp_path: Path) -> None:
    done = run(tmp_path, "--how", "kept")
    assert done.returncode == 130
    assert done.stderr.strip() == "Stopped. The journal is kept.", "the innermost knows best"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "command.py").write_text(COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "command.py"), "--how", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_json_is_one_line_that_can_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"name": "\x1b[2J\nä\u202e", "values": [1, 0.5, None]}
    print_json(document)
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"schema_version": 1, **document}
    assert line.isascii()
    assert line.isprintable()
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"value": float("nan")})
