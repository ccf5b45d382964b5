"""Searches: what was evaluated in which order, and the tree that came of it, out of a search's journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collab.config import load as load_config
from collab.config import zoo_names
from collab.errors import SyncNasError
from collab.model import ModelConfig
from search.explanation import read_tree
from search.journals.journal import text_setting
from search.results.archive import Found, pareto
from search.results.files import FOUND_FILE


@dataclass(frozen=True)
class Architecture:
    """An architecture that was evaluated: when it was first asked for (counted from 1), and whether nothing else beats it."""

    number: int
    strategy: str
    accuracy: float
    objective: float
    latency_us: float | None
    placement: str
    units: tuple[str, ...]
    stem: int | None
    head: int
    is_on_front: bool


@dataclass(frozen=True)
class SearchResult:
    """A search as far as it has come. `base`: the model of the zoo that it began with; `found`: the config of the best; None: not there."""

    folder: Path
    method: str
    evaluator: str
    budget: str
    budget_us: float | None
    model: str
    evaluated: int
    failed: int
    under_way: int
    feasible: int | None
    size: int
    architectures: tuple[Architecture, ...]
    base: ModelConfig | None
    found: ModelConfig | None

    @property
    def best(self) -> Architecture | None:
        """The best by the objective; of equals the fastest."""
        return max(self.architectures, key=lambda item: (item.objective, -(item.latency_us or 0.0)), default=None)


def read_search(journal: Path) -> SearchResult:
    """Reads a search from its journal, which may be that of a search that is under way.

    Raises:
        JournalError: it cannot be read, or is not what a search writes.
    """
    tree = read_tree(journal)
    settings = tree.header.settings
    found = tree.status.found
    front = {id(item) for item in pareto(found)}
    budget_us = settings.get("budget_us")
    model = text_setting(tree.header, "model", "")
    return SearchResult(
        folder=journal.parent,
        method=tree.settings.method,
        evaluator=text_setting(tree.header, "evaluator", ""),
        budget=text_setting(tree.header, "budget", ""),
        budget_us=float(budget_us) if isinstance(budget_us, int | float) else None,
        model=model,
        evaluated=tree.status.evaluated,
        failed=tree.status.failed,
        under_way=tree.under_way,
        feasible=tree.feasible_leaves,
        size=tree.space.size,
        architectures=tuple(_architecture(number, item, id(item) in front) for number, item in enumerate(found, start=1)),
        base=_of_the_zoo(model),
        found=_config(journal.parent / FOUND_FILE),
    )


def _architecture(number: int, item: Found, is_on_front: bool) -> Architecture:
    placed = item.placement
    return Architecture(
        number=number,
        strategy=item.strategy,
        accuracy=item.accuracy,
        objective=item.objective,
        latency_us=item.latency_us,
        placement="" if placed is None else placed.text,
        units=() if placed is None else placed.units,
        stem=None if placed is None else placed.stem,
        head=0 if placed is None else placed.head,
        is_on_front=is_on_front,
    )


def _of_the_zoo(name: str) -> ModelConfig | None:
    """Returns a model of the zoo; a journal is not trusted to name a file."""
    return load_config(name) if name in zoo_names() else None


def _config(path: Path) -> ModelConfig | None:
    if not path.is_file():
        return None
    try:
        return load_config(path)
    except SyncNasError:
        return None
