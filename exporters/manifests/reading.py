"""The manifest of a bundle as it stands in its file: reading and checking it, and the checksums of the bundle's files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from collab.documents import convert, parse, read_bytes
from collab.errors import ExportError, SyncNasError
from collab.files import sha256_of
from collab.names import shown
from collab.schedule import NETWORK_INPUT, Source
from collab.tensors.types import TensorType
from exporters.manifests import fields as manifest_fields
from exporters.manifests import format_1
from exporters.manifests.manifest import FORMAT, MANIFEST, MAX_MANIFEST_BYTES, FileEntry, Manifest, SegmentEntry

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
    number = document.get("format")
    if number not in (format_1.FORMAT_1, FORMAT) or isinstance(number, bool):
        said = shown(repr(number), most=40)
        raise ExportError(f"{origin}: format is {said}; this version reads {format_1.FORMAT_1} and {FORMAT}: {_ADVICE}")
    read: manifest_fields.Document | format_1.Document
    if number == FORMAT:
        read = convert(document, manifest_fields.Document, origin=origin, error=ExportError, advice=_ADVICE)
    else:
        read = convert(document, format_1.Document, origin=origin, error=ExportError, advice=_ADVICE)
    manifest = read.manifest()
    reason = _misfit(manifest)
    if reason is not None:
        raise ExportError(f"{origin}: {reason}; {_ADVICE}")
    return document, manifest


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


def document_as_written(manifest: Manifest, format: int) -> dict[str, Any]:
    """Returns the document of a manifest in the format that it was read from."""
    return format_1.document_of(manifest) if format == format_1.FORMAT_1 else manifest.to_document()


def _misfit(manifest: Manifest) -> str | None:
    """Returns the field that does not fit to the others, and why; None if all of them do."""
    given = {Source(NETWORK_INPUT, number): entry.type for number, entry in enumerate(manifest.inputs)}
    known = {NETWORK_INPUT}
    for index, segment in enumerate(manifest.segments):
        reason = _segment_misfit(segment, manifest.units, known, given)
        if reason is not None:
            return f"segments[{index}]{reason}"
        known.add(segment.name)
        given |= {Source(segment.name, number): entry.type for number, entry in enumerate(segment.outputs)}
    for index, output in enumerate(manifest.outputs):
        what = f"outputs[{index}]"
        if output.source.is_input or output.source.segment not in known:
            return f"{what}.segment names no segment: {shown(output.source.segment)}"
        reason = _difference(output.source, output.type, given)
        if reason is not None:
            return f"{what}{reason}"
    return None


def _segment_misfit(
    segment: SegmentEntry, units: tuple[str, ...], known: Collection[str], given: Mapping[Source, TensorType]
) -> str | None:
    """Returns why a segment cannot follow those that are known, which give these tensors; None if it can."""
    if segment.unit not in units:
        return f".unit: '{shown(segment.unit)}' is not one of the bundle's units"
    if segment.name in known:
        return f".name: '{segment.name}' is taken"
    for number, entry in enumerate(segment.inputs):
        if entry.source.segment not in known:
            return f".inputs[{number}].from: '{shown(entry.source.segment)}' is not an earlier segment"
        reason = _difference(entry.source, entry.type, given)
        if reason is not None:
            return f".inputs[{number}]{reason}"
    return None


def _difference(source: Source, type: TensorType, given: Mapping[Source, TensorType]) -> str | None:
    """Returns why a tensor cannot come from a source; None if it can."""
    if source not in given:
        return f".output: {source.segment} gives no tensor of number {source.output}"
    if given[source] != type:
        found = given[source]
        return f".shape: is {type.dtype} {list(type.shape)}, but {source.segment} gives {found.dtype} {list(found.shape)}"
    return None
