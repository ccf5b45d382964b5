"""Bundles: equal to torch, reproducible, and checked when they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collab import config as configs
from collab.errors import ExportError
from collab.networks import weights as weights_module
from collab.placement import parse_placement
from collab.variants import collaborative
from exporters.bundle import read_f32, write_bundle
from exporters.checking import relative_error
from exporters.manifest import MANIFEST, load_manifest

torch = pytest.importorskip("torch")

BASE = configs.load("mini_v2")
TOLERANCE = 1e-4


def torch_output(config: configs.ModelConfig, image: np.ndarray) -> np.ndarray:
    from collab.networks.network import from_weights

    network = from_weights(config, weights_module.seeded(config))
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(image).permute(0, 3, 1, 2)))


@pytest.mark.parametrize(
    ("name", "placement"),
    [(name, placement) for name in configs.zoo_names() for placement in ("", "stem=0") if not placement or configs.load(name).branches > 1],
)
def test_segments_of_every_zoo_model_together_equal_the_torch_network(name: str, placement: str, tmp_path: Path) -> None:
    config = configs.load(name)
    manifest = write_bundle(config, parse_placement(placement, branches=config.branches), tmp_path / "b")
    image = read_f32(tmp_path / "b" / manifest.input.file, manifest.input_shape)
    output = read_f32(tmp_path / "b" / manifest.output.file, manifest.output_shape)
    expected = torch_output(config, image)
    assert expected.std() > 0.1, "logits must vary for the comparison to mean anything"
    assert relative_error(output, expected) <= TOLERANCE


@pytest.mark.parametrize("strategy", ["ccccccc", "aaaaaaa", "ncancac", "nnnnnnc"])
@pytest.mark.parametrize("branches", [2, 3])
def test_any_strategy_with_any_number_of_branches_equals_torch(strategy: str, branches: int, tmp_path: Path) -> None:
    config = collaborative(BASE, strategy, branches=branches)
    manifest = write_bundle(config, parse_placement("head=1", branches=branches), tmp_path / "b")
    image = read_f32(tmp_path / "b" / manifest.input.file, manifest.input_shape)
    output = read_f32(tmp_path / "b" / manifest.output.file, manifest.output_shape)
    assert relative_error(output, torch_output(config, image)) <= TOLERANCE


def test_exporting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    placement = parse_placement("stem=1", branches=2)
    for folder in ("a", "b"):
        write_bundle(collaborative(BASE, "ncnnnaa"), placement, tmp_path / folder)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert Path(MANIFEST) in files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_a_bundle_holds_what_its_manifest_lists_and_nothing_else(tmp_path: Path) -> None:
    write_bundle(BASE, parse_placement("", branches=1), tmp_path / "b")
    manifest = load_manifest(tmp_path / "b")
    listed = {entry.file for entry in manifest.files} | {MANIFEST}
    assert listed == {str(path.relative_to(tmp_path / "b")) for path in (tmp_path / "b").rglob("*") if path.is_file()}
    assert configs.load(tmp_path / "b" / "config.json").document == BASE.document


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ExportError, match="no bundle"):
        write_bundle(BASE, parse_placement("", branches=1), tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_an_earlier_bundle_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "b"
    write_bundle(collaborative(BASE, "aaaaaaa"), parse_placement("", branches=2), out)
    write_bundle(BASE, parse_placement("", branches=1), out)
    assert [path.name for path in (out / "segments").iterdir()] == ["cpu0.0.tflite"]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.fixture(name="bundle")
def small_bundle(tmp_path: Path) -> Path:
    write_bundle(collaborative(BASE, "nnnannc"), parse_placement("", branches=2), tmp_path / "b")
    return tmp_path / "b"


@pytest.mark.parametrize("file", ["segments/cpu0.1.tflite", "reference_output.f32", "config.json"])
def test_damaged_and_missing_files_are_named(bundle: Path, file: str) -> None:
    content = bytearray((bundle / file).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / file).write_bytes(content)
    with pytest.raises(ExportError, match=rf"{file} is damaged"):
        load_manifest(bundle)
    (bundle / file).unlink()
    with pytest.raises(ExportError, match=rf"{file} cannot be read"):
        load_manifest(bundle)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("format", 2, "format is 2"),
        ("dtype", "int8", "float32"),
        ("units", ["cpu0", "cpu0"], "different names"),
        ("segments", [], r"segments: expected a list of (at least )?length (>= )?1"),
        ("segments.0.unit", "gpu7", "not one of the bundle's units"),
        ("segments.1.name", "cpu0.0", "taken"),
        ("segments.0.model", "../../etc/passwd", "leads out"),
        ("segments.0.model", "/etc/passwd", "leads out"),
        ("segments.0.sha256", "0", "64 hexadecimal"),
        ("segments.0.bytes", -1, r"segments\[0\]\.bytes: expected a whole number >= 1"),
        ("segments.0.blocks", ["conv"], "no block key"),
        ("segments.2.inputs.0.from", "cpu9.9", "not an earlier segment"),
        ("segments.2.inputs.0.shape", [1, 1, 1, 4], "gives"),
        ("output.segment", "nowhere", "names no segment"),
        ("output.shape", [0], r"output\.shape\[0\]: expected a whole number >= 1"),
        ("input", None, "object"),
    ],
)
def test_manifests_that_cannot_be_are_refused(bundle: Path, path: str, value: Any, reason: str) -> None:
    document = json.loads((bundle / MANIFEST).read_text())
    *way, last = path.split(".")
    owner: Any = document
    for key in way:
        owner = owner[int(key)] if isinstance(owner, list) else owner[key]
    owner[int(last) if isinstance(owner, list) else last] = value
    (bundle / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(ExportError, match=reason):
        load_manifest(bundle)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 50_000])
def test_what_is_no_manifest_is_refused(bundle: Path, text: str) -> None:
    (bundle / MANIFEST).write_text(text)
    with pytest.raises(ExportError):
        load_manifest(bundle)
