"""The models that a supernet is for, and drawing some of them at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from collab.config import SYNCS, from_document
from collab.errors import ConfigError, SyncNasError
from collab.model import ModelConfig
from collab.names import derived_name
from collab.variants import CHANNEL_STEP, collaborative

Widths: TypeAlias = tuple[tuple[tuple[int, ...], ...], ...]
"""Expansion channels by branch, stage and block."""


class SupernetError(SyncNasError):
    """A supernet that cannot be made, or a file that holds none or another one."""


@dataclass(frozen=True)
class ModelFamily:
    """The models that a supernet is for: a base model's stages in several branches, each block up to a widest expansion.

    Raises:
        SupernetError: `widest` is not of the base's branches, stages and blocks, or a width is below one step of channels.
    """

    base: ModelConfig
    branches: int
    widest: Widths

    def __post_init__(self) -> None:
        blocks = [len(stage.branches[0]) for stage in self.base.stages]
        if self.base.is_collaborative or self.branches < 2:
            raise SupernetError(f"a supernet needs a base model and two branches or more, got {self.base.name} and {self.branches}")
        if len(self.widest) != self.branches or any([len(stage) for stage in branch] != blocks for branch in self.widest):
            raise SupernetError(f"the widest expansions must be {self.branches} branches of stages with {blocks} blocks each")
        if min(width for branch in self.widest for stage in branch for width in stage) < CHANNEL_STEP:
            raise SupernetError(f"the widest expansions must be {CHANNEL_STEP} channels or more in every block")

    @property
    def letters(self) -> tuple[str, ...]:
        """The syncs that each stage can have."""
        last = len(self.base.stages) - 1
        return tuple("".join(s for s in SYNCS if self._allows(index, s) and (s != "n" or index < last)) for index in range(last + 1))

    def _allows(self, index: int, sync: str) -> bool:
        """Whether a stage can end in a sync: a concat needs channels that can be shared out."""
        strategy = "a" * index + sync + "a" * (len(self.base.stages) - index - 1)
        if sync != "c":
            return True
        try:
            collaborative(self.base, strategy, branches=self.branches)
        except ConfigError:
            return False
        return True

    def model(self, strategy: str, widths: Widths) -> ModelConfig:
        """Makes the model of a strategy and widths, with even shares where it concatenates. A width equal to in_c means no expansion."""
        frame = collaborative(self.base, strategy, branches=self.branches)
        document = {**frame.document, "name": derived_name(f"{self.base.name}_{strategy}")}
        for index in range(len(self.base.stages)):
            document[str(index)] = {
                branch: [[*row[:4], width, row[5]] for row, width in zip(rows, widths[int(branch)][index], strict=True)]
                for branch, rows in frame.document[str(index)].items()
            }
        return from_document(document, origin=document["name"])

    def widest_model(self) -> ModelConfig:
        """Makes the model with the most to compute: all widths at their widest, a sum after every stage."""
        return self.model("a" * len(self.base.stages), self.mapped(_widest))

    def narrowest_model(self, generator: np.random.Generator, *, low: float) -> ModelConfig:
        """Makes a model of the least widths, with a random strategy: which one computes least depends on the device."""

        def width(widest: int, in_c: int, exp_c: int) -> int:
            return in_c if in_c == exp_c else _rounded(widest * low, widest, in_c)

        return self.model(self.random_strategy(generator), self.mapped(width))

    def random_model(self, generator: np.random.Generator, *, low: float) -> ModelConfig:
        """Makes a model of a random strategy and random widths, from `low` times the widest up to it."""

        def width(widest: int, in_c: int, exp_c: int) -> int:
            # What the base computes without an expansion may stay so, or be given one: both must be trained.
            if in_c == exp_c and (widest == in_c or generator.random() < 0.5):
                return in_c
            return _rounded(widest * generator.uniform(low, 1), widest, in_c)

        return self.model(self.random_strategy(generator), self.mapped(width))

    def random_strategy(self, generator: np.random.Generator) -> str:
        """Draws one letter per stage, each as likely as the others."""
        return "".join(str(generator.choice(list(letters))) for letters in self.letters)

    def mapped(self, width: Callable[[int, int, int], int]) -> Widths:
        """Returns the widths that `width(widest, in_c, exp_c)` gives for each block, the latter two being the base block's channels."""
        stages = [stage.branches[0] for stage in self.base.stages]
        return tuple(
            tuple(
                tuple(width(widest, block.in_c, block.exp_c) for widest, block in zip(widths, blocks, strict=True))
                for widths, blocks in zip(branch, stages, strict=True)
            )
            for branch in self.widest
        )


def _widest(widest: int, in_c: int, exp_c: int) -> int:
    return widest if in_c == exp_c else _rounded(widest, widest, in_c, step=1)


def _rounded(width: float, widest: int, in_c: int, *, step: int = CHANNEL_STEP) -> int:
    """Rounds a width to a multiple of `step` up to the widest, and not to `in_c`, which would mean a block without expansion."""
    rounded = min(max(CHANNEL_STEP, step * round(width / step)), widest)
    if rounded != in_c:
        return rounded
    return rounded + CHANNEL_STEP if rounded + CHANNEL_STEP <= widest else max(CHANNEL_STEP, rounded - CHANNEL_STEP)
