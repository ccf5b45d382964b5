"""Manifests as documents: what docs/reference/formats.md promises, from entries to JSON and back, in both formats."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from collab.errors import ExportError
from collab.schedule import Source
from collab.tensors.types import TensorType
from exporters.manifests.manifest import (
    FORMAT,
    FileEntry,
    InputEntry,
    Manifest,
    Origin,
    OutputEntry,
    OutputReference,
    Reference,
    SegmentEntry,
)
from exporters.manifests.reading import document_as_written, parse_manifest

DIGEST = "0" * 64
FEATURES = TensorType((1, 8, 8, 4))


def made(**changes: object) -> Manifest:
    segment = SegmentEntry(
        name="cpu0.0",
        unit="cpu0",
        blocks=("add_8_4x2",),
        inputs=(InputEntry("in0", FEATURES, Source("input")), InputEntry("in1", FEATURES, Source("input"))),
        outputs=(OutputEntry("out", FEATURES),),
        model=FileEntry("segments/cpu0.0.tflite", DIGEST),
        model_bytes=99,
        **changes,  # type: ignore[arg-type]
    )
    return Manifest(
        model="m",
        origin=Origin(FileEntry("config.json", DIGEST), "0=cpu0,stem=all,head=0"),
        units=("cpu0",),
        segments=(segment,),
        inputs=(Reference("reference_input.f32", DIGEST, FEATURES),),
        outputs=(OutputReference("reference_output.f32", DIGEST, FEATURES, Source("cpu0.0")),),
        computed_by="x",
    )


def of_a_network() -> Manifest:
    """Two segments; the second takes a scalar and bytes of the first, and each gives an output of the network."""
    number, values = TensorType((), "int64"), TensorType((3,), "int8")
    first = SegmentEntry(
        "cpu0.0",
        "cpu0",
        (f"opaque_{'a' * 32}_1-2-3_1x4_2x11",),
        (InputEntry("in0", TensorType((2,), "uint8"), Source("input", 1)),),
        (OutputEntry("out", number), OutputEntry("out1", values)),
        FileEntry("segments/cpu0.0.tflite", DIGEST),
        9,
    )
    second = SegmentEntry(
        "cpu1.0",
        "cpu1",
        (f"opaque_{'b' * 32}_1-2-3_2x11_1x8",),
        (InputEntry("in0", values, Source("cpu0.0", 1)), InputEntry("in1", number, Source("cpu0.0"))),
        (OutputEntry("out", FEATURES),),
        FileEntry("segments/cpu1.0.tflite", DIGEST),
        9,
    )
    return Manifest(
        model="other",
        origin=Origin(network=FileEntry("network.tflite", DIGEST), plan=FileEntry("plan.json", DIGEST)),
        units=("cpu0", "cpu1"),
        segments=(first, second),
        inputs=(Reference("reference_input.f32", DIGEST, FEATURES), Reference("reference_input.1.u8", DIGEST, TensorType((2,), "uint8"))),
        outputs=(
            OutputReference("reference_output.f32", DIGEST, FEATURES, Source("cpu1.0")),
            OutputReference("reference_output.1.i8", DIGEST, values, Source("cpu0.0", 1)),
        ),
        computed_by="x",
    )


def test_a_document_has_the_formats_keys_in_their_order() -> None:
    document = made().to_document()
    assert list(document) == ["format", "model", "config", "placement", "units", "segments", "inputs", "outputs", "computed_by"]
    assert document["format"] == FORMAT
    [segment] = document["segments"]
    assert list(segment) == ["name", "unit", "blocks", "inputs", "outputs", "model", "sha256", "bytes"]
    assert segment["inputs"][1] == {"name": "in1", "shape": [1, 8, 8, 4], "dtype": "float32", "from": "input"}


def test_a_network_tells_its_plan_and_the_numbers_of_its_tensors() -> None:
    document = of_a_network().to_document()
    assert list(document) == ["format", "model", "network", "plan", "units", "segments", "inputs", "outputs", "computed_by"]
    first, second = document["segments"]
    assert first["inputs"] == [{"name": "in0", "shape": [2], "dtype": "uint8", "from": "input", "output": 1}]
    assert first["outputs"] == [{"name": "out", "shape": [], "dtype": "int64"}, {"name": "out1", "shape": [3], "dtype": "int8"}]
    assert [entry.get("output") for entry in second["inputs"]] == [1, None]
    assert list(document["outputs"][1]) == ["segment", "output", "file", "shape", "dtype", "sha256"]
    assert parse_manifest(json.dumps(document), origin="made") == (document, of_a_network())


def test_format_1_is_read_to_the_same_manifest_and_told_as_it_was_written() -> None:
    document = {
        "format": 1,
        "model": "m",
        "config": {"file": "config.json", "sha256": DIGEST},
        "dtype": "float32",
        "placement": "0=cpu0,stem=all,head=0",
        "units": ["cpu0"],
        "segments": [
            {
                "name": "cpu0.0",
                "unit": "cpu0",
                "blocks": ["add_8_4x2"],
                "inputs": [{"name": f"in{number}", "shape": [1, 8, 8, 4], "from": "input"} for number in range(2)],
                "output": {"name": "out", "shape": [1, 8, 8, 4]},
                "model": "segments/cpu0.0.tflite",
                "sha256": DIGEST,
                "bytes": 99,
            }
        ],
        "input": {"file": "reference_input.f32", "shape": [1, 8, 8, 4], "sha256": DIGEST},
        "output": {"segment": "cpu0.0", "file": "reference_output.f32", "shape": [1, 8, 8, 4], "sha256": DIGEST, "computed_by": "x"},
    }
    read, manifest = parse_manifest(json.dumps(document), origin="made")
    assert manifest == made()
    assert read == document == document_as_written(manifest, 1)
    assert document_as_written(manifest, FORMAT) == made().to_document()
    for change, reason in [({"dtype": "int8"}, "dtype must be float32"), ({"input": None}, "object"), ({"format": True}, "format is True")]:
        with pytest.raises(ExportError, match=reason):
            parse_manifest(json.dumps(document | change), origin="made")


@pytest.mark.parametrize("onnx", [None, FileEntry("segments/cpu0.0.onnx", "f" * 64)])
def test_it_is_read_back_to_an_equal_manifest(onnx: FileEntry | None) -> None:
    manifest = made(onnx=onnx)
    document, read = parse_manifest(json.dumps(manifest.to_document()), origin="made")
    assert (document, read) == (manifest.to_document(), manifest)


def test_all_files_are_listed_once() -> None:
    files = [entry.file for entry in made(onnx=FileEntry("segments/cpu0.0.onnx", DIGEST)).files]
    assert files == ["config.json", "segments/cpu0.0.tflite", "segments/cpu0.0.onnx", "reference_input.f32", "reference_output.f32"]
    files = [entry.file for entry in of_a_network().files]
    assert files[:2] == ["network.tflite", "plan.json"]
    assert len(files) == len(set(files)) == 8


@pytest.mark.parametrize("origin", [Origin(), Origin(FileEntry("config.json", DIGEST)), Origin(plan=FileEntry("plan.json", DIGEST))])
def test_a_bundle_tells_what_it_was_made_from(origin: Origin) -> None:
    with pytest.raises(ExportError, match="a config and a placement, or a network and a plan"):
        parse_manifest(json.dumps(replace(made(), origin=origin).to_document()), origin="made")
