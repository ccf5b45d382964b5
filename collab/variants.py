"""Collaborative variants of base models: by a strategy, or drawn at random (for certificates, benchmarks and tests)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from collab.config import SYNCS, from_document
from collab.errors import ConfigError
from collab.model import ModelConfig
from collab.names import derived_name

CHANNEL_STEP: Final = 4
Widths: TypeAlias = Callable[[int, int], int]
"""From (branch, the base's expansion channels) to expansion channels, before they are rounded to multiples of 4."""


def collaborative(base: ModelConfig, strategy: str, *, branches: int = 2, scale: float = 1.0) -> ModelConfig:
    """Makes a collaborative model of a base model's stages.

    Every branch has the base's blocks. Expansions are multiples of 4: `scale` times the base's on branch 0, and a tenth less on each
    further branch (never none), so that branches differ. Blocks without expansion keep none. Where the strategy says ``c`` the last
    block of the stage is split into shares that are multiples of 4, the first branches taking what does not divide evenly.

    Args:
        strategy: one letter per stage, ``n``, ``a`` or ``c``; the last is ``a`` or ``c``.

    Raises:
        ConfigError: not a base model, another number of letters, or a stage with too few channels for a concat.
    """
    name = f"{base.name}_x{branches}_{strategy}"
    return _variant(
        base,
        strategy,
        name=name,
        widths=lambda branch, exp_c: round(exp_c * scale * max(0.2, 1 - 0.1 * branch)),
        shares=lambda channels: even_shares(channels, branches),
        branches=branches,
    )


def random_collaborative(
    base: ModelConfig,
    generator: np.random.Generator,
    *,
    branches: int = 2,
    low: float = 0.25,
    high: float = 1.2,
    scales: Sequence[float] | None = None,
) -> ModelConfig:
    """Makes a collaborative model with a strategy, expansions and concat shares drawn at random.

    Args:
        low: least share of the base's expansion channels that a block may get.
        high: most; 1.25 is what tables cover at least.
        scales: per branch, what shares are multiplied by; they still end at `high`. None: 1.
    """
    letters = [*generator.choice(SYNCS, size=len(base.stages) - 1), generator.choice(SYNCS[1:])]
    strategy = "".join(str(letter) for letter in letters)
    name = f"{base.name}_{strategy}_{generator.integers(1 << 32):08x}"
    scaled = scales if scales is not None else [1.0] * branches
    return _variant(
        base,
        strategy,
        name=name,
        widths=lambda branch, exp_c: round(exp_c * min(scaled[branch] * generator.uniform(low, high), high)),
        shares=lambda channels: _random_shares(channels, branches, generator),
        branches=branches,
    )


def _variant(
    base: ModelConfig, strategy: str, *, name: str, widths: Widths, shares: Callable[[int], Sequence[int]], branches: int
) -> ModelConfig:
    if base.is_collaborative or len(strategy) != len(base.stages):
        raise ConfigError(
            f"a base model and one letter for each of its {len(base.stages)} stages are needed, got {base.name}, '{strategy}'"
        )
    name = derived_name(name)
    document: dict[str, Any] = {key: value for key, value in base.document.items() if not key.isdigit()}
    for index, letter in enumerate(strategy):
        rows: list[list[int]] = base.document[str(index)]
        outs = shares(rows[-1][5]) if letter == "c" else [rows[-1][5]] * branches
        document[str(index)] = {str(branch): _branch_rows(rows, outs[branch], branch, widths) for branch in range(branches)}
    return from_document({**document, "name": name, "sync": list(strategy)}, origin=name)


def _branch_rows(rows: list[list[int]], out_c: int, branch: int, widths: Widths) -> list[list[int]]:
    widened = [[*row[:4], row[4] if row[4] == row[3] else _width(widths(branch, row[4]), row[3]), row[5]] for row in rows]
    widened[-1][5] = out_c
    return widened


def _width(exp_c: int, in_c: int) -> int:
    width = max(CHANNEL_STEP, CHANNEL_STEP * round(exp_c / CHANNEL_STEP))
    # Equal to in_c it would mean a block without expansion, another block than the base's.
    return width + CHANNEL_STEP if width == in_c else width


def even_shares(channels: int, branches: int) -> list[int]:
    """Returns the channels that each branch emits before a concat: multiples of 4, the first branches taking what does not divide evenly.

    Raises:
        ConfigError: there are too few channels for that.
    """
    steps = _steps(channels, branches)
    return [CHANNEL_STEP * (steps // branches + (branch < steps % branches)) for branch in range(branches)]


def _random_shares(channels: int, branches: int, generator: np.random.Generator) -> list[int]:
    steps = _steps(channels, branches)
    cuts = np.sort(generator.choice(np.arange(1, steps), size=branches - 1, replace=False))
    return [CHANNEL_STEP * int(part) for part in np.diff([0, *cuts, steps])]


def _steps(channels: int, branches: int) -> int:
    steps, rest = divmod(channels, CHANNEL_STEP)
    if rest or steps < branches:
        raise ConfigError(f"{channels} channels have no {branches} shares that are multiples of {CHANNEL_STEP}")
    return steps
