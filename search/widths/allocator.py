"""Widths: expansion channels for every block of a strategy, so that its predicted latency meets a budget.

Between two syncs each branch has its own blocks and the slower one is waited for. So one number per strategy, its *capacity*, decides all:
in every stretch the branches' scales add up to it, which keeps the proportions that the base model has from stage to stage, and they are
split such that all branches reach the sync at the same time, which leaves nothing to wait for. The largest capacity whose replay stays
within the budget is found by bisection, for all strategies together; what is then left of the budget goes to single stretches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collab.config import SYNCS, from_document
from collab.errors import ConfigError
from collab.model import ModelConfig
from collab.names import derived_name
from lut.prediction.replay import Floats, Ints
from lut.prediction.variant_replay import Bodies, Schedules, VariantReplay
from lut.prediction.variants import LETTER_CONCAT, LETTER_NONE, VariantCosts
from search.widths.capacity import SCALES, CapacityCurves

DEFAULT_MULTIPLE: Final = 4
DEFAULT_WIDEST: Final = 1.5
CLOSE: Final = 0.99
"""A latency from this fraction of the budget on needs no refining."""
_LEVELS: Final = 1024
"""Steps of capacity between the narrowest and the widest."""
_ROUNDS: Final = 3
_BODY_CLASS: Final = 1


@dataclass(frozen=True)
class Allocation:
    """Widths of R strategies under one placement and one budget.

    `latency_us` (R,) are the predicted latencies; of infeasible strategies that of the narrowest widths. `widest`: the budget would allow
    more than the tables know. `scale` (R, B, P) says which of the curves' scales each branch has in each stretch.
    """

    letters: Ints
    latency_us: Floats
    feasible: npt.NDArray[np.bool_]
    widest: npt.NDArray[np.bool_]
    scale: Ints


class WidthAllocator:
    """Allocates widths for strategies of one base under one placement.

    Args:
        multiple: widths are multiples of it.
        widest: of the base's expansion channels; tables may end before.

    Raises:
        ConfigError: `multiple` or `widest` make no sense.
        MissingEntryError: the tables lack what every strategy needs.
    """

    def __init__(self, costs: VariantCosts, *, multiple: int = DEFAULT_MULTIPLE, widest: float = DEFAULT_WIDEST) -> None:
        if multiple < 1 or not widest > 0:
            raise ConfigError("widths are multiples of 1 or more, and at most a positive fraction of the base's")
        self.costs = costs
        self._replay = VariantReplay(costs)
        self._curves = CapacityCurves(costs, multiple=multiple, widest=widest)
        self._numbers: dict[tuple[int, int, int, int], int] = {}
        """Number of each kind of stretch: first stage, last stage, letter before (or -1), letter at its end."""
        self._scale_of = np.zeros((0, costs.branches, _LEVELS + 1), np.int64)
        """(kinds, B, levels): each branch's scale in a kind of stretch, at a level of capacity."""
        self._us_of = np.zeros((0, costs.branches, SCALES))
        """(kinds, B, scales): about how long a branch's blocks take in a kind of stretch."""
        self._bodies: list[Bodies] = []
        self._bodies_of = Bodies(*(np.zeros((0, costs.branches, SCALES)) for _ in range(4)))
        """All that they cost, likewise."""

    def narrowest_us(self, letters: Ints) -> Floats:
        """Returns the latencies (R,), in us, with the narrowest blocks: a budget below is not met.

        Raises:
            MissingEntryError: the tables lack a sync that one of the strategies needs.
        """
        schedules = self._replay.schedules(letters)
        return self._latency(schedules, self._kinds(letters, schedules), np.zeros((len(letters), 1), np.int64))

    def allocate(self, letters: Ints, budget_us: float) -> Allocation:
        """Chooses widths for strategies, (R, S) letters as numbers, the last of them synced.

        Raises:
            MissingEntryError: the tables lack a sync that one of the strategies needs.
        """
        schedules = self._replay.schedules(letters)
        kinds = self._kinds(letters, schedules)
        narrowest = self._latency(schedules, kinds, np.zeros((len(letters), 1), np.int64))
        feasible = narrowest <= budget_us
        latency, level = self._bisect(schedules, kinds, narrowest, feasible, budget_us)
        levels = np.repeat(level[:, None], schedules.stretches, axis=1)
        self._raise_stretches(schedules, kinds, levels, latency, feasible, budget_us)
        scale = self._scales(kinds, levels)
        self._raise_branches(schedules, kinds, scale, latency, feasible, budget_us)
        return Allocation(letters, latency, feasible, feasible & (level == _LEVELS), scale)

    def _bisect(
        self, schedules: Schedules, kinds: Ints, narrowest: Floats, feasible: npt.NDArray[np.bool_], budget_us: float
    ) -> tuple[Floats, Ints]:
        """Returns the latencies (R,) and the highest levels of capacity (R,) that stay within the budget."""
        low, high = np.zeros(len(kinds), np.int64), np.full(len(kinds), _LEVELS + 1)
        latency = narrowest.copy()
        rows = np.flatnonzero(feasible)
        while len(rows):
            middle = (low[rows] + high[rows]) // 2
            found = self._latency(schedules.rows(rows), kinds[rows], middle[:, None])
            fits = found <= budget_us
            low[rows[fits]], latency[rows[fits]] = middle[fits], found[fits]
            high[rows[~fits]] = middle[~fits]
            rows = rows[high[rows] - low[rows] > 1]
        return latency, low

    def _raise_stretches(
        self, schedules: Schedules, kinds: Ints, levels: Ints, latency: Floats, feasible: npt.NDArray[np.bool_], budget_us: float
    ) -> None:
        """Raises single stretches while the budget has room; `levels` and `latency` are changed in place."""
        step = _LEVELS // 16
        while step:
            for stretch in range(schedules.stretches):
                rows = np.flatnonzero(feasible & (latency < CLOSE * budget_us) & (kinds[:, stretch] >= 0) & (levels[:, stretch] < _LEVELS))
                if len(rows):
                    tried = levels[rows].copy()
                    tried[:, stretch] = np.minimum(tried[:, stretch] + step, _LEVELS)
                    found = self._latency(schedules.rows(rows), kinds[rows], tried)
                    better = (found <= budget_us) & (found >= latency[rows])
                    levels[rows[better]], latency[rows[better]] = tried[better], found[better]
            step //= 2

    def _raise_branches(
        self, schedules: Schedules, kinds: Ints, scale: Ints, latency: Floats, feasible: npt.NDArray[np.bool_], budget_us: float
    ) -> None:
        """Widens, where levels are too coarse, single branches in single stretches by the least that takes longer.

        `scale` and `latency` are changed in place.
        """
        for _ in range(_ROUNDS):
            for stretch, branch in product(range(schedules.stretches), range(self.costs.branches)):
                rows = np.flatnonzero(feasible & (latency < CLOSE * budget_us) & (kinds[:, stretch] >= 0))
                if len(rows):
                    tried = scale[rows].copy()
                    tried[:, branch, stretch] = self._next_scale(kinds[rows, stretch], branch, tried[:, branch, stretch])
                    found = self._latency_of(schedules.rows(rows), kinds[rows], tried)
                    better = (found <= budget_us) & (found >= latency[rows])
                    scale[rows[better]], latency[rows[better]] = tried[better], found[better]

    def _next_scale(self, kinds: Ints, branch: int, scale: Ints) -> Ints:
        """Returns the next scale at which the blocks take longer; the same where there is none."""
        times = self._us_of[kinds, branch]
        longer = times > np.take_along_axis(times, scale[:, None], axis=1)
        return np.where(longer.any(axis=1), longer.argmax(axis=1), scale)

    def _latency(self, schedules: Schedules, kinds: Ints, levels: Ints) -> Floats:
        return self._latency_of(schedules, kinds, self._scales(kinds, levels))

    def _latency_of(self, schedules: Schedules, kinds: Ints, scale: Ints) -> Floats:
        bodies = self._bodies_of.map((kinds[:, None, :], np.arange(self.costs.branches)[:, None], scale))
        return self._replay.latencies_us(schedules, bodies)

    def _scales(self, kinds: Ints, levels: Ints) -> Ints:
        """Returns each branch's scale, (R, B, P), at the levels (R, P) or (R, 1)."""
        branches = np.arange(self.costs.branches)[:, None]
        found: Ints = self._scale_of[kinds[:, None, :], branches, np.broadcast_to(levels, kinds.shape)[:, None, :]]
        return found

    def _kinds(self, letters: Ints, schedules: Schedules) -> Ints:
        """Returns the kind of each stretch, (R, P); -1 where a strategy has fewer."""
        rows, stages = letters.shape
        kinds = np.full((rows, schedules.stretches), -1, np.int64)
        last_before = np.full(rows, -1, np.int64)
        first = np.zeros(rows, np.int64)
        found: list[tuple[int, int, int, int]] = []
        for stage in range(stages):
            ends = np.flatnonzero(letters[:, stage] != LETTER_NONE)
            four = np.stack([first[ends], np.full(len(ends), stage), last_before[ends], letters[ends, stage]])
            unique, which = np.unique(four, axis=1, return_inverse=True)
            numbers = np.array([self._number((a, b, c, d), found) for a, b, c, d in unique.T.tolist()], np.int64)
            kinds[ends, schedules.stretch[ends, stage]] = numbers[which] if len(ends) else 0
            first[ends], last_before[ends] = stage + 1, letters[ends, stage]
        if found:
            self._add_kinds(found)
        return kinds

    def _number(self, kind: tuple[int, int, int, int], found: list[tuple[int, int, int, int]]) -> int:
        if kind not in self._numbers:
            self._numbers[kind] = len(self._numbers)
            found.append(kind)
        return self._numbers[kind]

    def _add_kinds(self, kinds: Sequence[tuple[int, int, int, int]]) -> None:
        tables = [self._split(*kind) for kind in kinds]
        self._scale_of = np.concatenate([self._scale_of, np.stack([scale for scale, _ in tables])])
        self._us_of = np.concatenate([self._us_of, np.stack([us for _, us in tables])])
        self._bodies += [self._interval(first, last, letter) for first, last, _, letter in kinds]
        self._bodies_of = Bodies.stacked(self._bodies)

    def _split(self, first: int, last: int, before: int, letter: int) -> tuple[Ints, Floats]:
        """Returns each branch's scale at every level, (B, levels), with which all reach the sync together, and its times, (B, scales)."""
        costs, curves = self.costs, self._curves
        begin, end = self._slots(first, last)
        times = [curves.interval_us(branch, begin, end, shared=letter == LETTER_CONCAT) for branch in range(costs.branches)]
        lead = [self._lead_us(branch, first, before) + self._tail_us(branch, last, letter) for branch in range(costs.branches)]
        arrives = [time * self._slowdown(branch) + lead[branch] for branch, time in enumerate(times)]
        moments = np.unique(np.concatenate(arrives))
        # At each moment, the widest that each branch can be by then; a branch that cannot make it at all is at its narrowest.
        reach = np.stack([np.maximum(np.searchsorted(arrive, moments, side="right") - 1, 0) for arrive in arrives])
        capacity = curves.scales[reach].sum(axis=0)
        wanted = np.linspace(capacity[0], costs.branches * curves.scales[-1], _LEVELS + 1)
        at = np.minimum(np.searchsorted(capacity, wanted, side="left"), len(moments) - 1)
        scale: Ints = reach[:, at]
        return scale, np.stack(times)

    def _interval(self, first: int, last: int, letter: int) -> Bodies:
        """Returns all that each branch's blocks cost in a kind of stretch, (B, scales)."""
        begin, end = self._slots(first, last)
        shared = letter == LETTER_CONCAT
        return Bodies.stacked([self._curves.interval(branch, begin, end, shared=shared) for branch in range(self.costs.branches)])

    def _slots(self, first: int, last: int) -> tuple[int, int]:
        """Returns the first and the last slot of two stages and those between."""
        return 0 if first == 0 else int(self.costs.last_slots[first - 1]) + 1, int(self.costs.last_slots[last])

    def _slowdown(self, branch: int) -> float:
        factors = self.costs.factors
        if factors is None:
            return 1.0
        return float(np.prod([factors[branch, _BODY_CLASS, other] for other in range(self.costs.branches) if other != branch]))

    def _lead_us(self, branch: int, first: int, before: int) -> float:
        """Returns the time of what a branch does in a stretch before its blocks, us."""
        costs, stem = self.costs, self.costs.placement.stem
        if first > 0:
            fetches = [costs.handover(first - 1, peer, branch, before) for peer in range(costs.branches) if peer != branch]
            return costs.call_us[branch] + costs.opening(first - 1, branch, before).alone_us + sum(f.write_us for f in fetches)
        if stem is None or stem == branch:
            twice = 0.0 if stem is None else costs.call_us[branch]
            return costs.input_us[branch] + costs.call_us[branch] + twice + costs.stem[branch].alone_us
        handover = costs.handover(-1, stem, branch, 1)
        stemmed = costs.input_us[stem] + costs.call_us[stem] + costs.stem[stem].alone_us
        return stemmed + handover.read_us + handover.wakeup_us + handover.write_us + costs.call_us[branch]

    def _tail_us(self, branch: int, last: int, letter: int) -> float:
        """Returns the time between the end of a branch's blocks and the head's unit going on, in the last stretch, us."""
        head = self.costs.placement.head
        if last < len(self.costs.base.stages) - 1 or branch == head:
            return 0.0
        handover = self.costs.handover(last, branch, head, letter)
        return handover.read_us + handover.wakeup_us + handover.write_us

    def most(self, allocation: Allocation) -> Ints:
        """Returns the most expansion channels, (B, slots), that any feasible strategy has in each block."""
        widths = self._curves.width
        branches, _, slots, _ = widths.shape
        most = np.zeros((branches, slots), np.int64)
        stage_of = np.array([slot.stage for slot in self.costs.slots])
        letters = allocation.letters[allocation.feasible]
        scale = allocation.scale[allocation.feasible]
        stretch = np.cumsum(letters != LETTER_NONE, axis=1) - (letters != LETTER_NONE)
        for slot in range(slots):
            stage = stage_of[slot]
            shared = (
                (letters[:, stage] == LETTER_CONCAT).astype(np.int64)
                if self.costs.slots[slot].is_last
                else np.zeros(len(letters), np.int64)
            )
            for branch in range(branches):
                at = scale[np.arange(len(letters)), branch, stretch[:, stage]]
                most[branch, slot] = widths[branch, shared, slot, at].max(initial=0)
        return most

    def config(self, allocation: Allocation, row: int) -> ModelConfig:
        """Makes the collaborative model with the widths of one strategy.

        Raises:
            ConfigError: the strategy is infeasible.
        """
        letters = allocation.letters[row]
        strategy = "".join(SYNCS[letter] for letter in letters)
        if not allocation.feasible[row]:
            raise ConfigError(f"{strategy}: infeasible, it has no widths")
        base = self.costs.base
        document: dict[str, Any] = {key: value for key, value in base.document.items() if not key.isdigit()}
        synced = letters != LETTER_NONE
        stretch = np.concatenate([[0], np.cumsum(synced)[:-1]])
        for stage in range(len(base.stages)):
            document[str(stage)] = {
                str(branch): self._stage_rows(stage, branch, int(letters[stage]), int(allocation.scale[row, branch, stretch[stage]]))
                for branch in range(self.costs.branches)
            }
        name = derived_name(f"{base.name}_{strategy}")
        return from_document({**document, "name": name, "sync": list(strategy)}, origin=name)

    def _stage_rows(self, stage: int, branch: int, letter: int, scale: int) -> list[list[int]]:
        rows: list[list[int]] = []
        for number, slot in enumerate(self.costs.slots):
            if slot.stage == stage:
                block = slot.block
                shared = letter == LETTER_CONCAT and slot.is_last
                width = int(self._curves.width[branch, int(shared), number, scale])
                out_c = self.costs.emitted(stage, branch, letter) if slot.is_last else block.out_c
                rows.append([block.in_size, block.kernel, block.stride, block.in_c, width, out_c])
        return rows
