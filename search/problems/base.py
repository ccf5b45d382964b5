"""The protocol of problems: a space of leaves, those of them that can be evaluated, and the model that a leaf stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from collab.errors import SyncNasError
from collab.model import BranchWidths, ModelConfig
from collab.placement import Placement
from lut.prediction.replay import Ints
from search.space import Leaf, Space


class InfeasibleError(SyncNasError):
    """A budget that no strategy meets, or tables that hold no strategy."""


@dataclass(frozen=True)
class Candidate:
    """The model that a leaf stands for. `key` is equal for leaves of one architecture; the rest is None without device tables.

    `widths` are the config's: expansion channels of each branch's blocks. A journal tells them without the config.
    """

    strategy: str
    key: str
    placement: Placement | None = None
    config: ModelConfig | None = None
    latency_us: float | None = None
    widths: BranchWidths | None = None


class Problem(Protocol):
    """The leaves of a search and their models."""

    @property
    def space(self) -> Space:
        """All leaves, feasible or not."""

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        """Returns which of (R, decisions) leaves can be evaluated, (R,)."""

    def candidate(self, leaf: Leaf) -> Candidate:
        """Returns the model of a leaf that can be evaluated."""

    def why_not(self, leaf: Leaf) -> str:
        """Returns, as a sentence, why a leaf cannot be evaluated."""
