"""The files that a search leaves behind, and the commands to go on with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from collab.config import from_document
from collab.files import write_whole
from collab.model import ModelConfig
from collab.names import derived_name
from collab.wording.commands import command_named
from search.evaluators.base import Evaluator, HasWeights
from search.results.archive import ARCHIVE_FILE, Found, write_archive

FOUND_FILE: Final = "found.json"
WEIGHTS_FILE: Final = "found.npz"


def named(config: ModelConfig, budget: str) -> ModelConfig:
    """Returns the config with a name that says base, strategy and budget."""
    name = derived_name(f"{config.name}_{budget}")
    return from_document({**config.document, "name": name}, origin=name)


def write_results(folder: Path, found: Sequence[Found], best: Found | None, evaluator: Evaluator) -> Path | None:
    """Writes the archive, and the best one's config and, where the evaluator has trained any, weights; returns the config's path."""
    write_archive(folder / ARCHIVE_FILE, found)
    if best is None or best.config is None:
        return None
    if isinstance(evaluator, HasWeights):
        weights: dict[str, Any] = dict(evaluator.trained_weights(best.config))
        content = io.BytesIO()
        np.savez(content, **weights)
        write_whole(folder / WEIGHTS_FILE, content.getvalue())
    write_whole(folder / FOUND_FILE, named(best.config, best.budget).to_json())
    return folder / FOUND_FILE


def next_commands(folder: Path, best: Found, device: str, lut: Path) -> list[str]:
    """Returns the commands that measure the found model's latency, split the model, and put it on the device."""
    assert best.placement is not None
    config, placement = folder / FOUND_FILE, best.placement.text
    weights = folder / WEIGHTS_FILE
    bundle = folder / "bundle"
    on = ["--device", device]
    export = ["--model", str(config), "--placement", placement, "--out", str(bundle)]
    if weights.exists():
        export += ["--weights", str(weights)]
    lines = [
        ["verify", "--lut", str(lut), *on, "--model", str(config), "--placement", placement],
        ["export", *export],
        ["deploy", *on, str(bundle), "--lut", str(lut)],
    ]
    return [command_named(*line) for line in lines]


def summary(folder: Path, best: Found | None, evaluated: int, failed: int) -> dict[str, Any]:
    """Returns a search's result as a JSON object."""
    document: dict[str, Any] = {"out": str(folder), "evaluated": evaluated, "failed": failed, "best": None}
    if best is not None:
        document["best"] = {
            "strategy": best.strategy,
            "accuracy": best.accuracy,
            "objective": best.objective,
            "placement": None if best.placement is None else best.placement.text,
            "latency_us": best.latency_us,
            "budget": best.budget,
        }
    return document
