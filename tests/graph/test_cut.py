"""The command as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph.reading import read_network
from tests.graph.sample import Sample
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
    (output,) = document["check"].pop("outputs")
    assert document["check"] == {"equal": True, "within_rounding": True}
    assert output == {"tensor": document["outputs"][0]["tensor"], "equal": True, "range": output["range"]}
    assert 0 < output["range"] <= 1, "of probabilities"


def test_json(model: Path) -> None:
    document = json.loads(run(model, "--json"))
    assert document["schema_version"] == 1
    assert [block["label"] for block in document["blocks"]] == ["conv2d..softmax 5"]
    assert "check" not in document


def test_a_split_is_told_and_checked(tmp_path: Path) -> None:
    sample = Sample()
    model = written(tmp_path, sample.bytes(sample.conv(sample.conv(sample.input((1, 8, 8, 8)), 16), 8)), "two.tflite")
    text = " ".join(run(model, "--split", "1,1", "--grain", 0, "--check").split())
    assert "Split 1:1: 2 operators in 1 stretch, put together by 1 sum and 0 joins." in text
    assert "to the bit" in text or "no more than sums in another order do" in text
    document = json.loads(run(model, "--split", "3,1", "--json"))
    (stretch,) = document["split"]["stretches"]
    assert [operator["part"] for operator in stretch["operators"]] == ["opens", "closes"]
    assert document["operators"] == 5


def test_mistakes_are_one_sentence(model: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path / "missing.tflite",), "cannot be read"),
        ((written(tmp_path, b"x" * 100, "none.tflite"),), "is no TFLite model"),
        ((model, "--grain", -1), "--grain -1"),
        *(((model, "--split", text), "2 to 16 positive numbers") for text in ("1", "1,x", "1,0", "nan,1", ",".join(["1"] * 17))),
        ((model, "--out", tmp_path), "is not empty"),
    ):
        error = run(*arguments, status=2)
        assert said in error
        assert len(error.splitlines()) == 1
