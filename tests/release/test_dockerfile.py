"""The image for reviewers, as far as it can be read: what it copies is there, it ends as a user without rights, and its commands exist."""

from __future__ import annotations

import json
import re

import typer

from android_harness.build import app as build
from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY

LINES = re.sub(r"\\\n\s*", "", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")).splitlines()


def of(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_it_has_two_stages_and_the_last_has_neither_sources_nor_a_compiler() -> None:
    first, second = of("FROM")
    assert first == f"{second} AS build"
    assert of("COPY") == [". .", "--from=build /wheels /wheels"]
    last = LINES[len(LINES) - LINES[::-1].index(f"FROM {second}") :]
    assert not any("g++" in line for line in last)


def test_it_runs_a_command_of_ours_as_a_user_without_rights() -> None:
    assert of("USER") == ["1000"]
    assert of("ENTRYPOINT") == [json.dumps(["/opt/syncnas/bin/syncnas"])]
    assert json.loads(of("CMD")[0])[0] in COMMANDS


def test_the_commands_of_the_toolkit_in_it_parse() -> None:
    commands = [words.split() for line in of("RUN") for words in re.findall(r"-m android_harness\.build ([^&]*)", line)]
    assert commands == [["--prebuilt"]]
    for words in commands:
        typer.main.get_command(build).make_context("build", words)


def test_nothing_built_gets_in() -> None:
    left_out = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "android_harness/runner/build", "android_harness/prebuilt"} <= set(left_out)
