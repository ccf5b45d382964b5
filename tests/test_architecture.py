"""The page on architecture is whole: every step of a sample's walk names a function (test_docs.py looks for it), no folder is left out."""

from __future__ import annotations

import re

from tests.pages import REPOSITORY, functions_in, text_of

PAGE = REPOSITORY / "docs" / "explanation" / "architecture.md"
STEPS = 20


def walk() -> str:
    """The section on the walk of a sample."""
    return text_of(PAGE).split("\n## The walk of a sample\n")[1].split("\n## ")[0]


def test_the_walk_has_all_its_steps() -> None:
    assert re.findall(r"^(\d+)\. ", walk(), re.MULTILINE) == [str(number) for number in range(1, STEPS + 1)]


def test_every_step_names_a_function() -> None:
    steps = re.split(r"^\d+\. ", walk(), flags=re.MULTILINE)[1:]
    assert all(functions_in(step) for step in steps)


def test_every_folder_of_the_package_has_its_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", text_of(PAGE), re.MULTILINE))
    folders = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")}
    assert rows == folders
