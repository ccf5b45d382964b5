"""Strategies of a base model on a device, with widths that meet a latency budget."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collab.config import SYNCS
from collab.model import ModelConfig
from collab.placement import Placement
from collab.wording.options import option_named
from lut.prediction.costs import Costs
from lut.prediction.replay import Floats, Ints
from lut.prediction.variants import LETTER_CONCAT, VariantCosts
from search.problems.base import Candidate, InfeasibleError
from search.space import Leaf, Space, strategy_space
from search.widths.allocator import DEFAULT_MULTIPLE, DEFAULT_WIDEST, WidthAllocator

_ALLOCATED_TOGETHER = 2048


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
        """Returns the least latency, in us, that each of (R, decisions) leaves can have, (R,)."""
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
        return Candidate(self._space.strategy(leaf), architecture_key(config), placement, config, latency_us, config.widths)

    def why_not(self, leaf: Leaf) -> str:
        least_us = float(self.narrowest_us(np.array([leaf]))[0])
        return (
            f"{self._space.strategy(leaf)}: {least_us / 1e3:.3f} ms with the narrowest blocks that the tables know,"
            f" the budget is {self.budget_us / 1e3:.3f} ms"
        )

    def check(self) -> None:
        """Refuses a budget that leaves room for no strategy.

        Raises:
            InfeasibleError: it leaves none; names the least that would be needed.
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
            f" know; give a larger {option_named('--budget')}"
        )

    def _fewest_syncs(self) -> Ints:
        """Returns the leaves with one sync, or one or two; of a small space all leaves, as another may happen to be the cheapest."""
        space = self._space
        if space.size <= _ALLOCATED_TOGETHER:
            return space.leaves(np.arange(space.size))
        none = [options[0] for options in space.options[:-2]]
        single = [(*none, letter, placement) for letter in space.options[-2] for placement in space.options[-1]]
        more = [space.neighbours(np.array(leaf)) for leaf in single]
        return np.concatenate([np.array(single, np.int64), *more])

    def widest_blocks(self, generator: np.random.Generator) -> list[list[int]]:
        """Returns the most expansion channels, (B, slots), that any strategy gets in a branch; of a large space, any of a sample."""
        space = self._space
        sampled = np.arange(space.size) if space.size <= _ALLOCATED_TOGETHER else generator.integers(space.size, size=_ALLOCATED_TOGETHER)
        letters = np.unique(space.leaves(sampled)[:, :-1], axis=0)
        most = [allocator.most(allocator.allocate(letters, self.budget_us)) for allocator in self._allocators]
        widest: list[list[int]] = np.max(most, axis=0).tolist()
        return widest


def architecture_key(config: ModelConfig) -> str:
    """Returns a text that is equal for configs of the same network.

    Names do not count, nor which branch comes first where none is concatenated.
    """
    document = {key: value for key, value in config.document.items() if key != "name"}
    stages = [document.pop(str(index)) for index in range(len(config.stages))]
    branches = [[stage[str(branch)] for stage in stages] for branch in range(config.branches)]
    if not any(SYNCS.index(stage.sync or "n") == LETTER_CONCAT for stage in config.stages):
        branches.sort()
    text = json.dumps([document, branches], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
