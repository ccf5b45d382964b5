"""The table of all commands: what it says of each is what the command says of itself, and none is forgotten."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import groupby

import pytest

from collab.errors import ConfigError
from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY
from tests.syncnas.commands import command_of, syncnas

FOLDERS = ("lut", "exporters", "graph", "android_harness", "search", "profiler", "report")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_by_the_first_sentence_of_its_own_help(name: str) -> None:
    assert command_of(name).help.split("\n\n")[0] == COMMANDS[name].summary


def test_every_command_of_the_toolkit_is_listed() -> None:
    files = [path for folder in FOLDERS for path in (REPOSITORY / folder).glob("*.py")]
    commands = {f"{path.parent.name}.{path.stem}" for path in files if re.search(r"^app = make_app\(", path.read_text(), re.MULTILINE)}
    assert commands == {listed.module for listed in COMMANDS.values()}
    assert all(find_spec(module) for module in commands)


def test_groups_are_listed_whole() -> None:
    groups = [group for group, _ in groupby(listed.group for listed in COMMANDS.values())]
    assert len(set(groups)) == len(groups)


def test_help_lists_all_commands_and_exit_codes_and_imports_none() -> None:
    code = "import sys; sys.argv = ['syncnas', '--help']\ntry:\n    import syncnas.commands; syncnas.commands.main()\n"
    code += "finally:\n    print(*(name for name in sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=REPOSITORY)
    for name, listed in COMMANDS.items():
        assert re.search(rf"^│ {name} +{listed.summary[:30]}", done.stdout, re.MULTILINE), name
    assert re.search(r"^ +130 +stopped by Ctrl-C", done.stdout, re.MULTILINE)
    imported = set(done.stderr.split())
    assert "syncnas.group" in imported
    assert not imported & {"numpy", "msgspec", "pandas", "torch", *(listed.module for listed in COMMANDS.values()), *FOLDERS}


def test_a_command_does_the_same_under_both_names() -> None:
    one = syncnas("predict", "--lut", "nowhere", "--model", "mobilenet_v2")
    other = subprocess.run(
        [sys.executable, "-m", "lut.predict", "--lut", "nowhere", "--model", "mobilenet_v2"], capture_output=True, text=True, check=False
    )
    hint, as_called = "syncnas profile --out nowhere\n", "python -m profiler.run --out nowhere\n"
    assert one.stderr.endswith(f"make tables with: {hint}")
    assert (one.returncode, one.stderr.replace(hint, as_called)) == (other.returncode, other.stderr)
    assert one.returncode == 2
    assert "nowhere" in one.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_value_is_refused_as_it_would_be_the_present_folder(name: str) -> None:
    taking = [parameter for parameter in command_of(name).params if not getattr(parameter, "is_flag", False)]
    for option in (each for parameter in taking if parameter.param_type_name == "option" for each in parameter.opts):
        for words in ([option, ""], [option, " "], *([[f"{option}="]] if option.startswith("--") else [])):
            with pytest.raises(ConfigError, match=f"^{option} is empty; give it a value"):
                command_of(name).make_context(name, words)
    if any(parameter.param_type_name == "argument" for parameter in taking):
        with pytest.raises(ConfigError, match="an argument is empty"):
            command_of(name).make_context(name, [""])
