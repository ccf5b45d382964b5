"""The command as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph.reading import read_network
from tests.graph.samples import samples, written

pytestmark = pytest.mark.slow


def run(*arguments: object, status: int = 0) -> str:
    command = [sys.executable, "-m", "graph.cut", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if status == 0 else result.stderr


@pytest.fixture(name="model")
def file_of_a_model(tmp_path: Path) -> Path:
    return written(tmp_path, samples()["residual"])


def test_blocks_are_printed_and_written(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "blocks"
    text = run(model, "--grain", 0, "--out", out, "--check")
    assert "7 operators" in " ".join(text.split())
    assert "conv2d" in text
    assert "to the bit" in text
    document = json.loads((out / "blocks.json").read_text())
    files = [block["file"] for block in document["blocks"]]
    assert len(files) > 1
    assert {path.name for path in out.glob("*.tflite")} == set(files)
    for block in document["blocks"]:
        read = read_network(out / block["file"])
        assert [operator.name for operator in read.operators] == block["operators"]
    assert document["check"] == {"equal": True, "outputs": [{"tensor": document["outputs"][0]["tensor"], "equal": True}]}


def test_json(model: Path) -> None:
    document = json.loads(run(model, "--json"))
    assert document["schema_version"] == 1
    assert [block["label"] for block in document["blocks"]] == ["conv2d..softmax 5"]
    assert "check" not in document


def test_mistakes_are_one_sentence(model: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path / "missing.tflite",), "cannot be read"),
        ((written(tmp_path, b"x" * 100, "none.tflite"),), "is no TFLite model"),
        ((model, "--grain", -1), "--grain -1"),
        ((model, "--out", tmp_path), "is not empty"),
    ):
        error = run(*arguments, status=2)
        assert said in error
        assert len(error.splitlines()) == 1
