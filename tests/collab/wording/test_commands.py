"""Commands are named at one place, as the user has called this one."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.wording.commands import MODULES, command_named
from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY

FOLDERS = ("collab", "lut", "exporters", "android_harness", "search", "profiler", "report", "syncnas")
ONE_PLACE = "collab/wording/commands.py"


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yields all strings of a module that are no docstrings, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py")) if "runner" not in path.parts]


def test_commands_and_modules_are_the_same_everywhere() -> None:
    assert {name: listed.module for name, listed in COMMANDS.items()} == MODULES


def test_no_sentence_names_a_module() -> None:
    """Neither ``python -m profiler.run`` nor ``profiler.run``: who knows the one may not know the other."""
    modules = "|".join(map(re.escape, MODULES.values()))
    named = re.compile(rf"python3? -m (?!pip\b)|(?:^| )(?:{modules})\b(?!\()")
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {text}"
        for path in sources()
        for line, text in texts(path)
        if named.search(text) and " " in text and str(path.relative_to(REPOSITORY)) != ONE_PLACE
    ]
    assert found == []


def test_from_python_and_by_the_name_syncnas() -> None:
    assert command_named("deploy", "a bundle", "--runs", 3) == "syncnas deploy 'a bundle' --runs 3"
    with pytest.raises(KeyError):
        command_named("dance")


@pytest.mark.parametrize(
    ("started", "said"),
    [(["android_harness.doctor"], "python -m android_harness.devices"), (["syncnas", "doctor"], "syncnas devices")],
)
def test_as_this_command_was_called(started: list[str], said: str) -> None:
    command = [sys.executable, "-m", *started, "--device", "127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
    assert done.returncode == 3
    assert done.stderr.rstrip().endswith(f"See what is there with: {said}")


@pytest.mark.parametrize(
    ("started", "said"), [(["profiler.run"], "python -m android_harness.devices"), (["syncnas", "profile"], "syncnas devices")]
)
def test_profiles_side_by_side_name_commands_as_the_one_that_started_them(started: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", *started, "--device", "127.0.0.1:1", "--device", "x\n127.0.0.1:2", "--out", tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert len(lines) == 2, "a name with a line feed stays on its line"
    assert all(line.endswith(f"See what is there with: {said}") for line in lines)
