"""Deviation: how far a unit's outputs are from the reference's, which is what its precision comes to.

A profile runs networks on every unit. Their outputs are compared with those that LiteRT's interpreter computed when the models were
written; the greatest difference, as a fraction of the output's range, is kept in the profile's folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from collab.documents import Fraction, Text, read
from collab.errors import ExportError, StorageError
from collab.files import write_whole
from exporters.bundle import read_f32
from exporters.checking import relative_error
from exporters.manifest_file import load_manifest

DEVIATION_FILE: Final = "deviation.json"
_MAX_BYTES: Final = 1 << 20
_MAX_DEVIATION: Final = 1e6
"""Outputs that are further off are as good as noise; the file's reader takes no more."""


def output_of(manifest: Path, unit: str) -> Path:
    """Returns the file for a unit's output of a network, beside the network's manifest."""
    return manifest.parent / f"output-{unit}.f32"


def read_deviation(folder: Path) -> dict[str, float]:
    """Reads the deviation per unit that is kept in a profile's folder; empty where there is none that can be read."""
    try:
        return read(folder / DEVIATION_FILE, dict[Text, Fraction], limit_bytes=_MAX_BYTES, error=StorageError, advice="measure again")
    except StorageError:
        return {}


def keep_deviation(folder: Path, manifests: Iterable[Path], units: Iterable[str]) -> None:
    """Compares the outputs that there are, and keeps the greatest deviation of each unit, those kept before included."""
    kept = read_deviation(folder)
    before = dict(kept)
    for manifest in manifests:
        for unit in units:
            error = _deviation(manifest, unit)
            if error is not None:
                kept[unit] = max(error, kept.get(unit, 0.0))
    if kept != before:
        write_whole(folder / DEVIATION_FILE, json.dumps(kept) + "\n")


def _deviation(manifest: Path, unit: str) -> float | None:
    """Returns the greatest difference as a fraction of the output's range; None where there is no output, or none of the right size."""
    bundle = load_manifest(manifest.parent, verify_files=False)
    expected = read_f32(manifest.parent / bundle.output.file, bundle.output_shape, finite=True)
    try:
        error = relative_error(read_f32(output_of(manifest, unit), bundle.output_shape), expected)
    except ExportError:
        return None
    return min(error, _MAX_DEVIATION) if math.isfinite(error) else None
