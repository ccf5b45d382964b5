"""Searches: what was evaluated in which order, and the tree that came of it, out of a search's journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collab.blocks import MBConv
from collab.config import load as load_config
from collab.config import zoo_names
from collab.errors import ConfigError, SyncNasError
from collab.model import BranchWidths, ModelConfig
from collab.variants import even_shares
from search.explanation import read_tree
from search.journals.journal import text_setting
from search.results.archive import Found, pareto
from search.results.files import FOUND_FILE


@dataclass(frozen=True)
class Architecture:
    """An architecture that was evaluated: when it was first asked for (counted from 1), and whether nothing else beats it.

    `widths`: expansion channels of each branch's blocks, stage by stage; None where the journal has none.
    """

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
    widths: BranchWidths | None = None


@dataclass(frozen=True)
class BaseStage:
    """A stage of the base model: `blocks` as a config has them, and each branch's `shares` of the last one's output after a concat."""

    blocks: tuple[tuple[int, int, int, int, int, int], ...]
    shares: tuple[int, ...]


@dataclass(frozen=True)
class BaseShape:
    """The channels of a base model that its architectures share; `stem` and `head` have those of their input and output."""

    stem: tuple[int, int]
    stages: tuple[BaseStage, ...]
    head: tuple[int, int]


@dataclass(frozen=True)
class SearchResult:
    """A search as far as it has come. `base`: the model that it began with; None where that is not known."""

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
    base: BaseShape | None

    @property
    def best(self) -> Architecture | None:
        """The best by the objective; of equals the fastest."""
        return _best(self.architectures)


def _best(found: Sequence[Architecture]) -> Architecture | None:
    return max(found, key=lambda item: (item.objective, -(item.latency_us or 0.0)), default=None)


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
    base = tree.base or _of_the_zoo(model)
    architectures = [_architecture(number, item, id(item) in front) for number, item in enumerate(found, start=1)]
    if tree.base is None and base is not None:
        architectures = _with_widths_of_best(architectures, base, _config(journal.parent / FOUND_FILE))
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
        architectures=tuple(architectures),
        base=None if base is None else _shape(base, branches=max((len(each.units) for each in architectures), default=0) or 2),
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
        widths=item.widths,
    )


def _shape(base: ModelConfig, *, branches: int) -> BaseShape:
    stages = (stage.branches[0] for stage in base.stages)
    return BaseShape(
        (base.stem.in_c, base.stem.out_c),
        tuple(BaseStage(tuple(map(_row, blocks)), _shares(blocks[-1].out_c, branches)) for blocks in stages),
        (base.head.in_c, base.head.hidden_c),
    )


def _row(block: MBConv) -> tuple[int, int, int, int, int, int]:
    return block.in_size, block.kernel, block.stride, block.in_c, block.exp_c, block.out_c


def _shares(channels: int, branches: int) -> tuple[int, ...]:
    """Returns the branches' shares of a concat; none where there are too few channels for one."""
    try:
        return tuple(even_shares(channels, branches))
    except ConfigError:
        return ()


def _with_widths_of_best(found: list[Architecture], base: ModelConfig, config: ModelConfig | None) -> list[Architecture]:
    """Returns architectures with the widths of the best by its config: all that a search of before format 4 has left of them."""
    best = _best(found)
    if best is None or config is None or config.strategy != best.strategy or _counts(config) != _counts(base):
        return found
    return [replace(each, widths=config.widths) if each is best else each for each in found]


def _counts(config: ModelConfig) -> list[int]:
    return [len(stage.branches[0]) for stage in config.stages]


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
