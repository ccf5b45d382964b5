"""The manifest of a bundle: what it says of segments and files (see docs/reference/formats.md). `exporters.manifests.reading` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from collab.schedule import Source
from collab.tensors.types import TensorType

FORMAT: Final = 2
MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle: its path within the bundle and the hash of its bytes."""

    file: str
    sha256: str

    def to_document(self) -> dict[str, Any]:
        return {"file": self.file, "sha256": self.sha256}


@dataclass(frozen=True)
class Reference(FileEntry):
    """A file of numbers: a reference input of the network, or what one of its outputs is held against."""

    type: TensorType

    def to_document(self) -> dict[str, Any]:
        return {"file": self.file, **_type_document(self.type), "sha256": self.sha256}


@dataclass(frozen=True)
class OutputReference(Reference):
    """The reference of an output of the network, which a segment gives."""

    source: Source

    def to_document(self) -> dict[str, Any]:
        return {"segment": self.source.segment, **_number_document(self.source), **super().to_document()}


@dataclass(frozen=True)
class InputEntry:
    """One input of a segment, and where it comes from: an input of the network, or an output of an earlier segment."""

    name: str
    type: TensorType
    source: Source

    def to_document(self) -> dict[str, Any]:
        return {"name": self.name, **_type_document(self.type), "from": self.source.segment, **_number_document(self.source)}


@dataclass(frozen=True)
class OutputEntry:
    """One output of a segment."""

    name: str
    type: TensorType

    def to_document(self) -> dict[str, Any]:
        return {"name": self.name, **_type_document(self.type)}


@dataclass(frozen=True)
class SegmentEntry:
    """One segment; `model` is its TFLite model and `onnx` its ONNX model, at least one of which is there."""

    name: str
    unit: str
    blocks: tuple[str, ...]
    inputs: tuple[InputEntry, ...]
    outputs: tuple[OutputEntry, ...]
    model: FileEntry | None
    model_bytes: int
    onnx: FileEntry | None = None

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return tuple(entry for entry in (self.model, self.onnx) if entry is not None)

    @property
    def senders(self) -> tuple[str, ...]:
        """Origins of its inputs: names of segments, or the network's input."""
        return tuple(dict.fromkeys(entry.source.segment for entry in self.inputs))

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "blocks": list(self.blocks),
            "inputs": [entry.to_document() for entry in self.inputs],
            "outputs": [entry.to_document() for entry in self.outputs],
        }
        return document | self.files_document()

    def files_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        if self.model is not None:
            document |= {"model": self.model.file, "sha256": self.model.sha256, "bytes": self.model_bytes}
        if self.onnx is not None:
            document["onnx"] = {"model": self.onnx.file, "sha256": self.onnx.sha256}
        return document


@dataclass(frozen=True)
class Origin:
    """Source of a bundle: a config with a placement, or another network with its plan."""

    config: FileEntry | None = None
    placement: str = ""
    network: FileEntry | None = None
    plan: FileEntry | None = None

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return tuple(entry for entry in (self.config, self.network, self.plan) if entry is not None)

    def to_document(self) -> dict[str, Any]:
        entries = {"config": self.config, "network": self.network, "plan": self.plan}
        said = {name: entry.to_document() for name, entry in entries.items() if entry is not None}
        return said | ({"placement": self.placement} if self.placement else {})


@dataclass(frozen=True)
class Manifest:
    """Everything that a bundle says of itself."""

    model: str
    origin: Origin
    units: tuple[str, ...]
    segments: tuple[SegmentEntry, ...]
    inputs: tuple[Reference, ...]
    outputs: tuple[OutputReference, ...]
    computed_by: str

    def to_document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "model": self.model,
            **self.origin.to_document(),
            "units": list(self.units),
            "segments": [segment.to_document() for segment in self.segments],
            "inputs": [entry.to_document() for entry in self.inputs],
            "outputs": [entry.to_document() for entry in self.outputs],
            "computed_by": self.computed_by,
        }

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file that the bundle holds besides the manifest."""
        models = [entry for segment in self.segments for entry in segment.files]
        return (*self.origin.files, *models, *self.inputs, *self.outputs)

    @property
    def placed(self) -> str:
        """Its placement, in a word or two."""
        return self.origin.placement or f"on {', '.join(self.units)}"


def _type_document(type: TensorType) -> dict[str, Any]:
    return {"shape": list(type.shape), "dtype": type.dtype}


def _number_document(source: Source) -> dict[str, Any]:
    return {"output": source.output} if source.output else {}
