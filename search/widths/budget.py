"""Latency budgets: a time, or a multiple of what the base model takes on the unit that runs it fastest."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collab.documents import MAX_US
from collab.errors import ConfigError, MissingEntryError
from collab.model import ModelConfig
from collab.placement import Placement
from collab.wording.options import option_named
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict

_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(x|ms|us)")
_LONGEST: Final = 16
"""Characters of a budget: it becomes part of names of folders and models."""
_MOST: Final = 64
_MOST_TIMES: Final = 1000


@dataclass(frozen=True)
class Budget:
    """A latency budget. `text` is how it was asked for, ``0.75x`` or ``12ms``; `scale` or `limit_us` what it says, the other being None."""

    text: str
    scale: float | None
    limit_us: float | None

    def resolve_us(self, base_us: float) -> float:
        """Returns the time that a model may take."""
        return self.limit_us if self.limit_us is not None else (self.scale or 0.0) * base_us


@dataclass(frozen=True)
class BaseLatency:
    """The latency of the base model on its best unit."""

    unit: str
    us: float


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Reads ``1.0x``, ``12.5ms`` or several of them with commas between.

    Raises:
        ConfigError: not of that form, nothing or no more than nothing, or the same twice.
    """
    parts = text.split(",")
    if len(parts) > _MOST:
        raise ConfigError(f"{option_named('--budget')}: {len(parts)} budgets are more than {_MOST}; search some of them at a time")
    budgets = tuple(_parse(part.strip()) for part in parts)
    if len({(budget.scale, budget.limit_us) for budget in budgets}) != len(budgets):
        raise ConfigError(f"{option_named('--budget', text)}: the same budget is given twice")
    return budgets


def _parse(text: str) -> Budget:
    match = _BUDGET.fullmatch(text) if len(text) <= _LONGEST else None
    value = float(match[1]) if match else 0.0
    is_scale = match is not None and match[2] == "x"
    limit_us = value * (1e3 if match is not None and match[2] == "ms" else 1.0)
    if match is None or not 0 < limit_us <= (_MOST_TIMES if is_scale else MAX_US):
        raise ConfigError(
            f"{option_named('--budget')}: '{text[:40]}' is neither a multiple of the base model's latency, like 1.0x or 0.5x, nor a time,"
            " like 12.5ms or"
            f" 800us, of {_LONGEST} characters or less"
        )
    return Budget(text, value, None) if is_scale else Budget(text, None, limit_us)


def base_latency(base: ModelConfig, units: Sequence[str], costs: Costs) -> BaseLatency:
    """Predicts the base model on each unit by itself, and returns the fastest.

    Raises:
        MissingEntryError: no unit's tables have all of its blocks.
    """
    best = BaseLatency("", math.inf)
    missing: MissingEntryError | None = None
    for unit in units:
        try:
            us = predict(base, Placement((unit,)), costs).total_us
        except MissingEntryError as error:
            missing = error
            continue
        if us < best.us:
            best = BaseLatency(unit, us)
    if missing is not None and best.unit == "":
        raise missing
    return best
