"""Runtime libraries that the runner loads on this machine: LiteRT's of the installed wheel."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from collab.errors import DeviceError

LITERT_PACKAGE: Final = "ai-edge-litert"
LITERT_LIBRARY: Final = "libLiteRt.so"
LITERT_SYMBOL: Final = "LiteRtCreateModelFromFd"
"""Function that came with the C interface which the runner speaks, in LiteRT 2.1.6."""
_ACCELERATOR: Final = re.compile(r"libLiteRt[A-Za-z0-9]*Accelerator\.so")


def is_accelerator(name: str) -> bool:
    """Tells whether LiteRT loads a library of this name, from its own folder, to drive a GPU."""
    return _ACCELERATOR.fullmatch(name) is not None


def is_litert_library(name: str) -> bool:
    """Tells whether the runner needs a library of this name from LiteRT's wheel or AAR.

    It does not need the bindings for other languages, which hold an interpreter, nor vendors' compiler plugins and dispatch libraries:
    none of them is loaded for a CPU or a GPU.
    """
    return name == LITERT_LIBRARY or is_accelerator(name)


def litert_library() -> Path:
    """Returns the path of the installed wheel's LiteRT library, without an import of the package.

    Raises:
        DeviceError: the package is not installed or holds no such library.
    """
    spec = importlib.util.find_spec("ai_edge_litert")
    if spec is None or not spec.submodule_search_locations:
        raise DeviceError(f"the runtime is missing: pip install {LITERT_PACKAGE}")
    library = Path(spec.submodule_search_locations[0]) / LITERT_LIBRARY
    if not library.is_file():
        raise DeviceError(f"the installed {LITERT_PACKAGE} has no {LITERT_LIBRARY}; install version 2.1.6 or later")
    return library


def litert_libraries() -> dict[str, Path]:
    """Returns the installed wheel's LiteRT library and accelerators, as file name to path.

    Raises:
        DeviceError: as for `litert_library`.
    """
    return {path.name: path for path in sorted(litert_library().parent.iterdir()) if is_litert_library(path.name)}


def litert_version() -> str:
    """Returns name and version of the installed wheel, in the form that rows of the tables have.

    Raises:
        DeviceError: the package is not installed.
    """
    try:
        return f"{LITERT_PACKAGE} {version(LITERT_PACKAGE)}"
    except PackageNotFoundError:
        raise DeviceError(f"the runtime is missing: pip install {LITERT_PACKAGE}") from None
