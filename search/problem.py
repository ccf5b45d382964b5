"""What is searched: a space of leaves, which of them can be evaluated, and what a leaf stands for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from collab.config import SYNCS, ModelConfig
from collab.errors import ConfigError, SyncNasError
from collab.placement import Placement
from lut.costs import Costs
from lut.replay import Floats, Ints
from lut.variants import LETTER_CONCAT, VariantCosts
from search.space import Leaf, Space, all_placements, strategy_space
from search.widths.allocator import DEFAULT_MULTIPLE, DEFAULT_WIDEST, WidthAllocator

_ALLOCATED_TOGETHER = 2048


class InfeasibleError(SyncNasError):
    """A budget that no strategy meets, or tables that hold no strategy."""


@dataclass(frozen=True)
class Candidate:
    """What a leaf stands for. `key` is equal for leaves that stand for the same architecture; the rest is None without device tables."""

    strategy: str
    key: str
    placement: Placement | None = None
    config: ModelConfig | None = None
    latency_us: float | None = None


class Problem(Protocol):
    """A search's subject."""

    @property
    def space(self) -> Space:
        """All leaves, feasible or not."""

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        """(R,) of (R, decisions): which can be evaluated."""

    def candidate(self, leaf: Leaf) -> Candidate:
        """What a feasible leaf stands for."""

    def why_not(self, leaf: Leaf) -> str:
        """Why an infeasible leaf is; a sentence."""


