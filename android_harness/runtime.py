"""Where the runtime libraries lie that the runner loads."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from collab.errors import DeviceError

LITERT_LIBRARY: Final = "libLiteRt.so"


def litert_library() -> Path:
    """The LiteRT library of the installed wheel, for a runner on this machine. Nothing of the package is imported.

    Raises:
        DeviceError: the package is not installed or holds no such library.
    """
    spec = importlib.util.find_spec("ai_edge_litert")
    if spec is None or not spec.submodule_search_locations:
        raise DeviceError("the runtime is missing: pip install ai-edge-litert")
    library = Path(spec.submodule_search_locations[0]) / LITERT_LIBRARY
    if not library.is_file():
        raise DeviceError(f"the installed ai-edge-litert has no {LITERT_LIBRARY}; install version 2.1.6 or later")
    return library


def litert_version() -> str:
    """Name and version of the installed wheel, as rows carry it."""
    try:
        return f"ai-edge-litert {version('ai-edge-litert')}"
    except PackageNotFoundError:
        raise DeviceError("the runtime is missing: pip install ai-edge-litert") from None
