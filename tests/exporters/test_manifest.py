"""Manifests as documents: what docs/reference/formats.md promises, from entries to JSON and back."""

from __future__ import annotations

import json

import pytest

from exporters.manifest import FORMAT, FileEntry, InputEntry, Manifest, SegmentEntry
from exporters.manifest_file import parse_manifest

DIGEST = "0" * 64


def made(**changes: object) -> Manifest:
    segment = SegmentEntry(
        name="cpu0.0",
        unit="cpu0",
        blocks=("add_8_4x2",),
        inputs=(InputEntry("in0", (1, 8, 8, 4), "input"), InputEntry("in1", (1, 8, 8, 4), "input")),
        output_shape=(1, 8, 8, 4),
        model=FileEntry("segments/cpu0.0.tflite", DIGEST),
        model_bytes=99,
        **changes,  # type: ignore[arg-type]
    )
    return Manifest(
        model="m",
        config=FileEntry("config.json", DIGEST),
        placement="0=cpu0,stem=all,head=0",
        units=("cpu0",),
        segments=(segment,),
        input=FileEntry("reference_input.f32", DIGEST),
        input_shape=(1, 8, 8, 4),
        output=FileEntry("reference_output.f32", DIGEST),
        output_shape=(1, 8, 8, 4),
        output_segment="cpu0.0",
        computed_by="x",
    )


def test_a_document_has_the_formats_keys_in_their_order() -> None:
    document = made().to_document()
    assert list(document) == ["format", "model", "config", "dtype", "placement", "units", "segments", "input", "output"]
    assert document["format"] == FORMAT
    [segment] = document["segments"]
    assert list(segment) == ["name", "unit", "blocks", "inputs", "output", "model", "sha256", "bytes"]
    assert segment["inputs"][1] == {"name": "in1", "shape": [1, 8, 8, 4], "from": "input"}


@pytest.mark.parametrize("onnx", [None, FileEntry("segments/cpu0.0.onnx", "f" * 64)])
def test_it_is_read_back_to_an_equal_manifest(onnx: FileEntry | None) -> None:
    manifest = made(onnx=onnx)
    document, read = parse_manifest(json.dumps(manifest.to_document()), origin="made")
    assert (document, read) == (manifest.to_document(), manifest)


def test_all_files_are_listed_once() -> None:
    files = [entry.file for entry in made(onnx=FileEntry("segments/cpu0.0.onnx", DIGEST)).files]
    assert files == ["config.json", "segments/cpu0.0.tflite", "segments/cpu0.0.onnx", "reference_input.f32", "reference_output.f32"]
