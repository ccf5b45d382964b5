"""Folders as commands leave them, of the smallest model, really measured on this machine."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from collab.variants import collaborative
from tests.models import tiny

STRATEGY = "nca"


@dataclass(frozen=True)
class Measured:
    """A profile that was verified and certified, and a search on its tables."""

    lut: Path
    found: Path
    base: Path
    model: Path


def run(module: str, *arguments: object, status: int = 0) -> str:
    """Runs a command; gives its standard output, or standard error where it is to fail."""
    words = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if status == 0 else result.stderr


def measure(folder: Path) -> Measured:
    """Profiles, verifies, certifies and searches."""
    made = Measured(folder / "lut", folder / "found", folder / "tiny.json", folder / "two_units.json")
    made.base.write_text(tiny().to_json())
    made.model.write_text(collaborative(tiny(), STRATEGY).to_json())
    run("profiler.run", "--model", made.base, "--out", made.lut, "--quick")
    run("profiler.verify", "--lut", made.lut, "--model", made.model, "--rounds", 3, "--runs", 5)
    run("profiler.certify", "--lut", made.lut, "-n", 6, "--rounds", 2)
    accuracies = folder / "accuracies.csv"
    with accuracies.open("w", newline="") as file:
        csv.writer(file).writerows([("strategy", "accuracy"), *_accuracies()])
    tables = ("--lut", made.lut, "--model", made.base, "--budget", "3x", "--evaluations", 12)
    run("search.run", *tables, "--evaluator", "table", "--table", accuracies, "--out", made.found)
    return made


def _accuracies() -> Iterator[tuple[str, float]]:
    """Yields accuracies of all strategies; they are given to the search as known, and so are neither measured nor real."""
    for number, letters in enumerate(product("nac", "nac", "ac")):
        yield "".join(letters), 0.5 + (number * 7 % 18) / 100


def rename_device(lut: Path, name: str) -> None:
    """Gives the tables in a folder another device's name."""
    path = lut / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "device": name}))
