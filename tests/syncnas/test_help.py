"""The help of each command: examples that parse, words for values, nothing lost in a narrow window, colours on terminals only."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
from typing import Any

import pytest
from rich.text import Text

from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY
from tests.syncnas.commands import command_of, syncnas

NARROW = 60


def examples_of(name: str) -> list[list[str]]:
    """The words of each command line of a command's examples."""
    lines = Text.from_markup(command_of(name).epilog).plain.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip().startswith("syncnas ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_two_examples_of_each_command_parse(name: str) -> None:
    examples = examples_of(name)
    assert len(examples) >= 2
    for program, command, *arguments in examples:
        assert (program, command) == ("syncnas", name)
        command_of(name).make_context(name, arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_texts_are_shown_as_they_are(name: str) -> None:
    for parameter in command_of(name).params:
        if not getattr(parameter, "hidden", False):
            assert parameter.help, parameter.name
            assert Text.from_markup(parameter.help).plain == parameter.help, "no markup in it"


@pytest.mark.parametrize("name", COMMANDS)
def test_values_have_words_that_people_say(name: str) -> None:
    for parameter in command_of(name).params:
        if not getattr(parameter, "hidden", False) and not getattr(parameter, "is_flag", False):
            assert re.fullmatch(r"[A-Z]+", parameter.metavar or ""), parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_fits_a_narrow_window(name: str) -> None:
    done = syncnas(name, "--help", COLUMNS=str(NARROW))
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= NARROW
    assert "…" not in done.stdout, "nothing is cut off"
    assert not re.search(r"<\w|list\[|\bstr\b", done.stdout), "no type of Python"
    words = done.stdout.replace("\\", " ").split()
    for example in examples_of(name):
        assert " ".join(example) in " ".join(words)
    for parameter in command_of(name).params:
        if not getattr(parameter, "hidden", False):
            shown = parameter.metavar if parameter.param_type_name == "argument" else max(parameter.opts, key=len)
            assert shown in done.stdout


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """All that ``syncnas`` writes to a terminal of 100 columns."""
    leader, follower = pty.openpty()
    shown = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    env: dict[str, Any] = {**shown, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "100", "TERM": "xterm-256color", **environment}
    process = subprocess.Popen([sys.executable, "-m", "syncnas", *arguments], stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    written = b""
    try:
        while select.select([leader], [], [], 60)[0]:
            piece = os.read(leader, 65536)
            if not piece:
                break
            written += piece
    except OSError:
        pass  # The terminal's other side is closed.
    finally:
        os.close(leader)
    assert process.wait(60) == 0
    return written.decode()


COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-9]m")


def test_colours_are_for_terminals() -> None:
    assert COLOURS.search(on_a_terminal("predict", "--help"))
    assert not COLOURS.search(on_a_terminal("predict", "--help", NO_COLOR="1"))
    assert "\x1b" not in syncnas("predict", "--help", GITHUB_ACTIONS="true").stdout


def test_panels_put_the_common_first_and_the_phone_and_the_expert_apart() -> None:
    said = syncnas("profile", "--help", COLUMNS="100").stdout
    panels = re.findall(r"^╭─ (.*?) ─", said, re.MULTILINE)
    assert panels[0] == "Options"
    assert {"The phone", "For experts"} <= set(panels)
    common = said[: said.index("╭─ The phone")]
    assert "--out" in common
    assert "--steady" not in common


@pytest.mark.parametrize("name", COMMANDS)
def test_paragraphs_are_wrapped_to_the_window_and_not_where_the_code_is(name: str) -> None:
    assert all("\n" not in paragraph for paragraph in command_of(name).help.split("\n\n"))
