"""The manifest of a bundle: what it says of segments and files (see docs/reference/formats.md). `exporters.manifest_file` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from collab.tensors.types import Shape

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle: its path within the bundle and the hash of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True)
class InputEntry:
    """One input of a segment; `source` is ``input`` or an earlier segment."""

    name: str
    shape: Shape
    source: str


@dataclass(frozen=True)
class SegmentEntry:
    """One segment; `model` is its TFLite model and `onnx` its ONNX model, at least one of which is there."""

    name: str
    unit: str
    blocks: tuple[str, ...]
    inputs: tuple[InputEntry, ...]
    output_shape: Shape
    model: FileEntry | None
    model_bytes: int
    onnx: FileEntry | None = None

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return tuple(entry for entry in (self.model, self.onnx) if entry is not None)


@dataclass(frozen=True)
class Manifest:
    """Everything that a bundle says of itself."""

    model: str
    config: FileEntry
    placement: str
    units: tuple[str, ...]
    segments: tuple[SegmentEntry, ...]
    input: FileEntry
    input_shape: Shape
    output: FileEntry
    output_shape: Shape
    output_segment: str
    computed_by: str

    def to_document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "model": self.model,
            "config": {"file": self.config.file, "sha256": self.config.sha256},
            "dtype": "float32",
            "placement": self.placement,
            "units": list(self.units),
            "segments": [_segment_document(segment) for segment in self.segments],
            "input": {"file": self.input.file, "shape": list(self.input_shape), "sha256": self.input.sha256},
            "output": {
                "segment": self.output_segment,
                "file": self.output.file,
                "shape": list(self.output_shape),
                "sha256": self.output.sha256,
                "computed_by": self.computed_by,
            },
        }

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file that the bundle holds besides the manifest."""
        models = [entry for segment in self.segments for entry in segment.files]
        return (self.config, *models, self.input, self.output)


def _segment_document(segment: SegmentEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": segment.name,
        "unit": segment.unit,
        "blocks": list(segment.blocks),
        "inputs": [{"name": i.name, "shape": list(i.shape), "from": i.source} for i in segment.inputs],
        "output": {"name": "out", "shape": list(segment.output_shape)},
    }
    if segment.model is not None:
        document |= {"model": segment.model.file, "sha256": segment.model.sha256, "bytes": segment.model_bytes}
    if segment.onnx is not None:
        document["onnx"] = {"model": segment.onnx.file, "sha256": segment.onnx.sha256}
    return document
