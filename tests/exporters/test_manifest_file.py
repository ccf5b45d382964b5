"""Manifests: read when they are whole, refused with field and reason when not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collab import config as configs
from collab.errors import ExportError
from collab.placement import parse_placement
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from exporters.manifests.reading import load_manifest

BASE = configs.load("mini_v2")


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
        ("format", 3, "format is 3; this version reads 1 and 2"),
        ("segments.0.inputs.0.dtype", "float64", "dtype must be one of float32"),
        ("segments.2.inputs.0.dtype", "int8", r"is int8 .*, but cpu0\.0 gives float32"),
        ("segments.2.inputs.0.output", 1, "cpu0.0 gives no tensor of number 1"),
        ("segments.0.inputs.0.output", 1, "input gives no tensor of number 1"),
        ("segments.0.inputs.0.shape", [1, 1], "input gives"),
        ("segments.0.outputs", [], r"segments\[0\]\.outputs: expected a list of (at least )?length (>= )?1"),
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
        ("outputs.0.segment", "nowhere", "names no segment"),
        ("outputs.0.segment", "input", "names no segment"),
        ("outputs.0.output", 3, "gives no tensor of number 3"),
        ("outputs.0.shape", [1], "gives float32"),
        ("outputs.0.shape", [0], r"outputs\[0\]\.shape\[0\]: expected a whole number >= 1"),
        ("inputs", None, "list"),
        ("network", {"file": "network.tflite", "sha256": "0" * 64}, "a config and a placement, or a network and a plan"),
        ("placement", "", r"placement: expected"),
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
