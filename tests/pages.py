"""The pages of the documentation, and what they name: commands, options, links, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
README = REPOSITORY / "README.md"
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / ".github").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PROMPT = ("python -m ", "make ", "pip install ", "syncnas ")


def text_of(page: Path) -> str:
    """The page as it is."""
    return page.read_text(encoding="utf-8")


def fenced(page: Path, language: str) -> list[str]:
    """The fenced blocks of that language; an empty one is that of command lines and what they print."""
    return [block for said, block in _FENCE.findall(text_of(page)) if said == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def inline_code(page: Path) -> list[str]:
    """All that stands between single backticks, on one line."""
    return [" ".join(code.split()) for code in _INLINE.findall(prose(page))]


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words of every command line, be it in a block or in the text, without comments."""
    lines = [line for block in fenced(page, "") + fenced(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *inline_code(page)]:
        if line.strip().startswith(_PROMPT):
            yield shlex.split(line.strip(), comments=True)


def links(page: Path) -> list[str]:
    """The targets of all links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def functions_in(text: str) -> list[tuple[str, str]]:
    """What a text says of code: "[`file.py`](link), `name`" as the link and the name, be it of a class, a function or a constant."""
    return re.findall(r"\[`[^`]+`\]\(([^)]+)\),\s+`([\w.:]+)`", text)
