"""``table``: accuracies that are known already, as in a benchmark of architectures. Needs no device tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from collab.config import SYNCS
from collab.documents import read_bytes
from collab.errors import TableError
from collab.wording.options import option_named
from search.evaluators.base import MAX_ACCURACY, EvaluationError, Query

_COLUMNS: Final = ("strategy", "accuracy")
_MOST_BYTES: Final = 64 << 20
_MOST_STAGES: Final = 39
"""Strategies of more stages are more than 64 bits can count."""


def _advice() -> str:
    return f"name a CSV of strategy,accuracy with {option_named('--table')}"


def read_accuracies(path: Path) -> dict[str, float]:
    """Reads a table: strategy, a letter per stage, to accuracy.

    Raises:
        TableError: it cannot be read, lacks a column, is empty, or a line of it is damaged; names the line.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TableError(f"{path}: cannot be read ({reason}); {_advice()}") from error
    return _read(path, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=4)
def _read(path: Path, state: tuple[int, int, int]) -> dict[str, float]:
    """Reads a table, once for each state of the file."""
    del state
    data = read_bytes(path, limit_bytes=_MOST_BYTES, error=TableError, advice=_advice())
    found: dict[str, float] = {}
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        strategies, accuracies = _columns(path, next(reader, []))
        for row in filter(None, reader):
            cells = [row[column].strip() if column < len(row) else "" for column in (strategies, accuracies)]
            strategy, accuracy = _row(path, reader.line_num, *cells)
            if strategy in found:
                raise TableError(f"{path}: line {reader.line_num}: {strategy} stands there a second time")
            found[strategy] = accuracy
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: is no CSV text ({error})") from error
    if not found:
        raise TableError(f"{path}: has no line besides the first; there is nothing to search")
    if len({len(strategy) for strategy in found}) > 1:
        raise TableError(f"{path}: its strategies differ in length; one letter per stage is needed in each")
    return found


def _columns(path: Path, row: list[str]) -> list[int]:
    """Returns the numbers of the columns that are needed, by the first line."""
    names = [name.strip() for name in row]
    if any(names.count(column) != 1 for column in _COLUMNS):
        raise TableError(f"{path}: the first line must name the columns strategy and accuracy once each, it is {','.join(names)!r:.80}")
    return [names.index(column) for column in _COLUMNS]


def _row(path: Path, line: int, strategy: str, text: str) -> tuple[str, float]:
    if not 0 < len(strategy) <= _MOST_STAGES or any(letter not in SYNCS for letter in strategy):
        raise TableError(
            f"{path}: line {line}: '{strategy[:40]}' is no strategy; one of the letters n, a, c for each of up to {_MOST_STAGES} stages"
        )
    try:
        accuracy = float(text)
    except ValueError:
        accuracy = math.nan
    if not abs(accuracy) <= MAX_ACCURACY:
        raise TableError(
            f"{path}: line {line}: the accuracy of {strategy} is '{text[:40]}', which is no finite number within {MAX_ACCURACY:g}"
        )
    return strategy, accuracy


@dataclass(frozen=True)
class TableEvaluator:
    """Looks accuracies up in a CSV with the columns ``strategy`` and ``accuracy``."""

    path: Path

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        del folder
        say(f"{len(read_accuracies(self.path))} strategies in {self.path}")

    def known(self) -> frozenset[str]:
        return frozenset(read_accuracies(self.path))

    def evaluate(self, query: Query) -> float:
        accuracy = read_accuracies(self.path).get(query.strategy)
        if accuracy is None:
            raise EvaluationError(f"{query.strategy}: not in {self.path}")
        return accuracy
