"""The notebooks of the documentation run from their first cell to the last, on this machine's cores, and hold the outputs of such a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.pages import REPOSITORY

nbformat: Any = pytest.importorskip("nbformat", reason="the extra docs is not installed")
nbclient: Any = pytest.importorskip("nbclient", reason="the extra dev is not installed")

NOTEBOOKS = REPOSITORY / "docs" / "notebooks"
ORDER = ("profile", "search", "compare")
"""The first makes the tables which the others go on with."""
MOST_BYTES = 400_000
_LIMIT_S = 300
pytestmark = pytest.mark.slow


def read(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


def test_there_are_no_others() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_it_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    notebook = read(name)
    nbclient.NotebookClient(notebook, timeout=_LIMIT_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    saved = read(name)
    for cell, kept in zip(notebook.cells, saved.cells, strict=True):
        if cell.cell_type == "code":
            # What is on the page is what a run shows: as many outputs, of the same kinds.
            assert [sorted(output.get("data", {})) for output in cell.outputs] == [
                sorted(output.get("data", {})) for output in kept.outputs
            ]


@pytest.mark.parametrize("name", ORDER)
def test_it_holds_the_outputs_of_a_run(name: str) -> None:
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
    assert sum(bool(cell.outputs) for cell in code) >= len(code) / 2
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", ORDER)
def test_it_names_nothing_of_the_machine_it_ran_on(name: str) -> None:
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "/root" not in text
    assert "/tmp" not in text
    assert str(REPOSITORY) not in text
