"""The house as docs/explanation/architecture.md draws it: imports go down only, folders and files stay small enough to find things in."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"
MOST_FILES = 15
MOST_LINES = 400
CROWDED = {"profiler"}
"""Folders that may hold more files: each verb of the profiler is one."""
FREE = "tests"
"""The folder that may import from all others."""
COMMANDS = " commands"
"""Marks the room of a folder's commands, which lie at its top beside nothing that imports them."""


@cache
def rules() -> dict[str, frozenset[str]]:
    """Each room's rooms below it: the rows ``| `room` | may import |`` of the table of layers."""
    found: dict[str, frozenset[str]] = {}
    for line in ARCHITECTURE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 2 and re.fullmatch(r"`[\w.]+`( commands)?", cells[0]):
            found[cells[0].replace("`", "")] = frozenset(re.findall(r"`([\w.]+)`", cells[1]))
    assert found, "docs/explanation/architecture.md has no table of layers"
    return found


@cache
def modules() -> dict[str, Path]:
    """Every module of the product."""
    found = {}
    for top in sorted({room.split(".")[0].split(" ")[0] for room in rules()}):
        for path in (ROOT / top).rglob("*.py"):
            if "runner" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """All modules of the product that one imports, anywhere in it."""
    known, found = modules(), set()
    for node in ast.walk(ast.parse(known[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= members & known.keys() or {node.module}
            found |= {node.module} if members - known.keys() else set()
    return frozenset(name for name in found & known.keys() if name != module)


def room_of(module: str) -> str:
    """The room that a module lies in: the longest name in the table, and `COMMANDS` of it for a command."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    room = next((name for name in names if name in rules()), "")
    assert room, f"{module} lies in no room of docs/explanation/architecture.md"
    if f"{room}{COMMANDS}" in rules() and re.search(r"^app = make_app\(", modules()[module].read_text(encoding="utf-8"), re.MULTILINE):
        return f"{room}{COMMANDS}"
    return room


@cache
def below(room: str) -> frozenset[str]:
    """All rooms that one may import from: those of its row, and those that these may import from."""
    return rules()[room].union(*(below(other) for other in rules()[room]))


def test_imports_go_down() -> None:
    pairs = [(module, other) for module in modules() if room_of(module) != FREE for other in imports(module)]
    upward = [
        f"{module} ({room_of(module)}) imports {other} ({room_of(other)})"
        for module, other in pairs
        if room_of(other) not in {room_of(module), *below(room_of(module))}
    ]
    assert not upward, "\n".join(upward)


def test_no_rule_is_idle_or_circular() -> None:
    """Every rule of the table is used, and rooms form no cycle."""
    used = {(room_of(module), room_of(other)) for module in modules() for other in imports(module)}
    idle = [f"{room} may import {other}" for room, others in rules().items() for other in others if (room, other) not in used]
    assert not idle, "\n".join(idle)
    assert not list(cycles({room: set(others) for room, others in rules().items()}))


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = list(cycles({module: set(imports(module)) for module in modules()}))
    assert not found, "\n".join(" -> ".join(circle) for circle in found)


def cycles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """A circle for each node that is found to lie on one, depth first."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> Iterator[list[str]]:
        if node in path:
            yield [*path[path.index(node) :], node]
        elif node not in done:
            for below in sorted(graph[node]):
                yield from visit(below, [*path, node])
            done.add(node)

    for node in sorted(graph):
        yield from visit(node, [])


def source_files() -> list[Path]:
    suffixes = {".py", ".cc", ".h"}
    tops = {ROOT / module.split(".")[0] for module in modules()}
    built = ROOT / "android_harness" / "runner" / "build"
    return [path for top in sorted(tops) for path in top.rglob("*") if path.suffix in suffixes and built not in path.parents]


def test_no_folder_is_crowded() -> None:
    count = Counter((path.parent, path.suffix) for path in source_files() if path.name != "__init__.py")
    crowded = {
        f"{folder.relative_to(ROOT)}: {number} files {suffix}"
        for (folder, suffix), number in count.items()
        if number > MOST_FILES and folder.name not in CROWDED
    }
    assert not crowded


@pytest.mark.parametrize("suffix", [".py", ".cc", ".h"])
def test_no_file_is_long(suffix: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files() if path.suffix == suffix}
    assert lengths
    assert not {f"{path.relative_to(ROOT)}: {lines}" for path, lines in lengths.items() if lines > MOST_LINES}
