"""Deviation: how far a unit's outputs are from the reference's, which is what its precision comes to.

A profile runs networks on every unit. Their outputs are compared with those that LiteRT's interpreter computed when the models were
written; the greatest difference, as a fraction of the output's range, is kept in the profile's folder, with the libraries that computed
the outputs: what others computed counts no more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from android_harness.protocol.phases import output_files
from collab.documents import Fraction, Text, read
from collab.errors import ExportError, StorageError
from collab.files import write_whole
from exporters.manifests.reading import load_manifest
from exporters.references import difference, read_tensor

DEVIATION_FILE: Final = "deviation.json"
_MAX_BYTES: Final = 1 << 20
_MAX_DEVIATION: Final = 1e6
"""Outputs that are further off are as good as noise; the file's reader takes no more."""


def output_of(manifest: Path, unit: str) -> Path:
    """Returns the file for a unit's output of a network, beside the network's manifest."""
    return manifest.parent / f"output-{unit}.f32"


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """Greatest deviation of each unit's outputs, and per engine the library that computed them."""

    libraries: dict[Text, Text]
    deviation: dict[Text, Fraction]


def read_deviation(folder: Path, libraries: Mapping[str, str]) -> dict[str, float]:
    """Reads the deviation per unit that is kept in a profile's folder; empty where there is none, or none of these libraries."""
    try:
        kept = read(folder / DEVIATION_FILE, _Kept, limit_bytes=_MAX_BYTES, error=StorageError, advice="measure again")
    except StorageError:
        return {}
    return kept.deviation if kept.libraries == libraries else {}


def keep_deviation(folder: Path, manifests: Iterable[Path], units: Iterable[str], libraries: Mapping[str, str]) -> None:
    """Compares the outputs that there are, and keeps the greatest deviation of each unit, those kept before included.

    Args:
        libraries: per engine, the library that computed the outputs.
    """
    kept = read_deviation(folder, libraries)
    before = dict(kept)
    for manifest in manifests:
        for unit in units:
            error = _deviation(manifest, unit)
            if error is not None:
                kept[unit] = max(error, kept.get(unit, 0.0))
    if kept != before:
        write_whole(folder / DEVIATION_FILE, json.dumps({"libraries": dict(libraries), "deviation": kept}) + "\n")


def _deviation(manifest: Path, unit: str) -> float | None:
    """Returns the greatest difference as a fraction of the output's range; None where there is no output, or none of the right
    size, or where the reference is not finite: a network of others may compute anything from what is no picture.
    """
    bundle = load_manifest(manifest.parent, verify_files=False)
    files = output_files(output_of(manifest, unit), len(bundle.outputs))
    errors = []
    for file, entry in zip(files, bundle.outputs, strict=True):
        try:
            expected = read_tensor(manifest.parent / entry.file, entry.type, finite=True)
            errors.append(difference(read_tensor(file, entry.type), expected))
        except ExportError:
            return None
    error = float(np.max(errors))
    return min(error, _MAX_DEVIATION) if math.isfinite(error) else None
