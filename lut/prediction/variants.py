"""Variants of one base model: models that differ in their sync letters and expansion channels only, and all that these can cost.

Letters are numbers: 0 for ``n``, 1 for ``a``, 2 for ``c`` (their place in `collab.config.SYNCS`). Slots are the base's MBConv blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from collab.blocks import BYTES_PER_VALUE, Add, Concat, MBConv, feature_bytes
from collab.errors import ConfigError, MissingEntryError
from collab.model import ModelConfig
from collab.placement import Placement
from collab.variants import even_shares
from lut.prediction.costs import Costs, HandoverCost
from lut.prediction.replay import Floats
from lut.prediction.reuse import FEATURES, WEIGHTS, BlockCost, ReuseCurve

LETTER_NONE: Final = 0
LETTER_ADD: Final = 1
LETTER_CONCAT: Final = 2


@dataclass(frozen=True)
class Slot:
    """A block of the base, whose expansion channels are chosen anew in every branch."""

    stage: int
    block: MBConv
    is_last: bool

    def options(self, *, multiple: int, widest: float) -> list[int]:
        """Expansion channels it may have: multiples up to `widest` times the base's.

        Where the base's block has an expansion convolution, the branches' have one too, so its input channels are left out; where it
        has none, they stand for going without.
        """
        limit = int(widest * self.block.exp_c)
        choices = set(range(multiple, limit + 1, multiple))
        if self.block.has_expansion:
            return sorted(choices - {self.block.in_c})
        return sorted(choices | {self.block.in_c})


class VariantCosts:
    """All costs that variants of a base under one placement can need, looked up when they are first needed.

    Raises:
        ConfigError: not a base model, or a placement for fewer than two branches.
        MissingEntryError: the tables lack what every variant needs.
    """

    def __init__(self, base: ModelConfig, placement: Placement, costs: Costs) -> None:
        if base.is_collaborative:
            raise ConfigError(f"{base.name} is a collaborative model already; variants are made of a base model")
        if len(placement.units) < 2:
            raise ConfigError(f"placement {placement}: at least two branches are needed")
        self.base, self.placement, self.costs = base, placement, costs
        self.branches = len(placement.units)
        self.slots = tuple(
            Slot(index, block, position == len(stage.branches[0]) - 1)
            for index, stage in enumerate(base.stages)
            for position, block in enumerate(stage.branches[0])
        )
        self.last_slots = np.array([number for number, slot in enumerate(self.slots) if slot.is_last])
        self.call_us = [costs.call_us(unit) for unit in placement.units]
        self.stem = [costs.block(unit, base.stem) for unit in placement.units]
        self.input_us = [costs.input_write_us(unit, base.stem, feature_bytes(base.stem.in_shapes[0])) for unit in placement.units]
        head_unit = placement.units[placement.head]
        self.head = costs.block(head_unit, base.head)
        self.output_us = costs.output_read_us(head_unit, base.head, feature_bytes(base.head.out_shape))
        self.reuse: list[tuple[ReuseCurve, ReuseCurve]] = [
            (costs.reuse(unit, WEIGHTS), costs.reuse(unit, FEATURES)) for unit in placement.units
        ]
        """Per branch, what a megabyte of weights and one of features cost by their reuse distance."""
        self.jitter = costs.jitter(placement.units)
        self.features_share = np.array([costs.features_share(unit) for unit in placement.units])
        """(B,): how much a megabyte of features counts in that distance."""
        self.shared_caches = costs.shared_caches(placement.units)
        self._handovers: dict[tuple[int, int, int], HandoverCost] = {}

    @cached_property
    def factors(self) -> Floats | None:
        """The factors of contention, as `lut.prediction.replay.replay` takes them."""
        return self.costs.contention(self.placement.units)

    def emitted(self, stage: int, branch: int, letter: int) -> int:
        """Returns how many channels a branch emits at the end of a stage."""
        out_c = self.base.stages[stage].out_c
        return even_shares(out_c, self.branches)[branch] if letter == LETTER_CONCAT else out_c

    def can_concat(self, stage: int) -> bool:
        """Whether the stage has enough channels to be shared out."""
        try:
            even_shares(self.base.stages[stage].out_c, self.branches)
        except ConfigError:
            return False
        return True

    def slot(self, slot: Slot, branch: int, exp_c: int, *, shared: bool) -> BlockCost | None:
        """Returns the costs of a block of so many expansion channels; None where the tables do not reach.

        Args:
            shared: whether the stage ends in a concat, before which a branch emits only its share.
        """
        block = replace(slot.block, exp_c=exp_c)
        if shared and slot.is_last:
            block = replace(block, out_c=self.emitted(slot.stage, branch, LETTER_CONCAT))
        try:
            return self.costs.block(self.placement.units[branch], block)
        except MissingEntryError:
            return None

    def opening(self, stage: int, branch: int, letter: int) -> BlockCost:
        """Returns the costs of the ADD or CONCAT that a segment after this stage begins with."""
        last = self.base.stages[stage].branches[0][-1]
        opening = (
            Concat(last.out_size, tuple(even_shares(last.out_c, self.branches)))
            if letter == LETTER_CONCAT
            else Add(last.out_size, last.out_c, self.branches)
        )
        return self.costs.block(self.placement.units[branch], opening)

    def handover(self, stage: int, sender: int, receiver: int, letter: int) -> HandoverCost:
        """Returns the costs of handing a stage's features from one branch to another; stage -1 are the stem's."""
        if stage < 0:
            channels, size = self.base.stem.out_c, self.base.stem.out_size
        else:
            channels, size = self.emitted(stage, sender, letter), self.base.stages[stage].branches[0][-1].out_size
        size_bytes = channels * size * size * BYTES_PER_VALUE
        key = (size_bytes, sender, receiver)
        if key not in self._handovers:
            self._handovers[key] = self.costs.handover(self.placement.units[sender], self.placement.units[receiver], size_bytes)
        return self._handovers[key]
