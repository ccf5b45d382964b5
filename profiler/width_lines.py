"""Width lines: measured blocks that differ in one number of channels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from collab.blocks import MBConv


@dataclass(frozen=True)
class WidthPoint:
    """A measured block on one unit: its time without the call, and the standard error of that."""

    block: MBConv
    us: float
    error_us: float


WidthLine: TypeAlias = dict[int, WidthPoint]
"""Measured blocks by the number of channels that varies."""
