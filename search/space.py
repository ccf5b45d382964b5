"""The space of a search: every strategy of a base model, under every placement that is to be tried.

A *leaf* is a row of whole numbers: a letter for each stage (0 ``n``, 1 ``a``, 2 ``c``), and last the number of a placement. Leaves are also
counted through by a *code*, from 0 to size - 1, in the order in which their numbers would be sorted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np

from collab.config import SYNCS
from collab.errors import ConfigError
from collab.model import ModelConfig
from collab.placement import Placement
from collab.variants import even_shares
from collab.wording.options import option_named
from lut.prediction.replay import Ints
from lut.prediction.variants import LETTER_ADD, LETTER_CONCAT, LETTER_NONE

Leaf: TypeAlias = tuple[int, ...]
MAX_SIZE: Final = 1 << 62
"""The most leaves that codes can count."""


@dataclass(frozen=True)
class Space:
    """Leaves by the options of each decision: letters stage by stage, then the placement."""

    options: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not all(self.options) or self.size > MAX_SIZE:
            raise ConfigError(f"a space of {len(self.options) - 1} stages has no strategies, or more than can be counted")

    @property
    def stages(self) -> int:
        return len(self.options) - 1

    @property
    def size(self) -> int:
        return math.prod(len(options) for options in self.options)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of options of each decision."""
        return tuple(len(options) for options in self.options)

    @cached_property
    def _strides(self) -> Ints:
        return np.array([math.prod(self.counts[place + 1 :]) for place in range(len(self.counts))], np.int64)

    @cached_property
    def _ranks(self) -> Ints:
        """(decisions, values): which option a value is; -1 for a value that is none."""
        ranks = np.full((len(self.options), max(map(max, self.options)) + 1), -1, np.int64)
        for place, options in enumerate(self.options):
            ranks[place, list(options)] = np.arange(len(options))
        return ranks

    def leaves(self, codes: Ints) -> Ints:
        """(R, decisions) of (R,) codes."""
        table = np.zeros((len(self.options), max(self.counts)), np.int64)
        for place, options in enumerate(self.options):
            table[place, : len(options)] = options
        ranks = codes[:, None] // self._strides % np.array(self.counts)
        found: Ints = table[np.arange(len(self.options)), ranks]
        return found

    def codes(self, leaves: Ints) -> Ints:
        """(R,) codes of (R, decisions) leaves, which must be of this space."""
        found: Ints = (self._ranks[np.arange(len(self.options)), leaves] * self._strides).sum(axis=1)
        return found

    def strategy(self, leaf: Sequence[int]) -> str:
        """The leaf's letters."""
        return "".join(SYNCS[letter] for letter in leaf[: self.stages])

    def leaf(self, strategy: str, placement: int = 0) -> Leaf:
        """The leaf of a strategy.

        Raises:
            ConfigError: it is none of this space.
        """
        letters = [SYNCS.index(letter) if letter in SYNCS else -1 for letter in strategy]
        found = (*letters, placement)
        if not self.holds(found):
            raise ConfigError(f"'{strategy}' is no strategy of {self.stages} stages that could be searched")
        return found

    def holds(self, leaf: Leaf) -> bool:
        """Whether it is a leaf of this space."""
        return len(leaf) == len(self.options) and all(value in options for value, options in zip(leaf, self.options, strict=True))

    def random(self, count: int, generator: np.random.Generator) -> Ints:
        """(count, decisions) leaves drawn uniformly."""
        return self.leaves(generator.integers(self.size, size=count))

    def neighbours(self, leaf: Ints) -> Ints:
        """All leaves that differ from one in a single decision."""
        rows = []
        for place, options in enumerate(self.options):
            for value in options:
                if value != leaf[place]:
                    row = leaf.copy()
                    row[place] = value
                    rows.append(row)
        return np.array(rows, np.int64).reshape(-1, len(self.options))


def strategy_space(base: ModelConfig, *, branches: int = 2, placements: int = 1) -> Space:
    """All strategies of a base model: any sync after any stage, one after the last; ``c`` only where channels can be shared out."""
    stages: list[tuple[int, ...]] = []
    for index, stage in enumerate(base.stages):
        try:
            even_shares(stage.out_c, branches)
            syncs: tuple[int, ...] = (LETTER_ADD, LETTER_CONCAT)
        except ConfigError:
            syncs = (LETTER_ADD,)
        stages.append(syncs if index == len(base.stages) - 1 else (LETTER_NONE, *syncs))
    return Space((*stages, tuple(range(placements))))


def all_placements(units: Sequence[str], *, branches: int = 2) -> tuple[Placement, ...]:
    """Every way to place so many branches, the stem and the head on a device's units.

    Which of the chosen units is called branch 0 makes no difference, as widths are chosen for each: such mirror images are left out.

    Raises:
        ConfigError: fewer units than branches.
    """
    if len(units) < branches:
        raise ConfigError(
            f"{branches} branches need {branches} units, the tables have only {', '.join(units)}; profile with more"
            f" {option_named('--unit')}"
        )
    return tuple(
        Placement(chosen, stem, head)
        for chosen in combinations(units, branches)
        for stem in (None, *range(branches))
        for head in range(branches)
    )
