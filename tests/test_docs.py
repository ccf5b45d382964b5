"""Every command line, option and link of the README and the other pages is a real one."""

from __future__ import annotations

import importlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand

from collab import config as configs
from syncnas.commands import COMMANDS
from syncnas.group import make_group
from tests.pages import PAGES, README, REPOSITORY, anchors, command_lines, fenced, functions_in, inline_code, links, text_of

OTHERS_OPTIONS = {"--library-path", "--version"}
"""Options that pages name and that are other programs': the loader's of glibc, the runner's."""
MODULES = {listed.module for listed in COMMANDS.values()}


@cache
def command_of(module: str) -> TyperCommand:
    found = typer.main.get_command(importlib.import_module(module).app)
    assert isinstance(found, TyperCommand)
    return found


def options_of(command: TyperCommand) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts) if option.startswith("--")}


def own_options() -> set[str]:
    """Options of ``syncnas`` itself, before the name of a command."""
    return {option for parameter in typer.main.get_command(make_group(COMMANDS)).params for option in parameter.opts} | {"--help"}


def lines_of(*first_words: str) -> list[object]:
    """The command lines of all pages that begin so, with the page as the test's name."""
    count = len(first_words)
    return [
        pytest.param(line[count:], id=f"{page.relative_to(REPOSITORY)}: {' '.join(line[count:])[:60]}")
        for page in PAGES
        for line in command_lines(page)
        if tuple(line[:count]) == first_words
    ]


@pytest.mark.parametrize("words", lines_of("python", "-m"))
def test_modules_exist_and_their_options_parse(words: list[str]) -> None:
    module, *arguments = words
    if module in MODULES and arguments:
        # All that a user's command line goes through but the command itself: options, their types and bounds, and what is required.
        command_of(module).make_context(module, list(arguments))
    elif not module.isupper():
        assert find_spec(module) is not None


@pytest.mark.parametrize("words", lines_of("syncnas"))
def test_names_of_commands_exist(words: list[str]) -> None:
    name, *arguments = words
    if name.startswith("--"):
        assert name in own_options()
        return
    if name.isupper():
        return
    command = command_of(COMMANDS[name].module)
    # A command that is only spoken of needs no arguments.
    if arguments:
        command.make_context(name, list(arguments))


@pytest.mark.parametrize("words", lines_of("make"))
def test_targets_exist(words: list[str]) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {word for word in words if "=" not in word} <= targets


@pytest.mark.parametrize("words", lines_of("pip", "install"))
def test_extras_exist(words: list[str]) -> None:
    options = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8").split("[options.extras_require]")[1].split("\n[")[0]
    extras = set(re.findall(r"^([a-z]+) =", options, re.MULTILINE))
    named = {extra for word in words for found in re.findall(r"\.\[(.*)\]", word) for extra in found.split(",")}
    assert named <= extras


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_options_that_are_named_exist(page: Path) -> None:
    known = set[str]().union(*(options_of(command_of(module)) for module in MODULES)) | own_options() | OTHERS_OPTIONS
    code = [text for text in inline_code(page) if not text.startswith(("pytest", "pip", "apt-get", "git"))]
    named = {option for text in code for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_what_is_linked_is_there(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_functions_are_where_pages_say(page: Path) -> None:
    for link, function in functions_in(text_of(page)):
        code = (page.parent / link).read_text(encoding="utf-8")
        missing = [name for name in re.split(r"\.|::", function) if not re.search(rf"\b{name}\b", code)]
        assert not missing, f"{link} has no {function}"


def test_pages_that_the_code_names_are_there() -> None:
    folders = sorted({module.partition(".")[0] for module in MODULES} | {"collab", "benchmarks", "release", "tests"})
    files = [file for folder in folders for file in (REPOSITORY / folder).rglob("*.py") if "build" not in file.parts]
    named = [(file, page) for file in files for page in re.findall(r"\bdocs/[\w/-]+\.md\b", file.read_text(encoding="utf-8"))]
    assert len(named) > 10
    assert [f"{file.relative_to(REPOSITORY)} names {page}" for file, page in named if not (REPOSITORY / page).is_file()] == []


def test_the_example_config_is_one() -> None:
    [text] = fenced(REPOSITORY / "docs" / "how-to" / "models.md", "json")
    config = configs.parse(text)
    assert config.strategy == "ca"
    assert config.stem.in_size == 64


def test_there_are_commands_to_test() -> None:
    assert len([*lines_of("python", "-m"), *lines_of("syncnas")]) >= 100
    assert len([line for line in command_lines(README) if line[0] == "syncnas"]) >= 5
    assert ["python", "-m", "profiler.run"] in [line[:3] for line in command_lines(README)]
