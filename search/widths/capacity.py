"""Capacity curves: the time that a branch's blocks take in a stretch of stages when all of them are scaled alike.

A branch's *scale* is its expansion channels as a fraction of the base's. At a scale, every block takes one of the widths that the tables
know; widths that cost as much as, or more than, a wider one are passed over (kernels work on channels in groups, so 20 channels may cost
what 32 do), and blocks round at thresholds of their own, so that a branch's time grows in many small steps rather than in few large ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from collab.errors import MissingEntryError
from lut.prediction.replay import Floats, Ints
from lut.prediction.variants import Slot, VariantCosts

GOLDEN: Final = 0.6180339887498949
"""Multiples of it are spread evenly over the fractions, however many there are."""
SCALES: Final = 512


@dataclass(frozen=True)
class Choices:
    """The widths that a slot can have on a branch, ascending, and their times; each costs more than the one before."""

    widths: Ints
    us: Floats

    def at(self, targets: Floats, threshold: float) -> Ints:
        """Returns the number of the width for each target of expansion channels: of two, the wider from `threshold` of the way on."""
        steps = self.widths[:-1] + threshold * np.diff(self.widths)
        return np.searchsorted(steps, targets, side="right")


class CapacityCurves:
    """Widths and times of all slots at `scales`, for every branch, whole (0) or with the branch's share of the channels (1).

    ``width[b, v, k, s]`` is the width of slot k at the s-th scale; ``elapsed_us[b, k, s]`` what the slots before k take, all of them whole;
    ``extra_us[b, k, s]`` what slot k takes more if its stage ends in a concat.

    Raises:
        MissingEntryError: a block's costs are in the tables at no width at all.
    """

    def __init__(self, costs: VariantCosts, *, multiple: int, widest: float) -> None:
        self.costs = costs
        self.choices = [
            [[_choices(costs, slot, branch, multiple, widest, shared=shared) for slot in costs.slots] for shared in (False, True)]
            for branch in range(costs.branches)
        ]
        slots = costs.slots
        ratios = [
            c.widths[-1] / slot.block.exp_c for branch in self.choices for kind in branch for c, slot in zip(kind, slots, strict=True)
        ]
        self.scales: Floats = np.linspace(0.0, max(ratios), SCALES)
        self.width = np.zeros((costs.branches, 2, len(slots), SCALES), np.int64)
        us = np.zeros(self.width.shape)
        for branch, kinds in enumerate(self.choices):
            for kind, row in enumerate(kinds):
                for number, choices in enumerate(row):
                    at = choices.at(self.scales * slots[number].block.exp_c, (0.5 + GOLDEN * (number + branch * len(slots))) % 1.0)
                    self.width[branch, kind, number] = choices.widths[at]
                    us[branch, kind, number] = choices.us[at]
        nothing = np.zeros((costs.branches, 1, SCALES))
        self.elapsed_us: Floats = np.concatenate([nothing, np.cumsum(us[:, 0], axis=1)], axis=1)
        self.extra_us: Floats = us[:, 1] - us[:, 0]

    def interval_us(self, branch: int, first: int, last: int, *, shared: bool) -> Floats:
        """Returns the time of the slots `first` to `last` at every scale, us; `shared`: the last one emits its share for a concat."""
        time: Floats = self.elapsed_us[branch, last + 1] - self.elapsed_us[branch, first]
        return np.maximum.accumulate(time + self.extra_us[branch, last] if shared else time)


def _choices(costs: VariantCosts, slot: Slot, branch: int, multiple: int, widest: float, *, shared: bool) -> Choices:
    shared = shared and slot.is_last and costs.can_concat(slot.stage)
    known = []
    for width in slot.options(multiple=multiple, widest=widest):
        us = costs.slot_us(slot, branch, width, shared=shared)
        if not np.isnan(us):
            known.append((width, us))
    if not known:
        meta = costs.costs.meta
        what = "and a share of its output channels" if shared else f"(multiples of {multiple})"
        command = f"python -m profiler.run --device {meta.device} --out {costs.costs.source} --resume --model BASE"
        raise MissingEntryError(
            f"{slot.block.key} on {costs.placement.units[branch]}: not in the tables at any other width {what}; to measure all that"
            f" strategies need, BASE being the model that is searched: {command}"
        )
    kept: list[tuple[int, float]] = []
    for width, us in reversed(known):
        if not kept or us < kept[-1][1]:
            kept.append((width, us))
    kept.reverse()
    return Choices(np.array([width for width, _ in kept], np.int64), np.array([us for _, us in kept]))
