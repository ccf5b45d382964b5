"""The table of terms holds: in the folders below, identifiers and docstrings use none of the words that a term stands instead of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDERS = ("lut", "collab", "graph", "exporters", "android_harness", "profiler", "search", "syncnas/api", "report", "benchmarks")
"""Folders whose words are settled."""

ROOT = Path(__file__).parent.parent
TERMS = ROOT / "docs" / "reference" / "terms.md"
COLUMNS = ["word", "meaning", "where it shows", "instead of", "stays"]


def rows() -> list[list[str]]:
    """All rows of the tables of terms, cell by cell, without headings."""
    lines = [line for line in TERMS.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == len(COLUMNS) for row in cells), [row for row in cells if len(row) != len(COLUMNS)]
    return [row for row in cells if row != COLUMNS and not row[0].startswith("---")]


DANGLING = tuple(f"{word} " for word in ("What", "How", "Where", "When", "Which", "So", "Of", "The same", "All that", "As"))

RETIRED = {word.strip(): row[0] for row in rows() for word in row[3].split(",") if word.strip()}
"""Each word that is not used, with the term that stands for it."""
STAYING = {name for row in rows() for name in re.findall(r"`([^`]+)`", row[4])}


def spelled(identifier: str) -> str:
    """``TransferRow`` and ``transfer_row`` as ``transfer row``."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", identifier)).lower()


def words_in(text: str) -> Iterator[str]:
    """The retired words in a text, whole, in the singular or the plural."""
    for word in RETIRED:
        if re.search(rf"\b{word}(?:s|es|d|ed|red|ring)?\b", text):
            yield word


def retired_identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.keyword):
            names = [node.arg or ""]
        for name in names:
            if name.strip("_") not in STAYING and any(words_in(spelled(name))):
                yield getattr(node, "lineno", 0), name


def retired_in_docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Docstrings are texts that stand alone; what is in backticks in them is a name of code or of a format."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose = re.sub(r"``[^`]*``|`[^`]*`", "", node.value.value).lower()
            for name in STAYING - {name for name in STAYING if name.isalpha()}:
                prose = prose.replace(name.lower(), "")
            for word in words_in(prose):
                yield node.lineno, word


def found_in(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [*retired_identifiers(tree), *retired_in_docstrings(tree)]
    return [f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in sorted(set(found))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_retired_word_is_used(folder: str) -> None:
    assert [line for path in sorted((ROOT / folder).rglob("*.py")) for line in found_in(path)] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_begin_with_what_comes_out(folder: str) -> None:
    """With a verb, or with the name of what a thing is; not with a clause that leaves the reader to find out which word it hangs on."""
    found = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: {first}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module))
        if (first := (ast.get_docstring(node) or "").split("\n")[0].strip()).startswith(DANGLING)
    ]
    assert found == []


def test_every_term_has_a_meaning_and_stands_once() -> None:
    words = [word.strip() for row in rows() for word in row[0].split(",")]
    assert len(words) > 30
    assert len(set(words)) == len(words)
    assert all(row[1] for row in rows())
    assert not set(words) & set(RETIRED), "a word cannot be a term and retired"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("class TransferRow: pass", ["TransferRow"]),
        ("def f(exchange_us): return _transfers_left", ["_transfers_left", "exchange_us"]),
        ("tables.transfers = meta.transfer_fits", []),
        ('"""Costs of transfers, and of ``transfer_fits``."""', ["transfer"]),
        ('X = 1\n"""A handoff\'s size; squeeze-and-excitation; `exchange`."""', ["handoff"]),
        ('say("a transfer")', []),
    ],
)
def test_the_test_finds_them(code: str, found: list[str]) -> None:
    tree = ast.parse(code)
    assert sorted(what for _, what in [*retired_identifiers(tree), *retired_in_docstrings(tree)]) == found
