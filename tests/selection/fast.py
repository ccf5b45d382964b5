"""``pytest --fast``: only tests that need neither a phone nor an extra (torch, ONNX, Ray ...) and that are not marked as slow."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = {"torch", "onnx", "onnxruntime", "onnxscript", "litert_torch", "tensorflow", "ray", "sklearn", "matplotlib"}
"""Packages that the base install does not bring."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what needs a phone or an extra, and tests marked as slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds, or needs an extra in the middle of the test; left out by --fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not config.getoption("--fast"):
        return None
    is_phone = collection_path == ROOT / "tests" / "phone"
    return True if is_phone or (collection_path.suffix == ".py" and needs_extra(collection_path)) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@cache
def needs_extra(path: Path) -> bool:
    """Whether a module imports an extra when it is imported, by itself or by what it imports."""
    return any(name.split(".")[0] in EXTRAS or any(map(needs_extra, _files(name))) for name in _imported(path))


def _imported(path: Path) -> set[str]:
    """Names of modules that are imported at the top of a file; a member may be a module too."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _files(name: str) -> list[Path]:
    """The file of a module of this repository; none for others."""
    place = ROOT.joinpath(*name.split("."))
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
