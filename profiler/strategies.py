"""Strategies drawn at random: for tables to be held against, and for profiles to rehearse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from collab.model import ModelConfig
from collab.placement import Placement
from collab.variants import random_collaborative

_NARROWEST: Final = 0.003
_USUAL: Final = (0.4, 1.1)


def draw_strategy(base: ModelConfig, units: Sequence[str], generator: np.random.Generator) -> tuple[ModelConfig, Placement]:
    """Draws a strategy, widths and a placement of a base on these units at once.

    One unit may be many times as fast as another: in every other draw all branches but one are narrower than that one, down to almost
    nothing.
    """
    order = [units[index] for index in generator.permutation(len(units))]
    scales = np.full(len(units), generator.uniform(*_USUAL))
    if generator.random() < 0.5:
        narrower = np.arange(len(units)) != generator.integers(len(units))
        scales[narrower] *= np.exp(generator.uniform(np.log(_NARROWEST), 0.0, size=len(units) - 1))
    config = random_collaborative(base, generator, branches=len(units), low=0.6, scales=scales.tolist())
    stem = generator.choice([-1, *range(len(units))])
    return config, Placement(tuple(order), stem=None if stem < 0 else int(stem), head=int(generator.integers(len(units))))
