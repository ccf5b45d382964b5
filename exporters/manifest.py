"""The manifest of a bundle: what it says and how it is checked (see docs/formats.md)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from collab.blocks import Shape, parse_key
from collab.errors import ConfigError, ExportError
from collab.schedule import NETWORK_INPUT
from collab.units import is_unit_name

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_MAX_MANIFEST_BYTES: Final = 16 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    """All that a bundle says of itself."""

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


def load_manifest(bundle: Path, *, verify_files: bool = True) -> Manifest:
    """Reads and checks the manifest of a bundle folder, and the checksums of its files.

    Raises:
        ExportError: no bundle, a field that is wrong, or a file that is missing or damaged.
    """
    path = bundle / MANIFEST
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise ExportError(f"{path}: larger than {_MAX_MANIFEST_BYTES >> 20} MiB, which no manifest is")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{bundle} is no bundle: {path.name} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path}: not valid JSON ({error})") from error
    manifest = _Reader(path).manifest(document)
    if verify_files:
        for entry in manifest.files:
            _verify(bundle, entry)
    return manifest


def _verify(bundle: Path, entry: FileEntry) -> None:
    try:
        content = (bundle / entry.file).read_bytes()
    except OSError as error:
        raise ExportError(f"{bundle}: {entry.file} cannot be read ({error.strerror}); export the bundle again") from error
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ExportError(f"{bundle}: {entry.file} is damaged (its checksum differs from the manifest's); export the bundle again")


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def _refuse(self, field: str, reason: str) -> ExportError:
        return ExportError(f"{self._path}: {field} {reason}")

    def _object(self, value: Any, field: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._refuse(field, "must be an object")
        return value

    def _list(self, owner: Mapping[str, Any], key: str, field: str) -> list[Any]:
        value = owner.get(key)
        if not isinstance(value, list) or not value:
            raise self._refuse(f"{field}.{key}".lstrip("."), "must be a list that is not empty")
        return value

    def _text(self, owner: Mapping[str, Any], key: str, field: str) -> str:
        value = owner.get(key)
        if not isinstance(value, str) or not value:
            raise self._refuse(f"{field}.{key}".lstrip("."), "must be a text that is not empty")
        return value

    def _shape(self, value: Any, field: str) -> Shape:
        if not isinstance(value, list) or not 1 <= len(value) <= 8 or not all(type(n) is int and 0 < n < 1 << 24 for n in value):
            raise self._refuse(field, "must be a list of 1 to 8 positive whole numbers")
        return tuple(value)

    def _file(self, owner: Mapping[str, Any], key: str, field: str) -> FileEntry:
        file, sha256 = self._text(owner, key, field), self._text(owner, "sha256", field)
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or "\\" in file:
            raise self._refuse(f"{field}.{key}", f"is '{file}', which leads out of the bundle")
        if not _SHA256.fullmatch(sha256):
            raise self._refuse(f"{field}.sha256", "must be 64 hexadecimal digits")
        return FileEntry(file, sha256)

    def manifest(self, value: Any) -> Manifest:
        document = self._object(value, "top level")
        if document.get("format") != FORMAT:
            raise self._refuse("format", f"is {document.get('format')!r}; this version reads {FORMAT}: export the bundle again")
        if document.get("dtype") != "float32":
            raise self._refuse("dtype", "must be float32")
        units = self._list(document, "units", "")
        if not all(isinstance(unit, str) and is_unit_name(unit) for unit in units) or len(set(units)) != len(units):
            raise self._refuse("units", "must be different names like cpu0")
        segments = self._segments(self._list(document, "segments", ""), units)
        config = self._object(document.get("config"), "config")
        network_input = self._object(document.get("input"), "input")
        output = self._object(document.get("output"), "output")
        output_segment = self._text(output, "segment", "output")
        if output_segment not in [segment.name for segment in segments]:
            raise self._refuse("output.segment", f"names no segment: {output_segment}")
        return Manifest(
            model=self._text(document, "model", ""),
            config=self._file(config, "file", "config"),
            placement=self._text(document, "placement", ""),
            units=tuple(units),
            segments=segments,
            input=self._file(network_input, "file", "input"),
            input_shape=self._shape(network_input.get("shape"), "input.shape"),
            output=self._file(output, "file", "output"),
            output_shape=self._shape(output.get("shape"), "output.shape"),
            output_segment=output_segment,
            computed_by=self._text(output, "computed_by", "output"),
        )

    def _segments(self, values: list[Any], units: list[str]) -> tuple[SegmentEntry, ...]:
        shapes: dict[str, Shape] = {}
        segments: list[SegmentEntry] = []
        for index, value in enumerate(values):
            field = f"segments[{index}]"
            segment = self._segment(self._object(value, field), field, units, shapes)
            if segment.name in shapes or segment.name == NETWORK_INPUT:
                raise self._refuse(f"{field}.name", f"'{segment.name}' is taken")
            shapes[segment.name] = segment.output_shape
            segments.append(segment)
        return tuple(segments)

    def _segment(self, value: Mapping[str, Any], field: str, units: list[str], shapes: dict[str, Shape]) -> SegmentEntry:
        unit = self._text(value, "unit", field)
        if unit not in units:
            raise self._refuse(f"{field}.unit", f"'{unit}' is not one of the bundle's units")
        size = value.get("bytes", 0)
        if type(size) is not int or size < 0 or (size == 0 and "model" in value):
            raise self._refuse(f"{field}.bytes", "must be a positive whole number")
        blocks = self._list(value, "blocks", field)
        for key in blocks:
            try:
                parse_key(key if isinstance(key, str) else "")
            except ConfigError as error:
                raise self._refuse(f"{field}.blocks", str(error)) from error
        inputs = tuple(self._input(self._object(item, f"{field}.inputs"), field, shapes) for item in self._list(value, "inputs", field))
        output = self._object(value.get("output"), f"{field}.output")
        onnx = self._file(self._object(value["onnx"], f"{field}.onnx"), "model", f"{field}.onnx") if "onnx" in value else None
        model = self._file(value, "model", field) if "model" in value or onnx is None else None
        return SegmentEntry(
            name=self._text(value, "name", field),
            unit=unit,
            model=model,
            model_bytes=size,
            blocks=tuple(blocks),
            inputs=inputs,
            output_shape=self._shape(output.get("shape"), f"{field}.output.shape"),
            onnx=onnx,
        )

    def _input(self, value: Mapping[str, Any], field: str, shapes: dict[str, Shape]) -> InputEntry:
        source, shape = self._text(value, "from", field), self._shape(value.get("shape"), f"{field}.inputs.shape")
        if source != NETWORK_INPUT:
            if source not in shapes:
                raise self._refuse(f"{field}.inputs.from", f"'{source}' is not an earlier segment")
            if shapes[source] != shape:
                raise self._refuse(f"{field}.inputs.shape", f"is {list(shape)}, but {source} gives {list(shapes[source])}")
        return InputEntry(self._text(value, "name", field), shape, source)
