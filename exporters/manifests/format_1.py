"""Format 1 of manifests, which earlier versions wrote: a network and each segment have one output, all of it is float32.

It is read into the same `Manifest` as format 2, and told again as it was written, so that a bundle of ours can be known as one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec

from collab.blocks import MAX_BRANCHES
from collab.documents import Sha256
from collab.names import shown
from collab.schedule import Source
from collab.tensors.types import TensorType
from exporters.manifests.fields import Extent, File, Name, Said, SegmentFields, Units, check_names, check_path, check_type
from exporters.manifests.manifest import InputEntry, Manifest, Origin, OutputEntry, OutputReference, Reference, SegmentEntry

FORMAT_1: Final = 1
_DTYPE: Final = "float32"
_OUTPUT: Final = "out"
_Shape: TypeAlias = Annotated[tuple[Extent, ...], msgspec.Meta(min_length=1, max_length=8)]


class _Shaped(msgspec.Struct, frozen=True, kw_only=True):
    shape: _Shape

    def __post_init__(self) -> None:
        check_type(self.type)

    @property
    def type(self) -> TensorType:
        return TensorType(self.shape)


class _Input(_Shaped, frozen=True, kw_only=True):
    name: Name
    source: Name = msgspec.field(name="from")


class _Segment(SegmentFields, frozen=True, kw_only=True):
    inputs: Annotated[tuple[_Input, ...], msgspec.Meta(min_length=1, max_length=MAX_BRANCHES)]
    output: _Shaped

    @property
    def entry(self) -> SegmentEntry:
        inputs = tuple(InputEntry(entry.name, entry.type, Source(entry.source)) for entry in self.inputs)
        return self.made(inputs, (OutputEntry(_OUTPUT, self.output.type),))


class _Tensor(_Shaped, frozen=True, kw_only=True):
    file: str
    sha256: Sha256

    def __post_init__(self) -> None:
        check_path(self.file)
        check_type(self.type)


class _Output(_Tensor, frozen=True, kw_only=True):
    segment: Name
    computed_by: Said


class Document(msgspec.Struct, frozen=True):
    """A manifest of format 1."""

    model: str
    config: File
    dtype: str
    placement: Said
    units: Units
    segments: Annotated[tuple[_Segment, ...], msgspec.Meta(min_length=1)]
    input: _Tensor
    output: _Output

    def __post_init__(self) -> None:
        check_names(self.model, self.units)
        if self.dtype != _DTYPE:
            raise ValueError(f"dtype must be {_DTYPE}, is '{shown(self.dtype)}'")

    def manifest(self) -> Manifest:
        """Returns what it says; nothing tells yet whether its segments fit together."""
        output = self.output
        return Manifest(
            model=self.model,
            origin=Origin(self.config.entry, self.placement),
            units=self.units,
            segments=tuple(segment.entry for segment in self.segments),
            inputs=(Reference(self.input.file, self.input.sha256, self.input.type),),
            outputs=(OutputReference(output.file, output.sha256, output.type, Source(output.segment)),),
            computed_by=output.computed_by,
        )


def document_of(manifest: Manifest) -> dict[str, Any]:
    """Tells what was read from a manifest of format 1, as it was written there."""
    [given], [output] = manifest.inputs, manifest.outputs
    return {
        "format": FORMAT_1,
        "model": manifest.model,
        "config": manifest.origin.config.to_document() if manifest.origin.config else None,
        "dtype": _DTYPE,
        "placement": manifest.origin.placement,
        "units": list(manifest.units),
        "segments": [_segment_document(segment) for segment in manifest.segments],
        "input": {"file": given.file, "shape": list(given.type.shape), "sha256": given.sha256},
        "output": {
            "segment": output.source.segment,
            "file": output.file,
            "shape": list(output.type.shape),
            "sha256": output.sha256,
            "computed_by": manifest.computed_by,
        },
    }


def _segment_document(segment: SegmentEntry) -> dict[str, Any]:
    [output] = segment.outputs
    document: dict[str, Any] = {
        "name": segment.name,
        "unit": segment.unit,
        "blocks": list(segment.blocks),
        "inputs": [{"name": i.name, "shape": list(i.type.shape), "from": i.source.segment} for i in segment.inputs],
        "output": {"name": output.name, "shape": list(output.type.shape)},
    }
    return document | segment.files_document()
