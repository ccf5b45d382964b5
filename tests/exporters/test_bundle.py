"""Bundles: equal to torch, reproducible, and put where no file of the user's is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collab import config as configs
from collab.errors import ExportError
from collab.model import ModelConfig
from collab.networks import weights as weights_module
from collab.placement import parse_placement
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.checking import relative_error
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import load_manifest
from exporters.references import read_tensor

torch = pytest.importorskip("torch")
BASE = configs.load("mini_v2")
TOLERANCE = 1e-4


def torch_output(config: ModelConfig, image: np.ndarray) -> np.ndarray:
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
    image = read_tensor(tmp_path / "b" / manifest.inputs[0].file, manifest.inputs[0].type)
    output = read_tensor(tmp_path / "b" / manifest.outputs[0].file, manifest.outputs[0].type)
    expected = torch_output(config, image)
    assert expected.std() > 0.1, "logits must vary for the comparison to mean anything"
    assert relative_error(output, expected) <= TOLERANCE


@pytest.mark.parametrize("strategy", ["ccccccc", "aaaaaaa", "ncancac", "nnnnnnc"])
@pytest.mark.parametrize("branches", [2, 3])
def test_any_strategy_with_any_number_of_branches_equals_torch(strategy: str, branches: int, tmp_path: Path) -> None:
    config = collaborative(BASE, strategy, branches=branches)
    manifest = write_bundle(config, parse_placement("head=1", branches=branches), tmp_path / "b")
    image = read_tensor(tmp_path / "b" / manifest.inputs[0].file, manifest.inputs[0].type)
    output = read_tensor(tmp_path / "b" / manifest.outputs[0].file, manifest.outputs[0].type)
    assert relative_error(output, torch_output(config, image)) <= TOLERANCE


@pytest.mark.parametrize("format", ["tflite", "both"])
def test_every_model_that_is_made_is_counted(format: str, tmp_path: Path) -> None:
    if format == "both":
        pytest.importorskip("onnxscript")
    counted: list[tuple[int, int]] = []
    config = collaborative(BASE, "nnnnnnc")
    manifest = write_bundle(
        config, parse_placement("", branches=2), tmp_path / "b", format=format, on_progress=lambda *numbers: counted.append(numbers)
    )
    total = len(manifest.segments) * (2 if format == "both" else 1)
    assert counted == [(done, total) for done in range(total + 1)]


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
