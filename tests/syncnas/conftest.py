"""A folder in which the page on Python has been carried out, for all tests that need what it has measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pages import REPOSITORY, fenced

PAGE = REPOSITORY / "docs" / "reference" / "python.md"


@contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    """Makes it the current folder for a while: paths on the page are relative."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Page:
    """The page's examples, carried out one after the other in one namespace, as a reader does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def carry_out(self) -> None:
        with in_folder(self.folder):
            for number, code in enumerate(fenced(PAGE, "python")):
                exec(compile(code, f"python.md, example {number}", "exec"), self.names)


@pytest.fixture(scope="session")
def page(runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page after all of its examples."""
    assert runner.is_file()
    made = Page(tmp_path_factory.mktemp("page"))
    made.carry_out()
    return made


@pytest.fixture(scope="session")
def lut(page: Page) -> Path:
    """Tables of micro_v2, measured by the page; not to be changed."""
    return page.folder / "luts" / "local"
