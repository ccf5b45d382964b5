"""Shell scripts that run on a device."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).parent


def read_script(name: str) -> str:
    """Returns the text of a script."""
    return (SCRIPTS / name).read_text(encoding="utf-8")
