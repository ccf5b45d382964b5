"""Results of benchmarks: files of raw samples, and lines of figures beside their targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def keep(name: str, document: Mapping[str, Any]) -> Path:
    """Writes a benchmark's figures and raw samples; returns the path of the file."""
    FOLDER.mkdir(exist_ok=True)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = FOLDER / f"{name}-{stamp}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def say(what: str, value: str, target: str, *, met: bool) -> None:
    """Prints a line with a name, a figure, its target, and whether the target is met."""
    print(f"{what:58} {value:>18}   target {target:>12}   {'met' if met else 'NOT MET'}", flush=True)