class _Known:
    """A set of strategies of equal length, that knows which leaves have theirs among them."""

    def __init__(self, strategies: Sequence[str]) -> None:
        letters = np.array([[SYNCS.index(letter) for letter in strategy] for strategy in strategies], np.int64)
        self._codes = np.sort(self._code(letters)) if len(strategies) else np.zeros(0, np.int64)

    @staticmethod
    def _code(letters: Ints) -> Ints:
        code: Ints = letters @ (len(SYNCS) ** np.arange(letters.shape[1]))
        return code

    def holds(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = np.isin(self._code(leaves[:, :-1]), self._codes)
        return found


class StrategyTable:
    """Strategies whose accuracies are known, and nothing else: every other one is infeasible.

    Raises:
        InfeasibleError: there is none.
        ConfigError: they differ in length, or have letters that are none.
    """

    def __init__(self, strategies: Sequence[str]) -> None:
        if not strategies:
            raise InfeasibleError("the table holds no strategy")
        lengths = {len(strategy) for strategy in strategies}
        if len(lengths) > 1:
            raise ConfigError(f"the table's strategies have different lengths: {', '.join(map(str, sorted(lengths)))} letters")
        if strange := next((strategy for strategy in strategies if not strategy or set(strategy) - set(SYNCS)), None):
            raise ConfigError(f"'{strange}' is no strategy; one of the letters {', '.join(SYNCS)} for each stage")
        letters = [sorted({SYNCS.index(strategy[place]) for strategy in strategies}) for place in range(lengths.pop())]
        self._space = Space((*map(tuple, letters), (0,)))
        self._known = _Known(strategies)

    @property
    def space(self) -> Space:
        return self._space

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        return self._known.holds(leaves)

    def candidate(self, leaf: Leaf) -> Candidate:
        strategy = self._space.strategy(leaf)
        return Candidate(strategy, strategy)

    def why_not(self, leaf: Leaf) -> str:
        return f"{self._space.strategy(leaf)}: not in the table"


class DeviceProblem:
    """Strategies of a base model on a device, with widths that meet a budget.

    Args:
        placements: each strategy is tried under all of them, and has the one that leaves most room; with `in_tree`, the placement is a
            decision of its own instead, and one strategy may be evaluated under several.

    Raises:
        MissingEntryError: the tables lack what every strategy needs.
    """

    def __init__(
        self,
        base: ModelConfig,
        costs: Costs,
        placements: Sequence[Placement],
        budget_us: float,
        *,
        in_tree: bool = False,
        multiple: int = DEFAULT_MULTIPLE,
        widest: float = DEFAULT_WIDEST,
    ) -> None:
        self.base, self.budget_us, self.placements = base, budget_us, tuple(placements)
        self._in_tree = in_tree
        self._allocators = [WidthAllocator(VariantCosts(base, p, costs), multiple=multiple, widest=widest) for p in placements]
        self._space = strategy_space(base, branches=len(placements[0].units), placements=len(placements) if in_tree else 1)

    @property
    def space(self) -> Space:
        return self._space

    def narrowest_us(self, leaves: Ints) -> Floats:
        """(R,) the least that each leaf can take."""
        letters = leaves[:, :-1]
        if not self._in_tree:
            found: Floats = np.min([allocator.narrowest_us(letters) for allocator in self._allocators], axis=0)
            return found
        result = np.zeros(len(leaves))
        for number, allocator in enumerate(self._allocators):
            rows = leaves[:, -1] == number
            if rows.any():
                result[rows] = allocator.narrowest_us(letters[rows])
        return result

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        return self.narrowest_us(leaves) <= self.budget_us if len(leaves) else np.zeros(0, bool)

    def candidate(self, leaf: Leaf) -> Candidate:
        letters = np.array([leaf[:-1]])
        numbers = [leaf[-1]] if self._in_tree else range(len(self.placements))
        found: list[tuple[ModelConfig, Placement, float]] = []
        for number in numbers:
            allocator = self._allocators[number]
            allocation = allocator.allocate(letters, self.budget_us)
            if allocation.feasible[0]:
                found.append((allocator.config(allocation, 0), self.placements[number], float(allocation.latency_us[0])))
        if not found:
            raise InfeasibleError(self.why_not(leaf))
        # The room that a placement leaves shows in the work that the model can do; equals go by the order of placements.
        config, placement, latency_us = max(found, key=lambda item: item[0].macs)
        return Candidate(self._space.strategy(leaf), architecture_key(config), placement, config, latency_us)

    def why_not(self, leaf: Leaf) -> str:
        least_us = float(self.narrowest_us(np.array([leaf]))[0])
        return (
            f"{self._space.strategy(leaf)}: {least_us / 1e3:.3f} ms with the narrowest blocks that the tables know,"
            f" the budget is {self.budget_us / 1e3:.3f} ms"
        )

    def check(self) -> None:
        """Whether the budget leaves room for any strategy.

        Raises:
            InfeasibleError: it does not; names the least that would be needed.
        """
        # With fewest syncs a strategy has least that does not scale; the fewest is one, at the end.
        leaves = self._fewest_syncs()
        if self.feasible(leaves).any():
            return
        narrowest = self.narrowest_us(leaves)
        at = int(narrowest.argmin())
        raise InfeasibleError(
            f"no strategy of {self.base.name} fits into {self.budget_us / 1e3:.3f} ms: even"
            f" {self._space.strategy(leaves[at].tolist())} takes {narrowest[at] / 1e3:.3f} ms with the narrowest blocks that the tables"
            " know; give a larger --budget"
        )

    def _fewest_syncs(self) -> Ints:
        """Leaves with one sync, or one or two; of a small space all leaves, as another may happen to be the cheapest."""
        space = self._space
        if space.size <= _ALLOCATED_TOGETHER:
            return space.leaves(np.arange(space.size))
        none = [options[0] for options in space.options[:-2]]
        single = [(*none, letter, placement) for letter in space.options[-2] for placement in space.options[-1]]
        more = [space.neighbours(np.array(leaf)) for leaf in single]
        return np.concatenate([np.array(single, np.int64), *more])

    def widest_blocks(self, generator: np.random.Generator) -> list[list[int]]:
        """(B, slots): the most expansion channels that any strategy gets in a branch (of a large space, a sample of its strategies)."""
        space = self._space
        sampled = np.arange(space.size) if space.size <= _ALLOCATED_TOGETHER else generator.integers(space.size, size=_ALLOCATED_TOGETHER)
        letters = np.unique(space.leaves(sampled)[:, :-1], axis=0)
        most = [allocator.most(allocator.allocate(letters, self.budget_us)) for allocator in self._allocators]
        widest: list[list[int]] = np.max(most, axis=0).tolist()
        return widest


class Restricted:
    """A problem of which only some strategies can be evaluated."""

    def __init__(self, problem: Problem, known: frozenset[str]) -> None:
        self._problem = problem
        self._known = _Known([strategy for strategy in known if len(strategy) == problem.space.stages])

    @property
    def space(self) -> Space:
        return self._problem.space

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        found = self._problem.feasible(leaves)
        found[found] = self._known.holds(leaves[found])
        return found

    def candidate(self, leaf: Leaf) -> Candidate:
        return self._problem.candidate(leaf)

    def why_not(self, leaf: Leaf) -> str:
        return self._problem.why_not(leaf)


def architecture_key(config: ModelConfig) -> str:
    """Equal for configs that are the same network: names do not count, nor which branch comes first where none is concatenated."""
    document = {key: value for key, value in config.document.items() if key != "name"}
    stages = [document.pop(str(index)) for index in range(len(config.stages))]
    branches = [[stage[str(branch)] for stage in stages] for branch in range(config.branches)]
    if not any(SYNCS.index(stage.sync or "n") == LETTER_CONCAT for stage in config.stages):
        branches.sort()
    text = json.dumps([document, branches], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def placements_to_try(text: str, units: Sequence[str], *, branches: int) -> tuple[tuple[Placement, ...], bool]:
    """What ``--placement`` asks for: the placements, and whether they are decisions of the tree.

    ``best`` tries all for each strategy, ``tree`` makes the placement part of the search, anything else is one placement.

    Raises:
        ConfigError: it names units that are not in the tables, or no placement.
    """
    from collab.placement import parse_placement

    if text in ("best", "tree"):
        return all_placements(units, branches=branches), text == "tree"
    placement = parse_placement(text, branches=branches)
    strange = [unit for unit in placement.units if unit not in units]
    if strange:
        raise ConfigError(f"--placement {text}: the tables have no unit {strange[0]}, only {', '.join(units)}")
    return (placement,), False
