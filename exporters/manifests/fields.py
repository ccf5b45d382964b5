"""The fields of a manifest as they stand in its file, each checked by itself. `exporters.manifests.reading` puts them together."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from collab.blocks import MAX_BRANCHES, MAX_TENSOR_BYTES, parse_any_key
from collab.console import one_line
from collab.documents import Count, Sha256
from collab.errors import ConfigError
from collab.names import FILE_RULE, MAX_FILE_NAME, NAME_RULE, is_file_path, is_model_name, shown
from collab.schedule import NETWORK_INPUT, Source
from collab.tensors.opaque import MAX_TENSORS
from collab.tensors.types import DTYPE_BYTES, TensorType
from collab.units import is_unit_name
from exporters.manifests.manifest import FileEntry, InputEntry, Manifest, Origin, OutputEntry, OutputReference, Reference, SegmentEntry

NETWORK_OUTPUT: Final = "output"

Extent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=(1 << 24) - 1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_FILE_NAME)]
Said: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Units: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_BRANCHES)]
_Shape: TypeAlias = Annotated[tuple[Extent, ...], msgspec.Meta(max_length=8)]
_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=MAX_TENSORS)]
_Tensors: Final = msgspec.Meta(min_length=1, max_length=MAX_TENSORS)


def check_path(file: str) -> None:
    """Checks that a file's path stays in the bundle.

    Raises:
        ValueError: it does not.
    """
    if not is_file_path(file):
        raise ValueError(f"'{shown(file)}' leads out of the bundle, or is not made of plain names ({FILE_RULE})")


def check_type(type: TensorType) -> TensorType:
    """Returns the type of a tensor, checked.

    Raises:
        ValueError: it is no type that can be handed over.
    """
    if type.dtype not in DTYPE_BYTES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPE_BYTES)}, is '{shown(type.dtype)}'")
    if type.size_bytes > MAX_TENSOR_BYTES:
        raise ValueError(f"a shape of {list(type.shape)} has more than {MAX_TENSOR_BYTES >> 30} GiB")
    return type


def check_names(model: str, units: tuple[str, ...]) -> None:
    """Checks the names of a model and of its units.

    Raises:
        ValueError: a name cannot be, or two units have the same.
    """
    if not is_model_name(model):
        raise ValueError(f"model {NAME_RULE}, is '{shown(model)}'")
    if not all(map(is_unit_name, units)) or len(set(units)) != len(units):
        raise ValueError("units must be different names like cpu0")


class File(msgspec.Struct, frozen=True):
    """A file of the bundle."""

    file: str
    sha256: Sha256

    def __post_init__(self) -> None:
        check_path(self.file)

    @property
    def entry(self) -> FileEntry:
        return FileEntry(self.file, self.sha256)


class Onnx(msgspec.Struct, frozen=True):
    """The ONNX model of a segment."""

    model: str
    sha256: Sha256

    def __post_init__(self) -> None:
        check_path(self.model)


class SegmentFields(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that segments have in every format."""

    name: Name
    unit: Name
    blocks: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    model: str | msgspec.UnsetType = msgspec.UNSET
    sha256: Sha256 | msgspec.UnsetType = msgspec.UNSET
    bytes: Count | msgspec.UnsetType = msgspec.UNSET
    onnx: Onnx | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.name in (NETWORK_INPUT, NETWORK_OUTPUT) or one_line(self.name) != self.name:
            raise ValueError(f"the name '{shown(self.name)}' is taken, or cannot be printed")
        for key in self.blocks:
            try:
                parse_any_key(key)
            except ConfigError as problem:
                raise ValueError(str(problem)) from problem
        if isinstance(self.model, str):
            if isinstance(self.sha256, msgspec.UnsetType) or isinstance(self.bytes, msgspec.UnsetType):
                raise ValueError("a segment with a model must also have its sha256 and bytes")
            check_path(self.model)
        elif isinstance(self.onnx, msgspec.UnsetType):
            raise ValueError("a segment must have a model, or an onnx model")

    def made(self, inputs: tuple[InputEntry, ...], outputs: tuple[OutputEntry, ...]) -> SegmentEntry:
        return SegmentEntry(
            name=self.name,
            unit=self.unit,
            blocks=self.blocks,
            inputs=inputs,
            outputs=outputs,
            model=FileEntry(self.model, self.sha256) if isinstance(self.model, str) and isinstance(self.sha256, str) else None,
            model_bytes=0 if isinstance(self.bytes, msgspec.UnsetType) else self.bytes,
            onnx=None if isinstance(self.onnx, msgspec.UnsetType) else FileEntry(self.onnx.model, self.onnx.sha256),
        )


class _Typed(msgspec.Struct, frozen=True, kw_only=True):
    shape: _Shape
    dtype: str

    def __post_init__(self) -> None:
        check_type(self.type)

    @property
    def type(self) -> TensorType:
        return TensorType(self.shape, self.dtype)


class _Input(_Typed, frozen=True, kw_only=True):
    name: Name
    source: Name = msgspec.field(name="from")
    output: _Number = 0

    @property
    def entry(self) -> InputEntry:
        return InputEntry(self.name, self.type, Source(self.source, self.output))


class _SegmentOutput(_Typed, frozen=True, kw_only=True):
    name: Name

    @property
    def entry(self) -> OutputEntry:
        return OutputEntry(self.name, self.type)


class _Segment(SegmentFields, frozen=True, kw_only=True):
    inputs: Annotated[tuple[_Input, ...], _Tensors]
    outputs: Annotated[tuple[_SegmentOutput, ...], _Tensors]

    @property
    def entry(self) -> SegmentEntry:
        return self.made(tuple(entry.entry for entry in self.inputs), tuple(entry.entry for entry in self.outputs))


class _Reference(_Typed, frozen=True, kw_only=True):
    file: str
    sha256: Sha256

    def __post_init__(self) -> None:
        check_path(self.file)
        check_type(self.type)

    @property
    def reference(self) -> Reference:
        return Reference(self.file, self.sha256, self.type)


class _Output(_Reference, frozen=True, kw_only=True):
    segment: Name
    output: _Number = 0

    @property
    def entry(self) -> OutputReference:
        return OutputReference(self.file, self.sha256, self.type, Source(self.segment, self.output))


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest of format 2."""

    model: str
    units: Units
    segments: Annotated[tuple[_Segment, ...], msgspec.Meta(min_length=1)]
    inputs: Annotated[tuple[_Reference, ...], _Tensors]
    outputs: Annotated[tuple[_Output, ...], _Tensors]
    computed_by: Said
    config: File | msgspec.UnsetType = msgspec.UNSET
    placement: Said | msgspec.UnsetType = msgspec.UNSET
    network: File | msgspec.UnsetType = msgspec.UNSET
    plan: File | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        check_names(self.model, self.units)
        said = tuple(value is not msgspec.UNSET for value in (self.config, self.placement, self.network, self.plan))
        if said not in ((True, True, False, False), (False, False, True, True)):
            raise ValueError("a bundle has a config and a placement, or a network and a plan")

    def manifest(self) -> Manifest:
        """Returns what it says; nothing tells yet whether its segments fit together."""
        files = (entry.entry if isinstance(entry, File) else None for entry in (self.config, self.network, self.plan))
        config, network, plan = files
        return Manifest(
            model=self.model,
            origin=Origin(config, self.placement if isinstance(self.placement, str) else "", network, plan),
            units=self.units,
            segments=tuple(segment.entry for segment in self.segments),
            inputs=tuple(entry.reference for entry in self.inputs),
            outputs=tuple(entry.entry for entry in self.outputs),
            computed_by=self.computed_by,
        )
