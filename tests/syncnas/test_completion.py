"""Completion, asked for as bash asks for it."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collab.config import zoo_names
from collab.options import UNITS
from collab.units import parse_unit
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS
from search.engine.tree_search import METHODS
from search.evaluators.choose import NAMES
from syncnas.commands import COMMANDS
from syncnas.completion import joined
from tests.pages import REPOSITORY
from tests.phone.wires.adb_server import FakeAdbServer


def offered(*words: str, **environment: str) -> list[str]:
    """What is offered for the last word of a command line, by the protocol between bash and the command."""
    asked = {"_SYNCNAS_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(["syncnas", *words]), "COMP_CWORD": str(len(words))}
    code = "import sys; sys.argv = ['syncnas']; from syncnas.commands import main; main()"
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "ANDROID_ADB_SERVER_PORT": "1", **asked, **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def test_names_of_commands_and_options() -> None:
    assert offered("") == list(COMMANDS)
    assert offered("ex") == [name for name in COMMANDS if name.startswith("ex")] != []
    assert "--placement" in offered("predict", "--p")


def test_models_of_the_zoo() -> None:
    assert offered("predict", "--model", "") == list(zoo_names())
    assert offered("profile", "--quick", "--model", "mobilenet_v2")[0] == "mobilenet_v2"


def test_units_are_real_ones() -> None:
    assert offered("doctor", "--unit", "") == list(UNITS)
    for unit in UNITS:
        parse_unit(unit)


def test_devices_that_are_connected() -> None:
    assert offered("doctor", "--device", "") == ["local"]
    with FakeAdbServer({"R5CT1234": "device", "R5CT9876": "device"}) as server:
        port = str(server.port)
        assert offered("deploy", "--device", "R", ANDROID_ADB_SERVER_PORT=port) == ["R5CT1234", "R5CT9876"]
        assert set(offered("profile", "--device", "", ANDROID_ADB_SERVER_PORT=port)) == {"R5CT1234", "R5CT9876", "local"}


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        ("profile", "--wait", WAITS),
        ("deploy", "--path", REQUESTABLE_PATHS),
        ("search", "--evaluator", NAMES),
        ("search", "--method", METHODS),
    ],
)
def test_one_of_a_few(command: str, option: str, values: tuple[str, ...]) -> None:
    assert set(offered(command, option, "")) == set(values)


def test_an_unknown_command_offers_nothing() -> None:
    assert offered("dance", "--json") == []


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["syncnas", "doctor", "--unit", "cpu", ":", "cluster", "=", "b"], ["syncnas", "doctor", "--unit", "cpu:cluster=b"]),
        (["a", "--unit", "=", "cpu", ":", "threads", "="], ["a", "--unit=cpu:threads="]),
        (["a", "cpu", ":", "threads", "=", "2", "", "b"], ["a", "cpu:threads=2", "", "b"]),
        (["a", "x", "=", ""], ["a", "x=", ""]),
        (["a", "cpu:cluster=b"], ["a", "cpu:cluster=b"]),
        (["a", ""], ["a", ""]),
    ],
)
def test_words_are_put_together_again(parts: list[str], words: list[str]) -> None:
    assert joined(parts) == words


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        (["cpu", ":", "cl"], ["cluster=big", "cluster=little"]),
        (["cpu", ":", "cluster", "="], ["big", "little"]),
        (["gpu:backend", "=", "openc"], ["opencl"]),
        (["gpu:backend=openc"], ["gpu:backend=opencl"]),
        (["cpu", ":", "cluster", "=", "big", "--unit", "g"], [unit for unit in UNITS if unit.startswith("g")]),
    ],
)
def test_bash_gets_what_follows_its_last_word(typed: list[str], rest: list[str]) -> None:
    assert offered("doctor", "--unit", *typed) == rest


class Bash:
    """An interactive bash with the completion, on a terminal of its own."""

    def __init__(self, path: str) -> None:
        leader, follower = pty.openpty()
        env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PATH": path, "SHELL": "/bin/bash", "TERM": "dumb", "INPUTRC": "/dev/null"}
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=follower, stdout=follower, stderr=follower, env=env, start_new_session=True
        )
        os.close(follower)
        self._terminal = leader
        # Ctrl-T shows the line as it is by then; keys are heard in their order, so that nothing has to be waited for.
        self._type('bind -x \'"\\C-t": printf "<%s>\\n" "$READLINE_LINE"\'; eval "$(syncnas --show-completion)"; echo "<rea""dy>"\n')
        assert self._shown() == "ready"

    def completed(self, line: str) -> str:
        """Returns a line after the tabulator key, and empties it."""
        self._type(f"{line}\t\x14")
        shown = self._shown()
        self._type("\x15")
        return shown

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _shown(self) -> str:
        seen = ""
        while (found := re.search(r"<([^<>\"%]*)>", seen)) is None:
            seen += os.read(self._terminal, 4096).decode()
        return found[1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_units_on_a_terminal(tmp_path: Path) -> None:
    program = tmp_path / "syncnas"
    program.write_text(f"#!{sys.executable}\nfrom syncnas.commands import main\nmain()\n")
    program.chmod(0o755)
    bash = Bash(f"{tmp_path}:{os.environ['PATH']}")
    try:
        assert bash.completed("syncnas doctor --unit cpu:cl") == "syncnas doctor --unit cpu:cluster="
        assert bash.completed("syncnas doctor --unit cpu:cluster=b") == "syncnas doctor --unit cpu:cluster=big "
        assert bash.completed("syncnas doctor --unit=gpu:backend=openc") == "syncnas doctor --unit=gpu:backend=opencl "
        assert bash.completed("syncnas predict --model mobilenet") == "syncnas predict --model mobilenet_v2 "
    finally:
        bash.end()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes(tmp_path: Path) -> None:
    program = tmp_path / "syncnas"
    program.write_text(f"#!{sys.executable}\nfrom syncnas.commands import main\nmain()\n")
    program.chmod(0o755)
    lines = [
        'eval "$(syncnas --show-completion)"',
        "COMP_WORDS=(syncnas predict --model mini); COMP_CWORD=3",
        "_syncnas_completion syncnas",
        'echo "${COMPREPLY[@]}"',
    ]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PATH": f"{tmp_path}:{os.environ['PATH']}", "SHELL": "/bin/bash"}
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.stdout.split() == [name for name in zoo_names() if name.startswith("mini")], done.stderr


def test_completion_is_installed_where_the_shell_reads_it(tmp_path: Path) -> None:
    program = tmp_path / "syncnas"
    program.write_text(f"#!{sys.executable}\nfrom syncnas.commands import main\nmain()\n")
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", f"{program} --install-completion; true"], capture_output=True, text=True, timeout=60, check=False, env=env
    )
    assert (tmp_path / ".bash_completions" / "syncnas.sh").is_file(), done.stdout + done.stderr
