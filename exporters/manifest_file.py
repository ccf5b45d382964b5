"""The manifest of a bundle as it stands in its file: reading and checking it, and the checksums of the bundle's files."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from collab.blocks import BYTES_PER_VALUE, MAX_BRANCHES, MAX_TENSOR_BYTES, parse_any_key
from collab.console import one_line
from collab.documents import Count, Sha256, convert, parse, read_bytes
from collab.errors import ConfigError, ExportError, SyncNasError
from collab.files import sha256_of
from collab.names import FILE_RULE, MAX_FILE_NAME, NAME_RULE, is_file_path, is_model_name, shown
from collab.schedule import NETWORK_INPUT
from collab.tensors.types import Shape
from collab.units import is_unit_name
from exporters.manifest import FORMAT, MANIFEST, MAX_MANIFEST_BYTES, FileEntry, InputEntry, Manifest, SegmentEntry

_ADVICE: Final = "export the bundle again"


def load_manifest(bundle: Path, *, verify_files: bool = True) -> Manifest:
    """Reads and checks the manifest of a bundle folder, and the checksums of its files.

    Raises:
        ExportError: no bundle, a field that is wrong, or a file that is missing or damaged.
    """
    _, manifest = read_manifest(bundle)
    if verify_files:
        for entry in manifest.files:
            _verify(bundle, entry)
    return manifest


def read_manifest(bundle: Path) -> tuple[dict[str, Any], Manifest]:
    """Reads the manifest of a bundle folder: the JSON object as it is written, and what it says.

    Raises:
        ExportError: no bundle, or a field that is wrong.
    """
    path = bundle / MANIFEST
    try:
        earlier = earlier_bundle(bundle)
    except ValueError as problem:
        raise ExportError(f"{shown(str(bundle))} is no path of a folder ({problem}); name a bundle") from problem
    if earlier is not None:
        raise ExportError(
            f"{bundle} is not there: an export was interrupted, and the bundle before it is {earlier}; rename it to {bundle.name}"
        )
    advice = "is it the folder of a bundle? If it is, export the bundle again"
    data = read_bytes(path, limit_bytes=MAX_MANIFEST_BYTES, error=ExportError, advice=advice)
    return parse_manifest(data, origin=str(path))


def parse_manifest(data: bytes | str, *, origin: str) -> tuple[dict[str, Any], Manifest]:
    """Parses a manifest: its JSON object, and what it says.

    Raises:
        ExportError: names the origin, the field and the reason.
    """
    document = parse(data, dict[str, Any], origin=origin, error=ExportError, advice=_ADVICE)
    if document.get("format") != FORMAT or isinstance(document["format"], bool):
        said = shown(repr(document.get("format")), most=40)
        raise ExportError(f"{origin}: format is {said}; this version reads {FORMAT}: {_ADVICE}")
    read = convert(document, _Document, origin=origin, error=ExportError, advice=_ADVICE)
    return document, _manifest(read, origin)


def folders_beside(bundle: Path, kind: str) -> list[Path]:
    """Returns what killed exports have left beside a bundle: unfinished folders (``new``), or the bundle from before (``earlier``)."""
    pattern = re.compile(rf"\.{re.escape(bundle.name)}\.[a-z0-9_]{{8}}\.{kind}")
    return sorted(path for path in bundle.parent.iterdir() if pattern.fullmatch(path.name) and path.is_dir() and not path.is_symlink())


def earlier_bundle(bundle: Path) -> Path | None:
    """Returns the bundle that a killed export was about to replace, which lies beside its empty place; None if there is none."""
    if os.path.lexists(bundle):
        return None
    with contextlib.suppress(OSError):
        return next(iter(folders_beside(bundle, "earlier")), None)
    return None


def _verify(bundle: Path, entry: FileEntry) -> None:
    path = bundle / entry.file
    try:
        digest = sha256_of(path) if path.is_file() or not path.exists() else None
    except SyncNasError as problem:
        raise ExportError(f"{bundle}: {entry.file} cannot be read ({problem}); export the bundle again") from problem
    if digest is None:
        raise ExportError(f"{bundle}: {entry.file} cannot be read, as it is no regular file; export the bundle again")
    if digest != entry.sha256:
        raise ExportError(f"{bundle}: {entry.file} is damaged (its checksum differs from the manifest's); export the bundle again")


_Extent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=(1 << 24) - 1)]
_Shape: TypeAlias = Annotated[tuple[_Extent, ...], msgspec.Meta(min_length=1, max_length=8)]
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_FILE_NAME)]
_Said: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


def _entry(file: str, sha256: str) -> FileEntry:
    if not is_file_path(file):
        raise ValueError(f"'{shown(file)}' leads out of the bundle, or is not made of plain names ({FILE_RULE})")
    return FileEntry(file, sha256)


def _check_shape(shape: Shape) -> None:
    if math.prod(shape) > MAX_TENSOR_BYTES // BYTES_PER_VALUE:
        raise ValueError(f"a shape of {list(shape)} has more than {MAX_TENSOR_BYTES >> 30} GiB")


class _File(msgspec.Struct, frozen=True):
    file: str
    sha256: Sha256

    def __post_init__(self) -> None:
        _entry(self.file, self.sha256)

    @property
    def entry(self) -> FileEntry:
        return FileEntry(self.file, self.sha256)


class _Tensor(_File, frozen=True):
    shape: _Shape

    def __post_init__(self) -> None:
        _entry(self.file, self.sha256)
        _check_shape(self.shape)


class _Output(_Tensor, frozen=True):
    segment: _Name
    computed_by: _Said


class _Onnx(msgspec.Struct, frozen=True):
    model: str
    sha256: Sha256

    def __post_init__(self) -> None:
        _entry(self.model, self.sha256)


class _Input(msgspec.Struct, frozen=True):
    name: _Name
    shape: _Shape
    source: _Name = msgspec.field(name="from")

    def __post_init__(self) -> None:
        _check_shape(self.shape)


class _SegmentOutput(msgspec.Struct, frozen=True):
    shape: _Shape

    def __post_init__(self) -> None:
        _check_shape(self.shape)


class _Segment(msgspec.Struct, frozen=True):
    name: _Name
    unit: _Name
    blocks: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    inputs: Annotated[tuple[_Input, ...], msgspec.Meta(min_length=1, max_length=MAX_BRANCHES)]
    output: _SegmentOutput
    model: str | msgspec.UnsetType = msgspec.UNSET
    sha256: Sha256 | msgspec.UnsetType = msgspec.UNSET
    bytes: Count | msgspec.UnsetType = msgspec.UNSET
    onnx: _Onnx | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.name == NETWORK_INPUT or one_line(self.name) != self.name:
            raise ValueError(f"the name '{shown(self.name)}' is taken, or cannot be printed")
        for key in self.blocks:
            try:
                parse_any_key(key)
            except ConfigError as problem:
                raise ValueError(str(problem)) from problem
        if isinstance(self.model, str):
            if isinstance(self.sha256, msgspec.UnsetType) or isinstance(self.bytes, msgspec.UnsetType):
                raise ValueError("a segment with a model must also have its sha256 and bytes")
            _entry(self.model, self.sha256)
        elif isinstance(self.onnx, msgspec.UnsetType):
            raise ValueError("a segment must have a model, or an onnx model")

    @property
    def entry(self) -> SegmentEntry:
        return SegmentEntry(
            name=self.name,
            unit=self.unit,
            blocks=self.blocks,
            inputs=tuple(InputEntry(entry.name, entry.shape, entry.source) for entry in self.inputs),
            output_shape=self.output.shape,
            model=FileEntry(self.model, self.sha256) if isinstance(self.model, str) and isinstance(self.sha256, str) else None,
            model_bytes=0 if isinstance(self.bytes, msgspec.UnsetType) else self.bytes,
            onnx=None if isinstance(self.onnx, msgspec.UnsetType) else FileEntry(self.onnx.model, self.onnx.sha256),
        )


class _Document(msgspec.Struct, frozen=True):
    model: str
    config: _File
    dtype: str
    placement: _Said
    units: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_BRANCHES)]
    segments: Annotated[tuple[_Segment, ...], msgspec.Meta(min_length=1)]
    input: _Tensor
    output: _Output

    def __post_init__(self) -> None:
        if not is_model_name(self.model):
            raise ValueError(f"model {NAME_RULE}, is '{shown(self.model)}'")
        if self.dtype != "float32":
            raise ValueError(f"dtype must be float32, is '{shown(self.dtype)}'")
        if not all(map(is_unit_name, self.units)) or len(set(self.units)) != len(self.units):
            raise ValueError("units must be different names like cpu0")


def _manifest(read: _Document, origin: str) -> Manifest:
    segments = tuple(segment.entry for segment in read.segments)
    shapes: dict[str, Shape] = {}
    for index, segment in enumerate(segments):
        reason = _misfit(segment, read.units, shapes)
        if reason is not None:
            raise ExportError(f"{origin}: segments[{index}]{reason}; {_ADVICE}")
        shapes[segment.name] = segment.output_shape
    if read.output.segment not in shapes:
        raise ExportError(f"{origin}: output.segment names no segment: {shown(read.output.segment)}; {_ADVICE}")
    return Manifest(
        model=read.model,
        config=read.config.entry,
        placement=read.placement,
        units=read.units,
        segments=segments,
        input=read.input.entry,
        input_shape=read.input.shape,
        output=read.output.entry,
        output_shape=read.output.shape,
        output_segment=read.output.segment,
        computed_by=read.output.computed_by,
    )


def _misfit(segment: SegmentEntry, units: tuple[str, ...], shapes: Mapping[str, Shape]) -> str | None:
    """Returns why a segment cannot follow those whose output shapes these are; None if it can."""
    if segment.unit not in units:
        return f".unit: '{shown(segment.unit)}' is not one of the bundle's units"
    if segment.name in shapes:
        return f".name: '{segment.name}' is taken"
    for number, entry in enumerate(segment.inputs):
        if entry.source == NETWORK_INPUT:
            continue
        if entry.source not in shapes:
            return f".inputs[{number}].from: '{shown(entry.source)}' is not an earlier segment"
        if shapes[entry.source] != entry.shape:
            return f".inputs[{number}].shape: is {list(entry.shape)}, but {entry.source} gives {list(shapes[entry.source])}"
    return None
