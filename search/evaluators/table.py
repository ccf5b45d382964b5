"""``table``: accuracies that are known already, as in a benchmark of architectures. Needs no device tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from collab.config import SYNCS
from collab.errors import TableError
from search.evaluators.base import EvaluationError, Query

_COLUMNS = ("strategy", "accuracy")


@lru_cache(maxsize=4)
def read_accuracies(path: Path) -> dict[str, float]:
    """The table: strategy, a letter per stage, to accuracy.

    Raises:
        TableError: it cannot be read, lacks a column, is empty, or a line of it is damaged; names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            if any(column not in names for column in _COLUMNS):
                raise TableError(f"{path}: the first line must name the columns strategy and accuracy, it is {','.join(names)!r:.80}")
            reader.fieldnames = names
            found: dict[str, float] = {}
            for row in reader:
                strategy, accuracy = _row(path, reader.line_num, row)
                if strategy in found:
                    raise TableError(f"{path}: line {reader.line_num}: {strategy} stands there a second time")
                found[strategy] = accuracy
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); name a CSV of strategy,accuracy with --table") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: is no CSV text ({error})") from error
    if not found:
        raise TableError(f"{path}: has no line besides the first; there is nothing to search")
    if len({len(strategy) for strategy in found}) > 1:
        raise TableError(f"{path}: its strategies differ in length; one letter per stage is needed in each")
    return found


def _row(path: Path, line: int, row: dict[str, str | None]) -> tuple[str, float]:
    strategy, text = (row["strategy"] or "").strip(), (row["accuracy"] or "").strip()
    if not strategy or any(letter not in SYNCS for letter in strategy):
        raise TableError(f"{path}: line {line}: '{strategy[:40]}' is no strategy; one of the letters n, a, c for each stage")
    try:
        accuracy = float(text)
    except ValueError:
        accuracy = math.nan
    if not math.isfinite(accuracy):
        raise TableError(f"{path}: line {line}: the accuracy of {strategy} is '{text[:40]}', which is no finite number")
    return strategy, accuracy


@dataclass(frozen=True)
class TableEvaluator:
    """Looks accuracies up in a CSV with the columns ``strategy`` and ``accuracy``."""

    path: Path

    @property
    def needs_config(self) -> bool:
        return False

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
