"""Latency budgets: a time, or a multiple of what the base model takes on the unit that runs it fastest."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from collab.config import ModelConfig
from collab.errors import ConfigError, MissingEntryError
from collab.placement import Placement
from lut.costs import Costs
from lut.prediction import predict

_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(x|ms|us)")


@dataclass(frozen=True)
class Budget:
    """`text` is how it was asked for, ``0.75x`` or ``12ms``; `scale` or `limit_us` what it says, the other being None."""

    text: str
    scale: float | None
    limit_us: float | None

    def resolve_us(self, base_us: float) -> float:
        """The time that a model may take."""
        return self.limit_us if self.limit_us is not None else (self.scale or 0.0) * base_us


@dataclass(frozen=True)
class BaseLatency:
    """What the base model takes on its best unit."""

    unit: str
    us: float


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Reads ``1.0x``, ``12.5ms`` or several of them with commas between.

    Raises:
        ConfigError: not of that form, nothing or no more than nothing, or the same twice.
    """
    budgets = tuple(_parse(part.strip()) for part in text.split(","))
    texts = [budget.text for budget in budgets]
    if len(set(texts)) != len(texts):
        raise ConfigError(f"--budget {text}: the same budget is given twice")
    return budgets


def _parse(text: str) -> Budget:
    match = _BUDGET.fullmatch(text)
    value = float(match[1]) if match else 0.0
    if match is None or not 0 < value < 1e9:
        raise ConfigError(
            f"--budget: '{text}' is neither a multiple of the base model's latency, like 1.0x or 0.5x, nor a time, like 12.5ms or 800us"
        )
    if match[2] == "x":
        return Budget(text, value, None)
    return Budget(text, None, value * (1e3 if match[2] == "ms" else 1.0))


def base_latency(base: ModelConfig, units: Sequence[str], costs: Costs) -> BaseLatency:
    """The base model on each unit by itself, and the fastest of them.

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
