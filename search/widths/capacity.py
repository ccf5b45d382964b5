"""Capacity curves: what a branch's blocks cost in a stretch of stages when all of them are scaled alike.

A branch's *scale* is its expansion channels as a fraction of the base's. At a scale, every block takes one of the widths that the tables
know; widths that cost as much as, or more than, a wider one are passed over (kernels work on channels in groups, so 20 channels may cost
what 32 do), and blocks round at thresholds of their own, so that a branch's time grows in many small steps rather than in few large ones.

What a byte costs depends on the reuse distance, which depends on all of a branch's widths. Widths are chosen, and branches balanced, with
the distance that a branch has in the base shared out evenly; what a strategy then takes is computed with its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from collab.blocks import Block
from collab.errors import MissingEntryError
from collab.wording.commands import command_named
from lut.prediction.replay import Floats, Ints
from lut.prediction.reuse import BlockCost, features_mb, weights_mb
from lut.prediction.variant_replay import Bodies
from lut.prediction.variants import Slot, VariantCosts

GOLDEN: Final = 0.6180339887498949
"""Multiples of it are spread evenly over the fractions, however many there are."""
SCALES: Final = 512


@dataclass(frozen=True)
class Choices:
    """The widths that a slot can have on a branch, ascending, their times and all that they cost; each takes longer than the one before."""

    widths: Ints
    us: Floats
    costs: Bodies

    def at(self, targets: Floats, threshold: float) -> Ints:
        """Returns the number of the width for each target of expansion channels: of two, the wider from `threshold` of the way on."""
        steps = self.widths[:-1] + threshold * np.diff(self.widths)
        return np.searchsorted(steps, targets, side="right")


class CapacityCurves:
    """Widths and costs of all slots at `scales`, for every branch, whole (0) or with the branch's share of the channels (1).

    ``width[b, v, k, s]`` is the width of slot k at the s-th scale.

    Raises:
        MissingEntryError: a block's costs are in the tables at no width at all.
    """

    def __init__(self, costs: VariantCosts, *, multiple: int, widest: float) -> None:
        self.costs = costs
        distance = _usual_distance_mb(costs)
        self.choices = [
            [
                [_choices(costs, slot, branch, multiple, widest, shared=shared, distance_mb=distance) for slot in costs.slots]
                for shared in (False, True)
            ]
            for branch in range(costs.branches)
        ]
        slots = costs.slots
        ratios = [
            c.widths[-1] / slot.block.exp_c for branch in self.choices for kind in branch for c, slot in zip(kind, slots, strict=True)
        ]
        self.scales: Floats = np.linspace(0.0, max(ratios), SCALES)
        self.width = np.zeros((costs.branches, 2, len(slots), SCALES), np.int64)
        self._us = np.zeros(self.width.shape)
        self._costs = Bodies(*(np.zeros(self.width.shape) for _ in range(4)))
        for branch, kinds in enumerate(self.choices):
            for kind, row in enumerate(kinds):
                for number, choices in enumerate(row):
                    at = choices.at(self.scales * slots[number].block.exp_c, (0.5 + GOLDEN * (number + branch * len(slots))) % 1.0)
                    self.width[branch, kind, number] = choices.widths[at]
                    self._us[branch, kind, number] = choices.us[at]
                    self._costs.put((branch, kind, number), choices.costs.map(at))

    def interval_us(self, branch: int, first: int, last: int, *, shared: bool) -> Floats:
        """Returns about what slots `first` to `last` take at every scale, us; `shared`: the last one emits its share for a concat."""
        kinds = self._kinds(first, last, shared=shared)
        return np.maximum.accumulate(self._us[branch, kinds, np.arange(first, last + 1)].sum(axis=0))

    def interval(self, branch: int, first: int, last: int, *, shared: bool) -> Bodies:
        """Returns all that these slots cost at every scale, (scales,)."""
        return self._costs.map((branch, self._kinds(first, last, shared=shared), np.arange(first, last + 1))).summed()

    @staticmethod
    def _kinds(first: int, last: int, *, shared: bool) -> Ints:
        kinds = np.zeros(last + 1 - first, np.int64)
        kinds[-1] = int(shared)
        return kinds


def _usual_distance_mb(costs: VariantCosts) -> float:
    """Returns the reuse distance of a branch that has its share of the base."""
    base: list[Block] = [costs.base.stem, *(slot.block for slot in costs.slots), costs.base.head]
    return (sum(map(weights_mb, base)) + float(costs.features_share.mean()) * max(map(features_mb, base))) / costs.branches


def _choices(costs: VariantCosts, slot: Slot, branch: int, multiple: int, widest: float, *, shared: bool, distance_mb: float) -> Choices:
    shared = shared and slot.is_last and costs.can_concat(slot.stage)
    of_weights = costs.reuse[branch][0].at_one(distance_mb)
    known: list[tuple[int, float, BlockCost]] = []
    for width in slot.options(multiple=multiple, widest=widest):
        cost = costs.slot(slot, branch, width, shared=shared)
        if cost is not None:
            known.append((width, cost.run_us(of_weights), cost))
    if not known:
        meta = costs.costs.meta
        what = "and a share of its output channels" if shared else f"(multiples of {multiple})"
        command = command_named("profile", "--device", meta.device, "--out", costs.costs.source, "--resume", "--model", "BASE")
        raise MissingEntryError(
            f"{slot.block.key} on {costs.placement.units[branch]}: not in the tables at any other width {what}; to measure all that"
            f" strategies need, BASE being the model that is searched: {command}"
        )
    kept: list[tuple[int, float, BlockCost]] = []
    for entry in reversed(known):
        if not kept or entry[1] < kept[-1][1]:
            kept.append(entry)
    kept.reverse()
    widths, us, found = zip(*kept, strict=True)
    return Choices(np.array(widths, np.int64), np.array(us), Bodies.stacked([Bodies.of([cost]) for cost in found]))
