"""The exporter as a user runs it: formats, routes, weights, and mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from collab.networks import weights
from collab.variants import collaborative
from exporters.checking import MAX_ERROR, relative_error
from exporters.manifests.manifest import Manifest
from exporters.manifests.reading import load_manifest
from exporters.references import read_tensor
from tests.models import tiny

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

MODEL = collaborative(tiny(), "nca")


def run(*arguments: object, status: int = 0) -> str:
    command = [sys.executable, "-m", "exporters.run", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if status == 0 else result.stderr


@pytest.fixture(name="model")
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    path.write_text(MODEL.to_json())
    return path


def exported(model: Path, out: Path, *arguments: object) -> tuple[Manifest, np.ndarray]:
    run("--model", model, "--out", out, *arguments)
    manifest = load_manifest(out)
    return manifest, read_tensor(out / manifest.outputs[0].file, manifest.outputs[0].type)


def test_formats_and_routes_agree(model: Path, tmp_path: Path) -> None:
    plain, expected = exported(model, tmp_path / "plain")
    assert all(segment.model and not segment.onnx for segment in plain.segments)
    both, with_onnx = exported(model, tmp_path / "both", "--format", "both")
    assert all(segment.model and segment.onnx for segment in both.segments)
    assert (with_onnx == expected).all()
    only, by_onnx = exported(model, tmp_path / "onnx", "--format", "onnx")
    assert all(segment.onnx and not segment.model for segment in only.segments)
    assert only.computed_by.startswith("onnxruntime ")
    assert relative_error(by_onnx, expected) <= MAX_ERROR
    _, by_litert_torch = exported(model, tmp_path / "lt", "--route", "litert-torch")
    assert relative_error(by_litert_torch, expected) <= MAX_ERROR


def test_weights_of_a_checkpoint_are_taken(model: Path, tmp_path: Path) -> None:
    from collab.networks.network import from_weights

    other = weights.seeded(MODEL, seed=5)
    np.savez(tmp_path / "w.npz", **other)
    torch.save(from_weights(MODEL, other).state_dict(), tmp_path / "w.pth")
    _, seeded = exported(model, tmp_path / "s")
    _, from_npz = exported(model, tmp_path / "n", "--weights", tmp_path / "w.npz")
    _, from_pth = exported(model, tmp_path / "p", "--weights", tmp_path / "w.pth")
    assert (from_npz == from_pth).all()
    assert relative_error(from_npz, seeded) > 100 * MAX_ERROR


def test_what_it_prints_and_gives_as_json(model: Path, tmp_path: Path) -> None:
    said = json.loads(run("--model", model, "--out", tmp_path / "b", "--placement", "0=cpu1,1=cpu0,stem=1", "--json"))
    assert said["placement"] == "0=cpu1,1=cpu0,stem=1,head=0"
    assert [segment["name"] for segment in said["segments"]] == ["cpu0.0", "cpu1.0", "cpu0.1", "cpu1.1", "cpu0.2", "cpu1.2"]
    text = run("--model", model, "--out", tmp_path / "b")
    assert "cpu0.2" in text
    assert f"Bundle: {tmp_path / 'b'}" in text.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--format", "caffe"], "one of tflite, onnx, both"),
        (["--route", "magic"], "one of direct, litert-torch"),
        (["--placement", "0=cpu0,1=cpu0"], "two branches on one unit"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
    ],
)
def test_a_users_mistake_is_a_sentence(model: Path, tmp_path: Path, arguments: list[str], reason: str) -> None:
    error = run("--model", model, "--out", tmp_path / "b", *arguments, status=2)
    assert error.startswith("error: ")
    assert reason in error
    assert not (tmp_path / "b").exists()


def test_weights_of_another_model_are_refused(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **weights.seeded(tiny()))
    error = run("--model", model, "--out", tmp_path / "b", "--weights", tmp_path / "w.npz", status=2)
    assert "is it a checkpoint of this very config?" in error
