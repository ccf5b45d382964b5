"""Explains the toolkit's own words where they stand: the first of each on a page shows its meaning, out of the table of terms."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

TERMS = Path(__file__).parents[1] / "reference" / "terms.md"
EVERYDAY = {
    "path",
    "wait",
    "base",
    "layer",
    "share",
    "width",
    "phase",
    "visit",
    "round",
    "job",
    "call",
    "load",
    "run",
    "sample",
    "gate",
    "claim",
}
"""Terms that pages also use in their everyday sense, where an explanation would mislead."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with abbreviations appended, which become tooltips."""
    return markdown if page.file.src_uri == "reference/terms.md" else f"{markdown}\n\n{abbreviations()}\n"


def on_page_content(content: str, **_: Any) -> str:
    """The page with a tooltip at the first place of each term only: a page full of dotted lines is hard to read."""
    seen: set[str] = set()

    def first(found: re.Match[str]) -> str:
        title = found["title"]
        if title in seen:
            return found["word"]
        seen.add(title)
        return found[0]

    return re.sub(r'<abbr title="(?P<title>[^"]*)">(?P<word>[^<]*)</abbr>', first, content)


def abbreviations() -> str:
    """All terms that are explained, in the singular and the plural."""
    lines = [line for line in TERMS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    meanings = {word.strip(): row[1] for row in cells if row[0] != "word" and not row[0].startswith("---") for word in row[0].split(",")}
    return "\n".join(
        f"*[{form}]: {html.escape(re.sub(r'[`*]', '', meaning), quote=True)}"
        for word, meaning in meanings.items()
        if word not in EVERYDAY and word.isascii()
        for form in (word, _plural(word))
    )


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("gy") else f"{word}s"
