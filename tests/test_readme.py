"""What the README says can be done."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from collab import config as configs

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m (\S+) (.*)$", README, re.MULTILINE)


def test_the_example_config_is_one() -> None:
    [text] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    config = configs.parse(text)
    assert config.strategy == "ca"
    assert config.stem.in_size == 64


@pytest.mark.parametrize(("module", "arguments"), COMMANDS)
def test_commands_and_their_options_are_there(module: str, arguments: str) -> None:
    import typer

    command = typer.main.get_command(importlib.import_module(module).app)
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", arguments)) <= known


def test_there_are_commands_to_test() -> None:
    assert len(COMMANDS) >= 5


def test_what_is_linked_is_there() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or target in anchors or (Path(__file__).parent.parent / target).exists(), target
