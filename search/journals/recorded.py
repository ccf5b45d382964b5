"""The problem of a search out of its journal alone: the space, what can be evaluated, and the model of each leaf that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collab.errors import ConfigError
from collab.model import BranchWidths, ModelConfig
from collab.placement import Placement, parse_placement
from lut.prediction.replay import Ints
from search.engine.pool import Feasible
from search.journals.journal import Asked, Entry, Same
from search.journals.record import SpaceRecord, feasible_of
from search.problems.base import Candidate
from search.space import Leaf, Space


class RecordedProblem:
    """A problem as a journal tells of it; implements `search.problems.base.Problem`, but knows only the models that were asked for.

    Args:
        entries: the journal's events.
        base: the base model, of which the entries' widths are.
        feasible: for a space that is too large for the record to say; None takes all leaves for feasible.

    Raises:
        ConfigError: the record is of no space, or does not fit it.
    """

    def __init__(
        self, record: SpaceRecord, entries: Sequence[Entry], *, base: ModelConfig | None = None, feasible: Feasible | None = None
    ) -> None:
        self._space, self.base = record.space(), base
        self.is_complete = feasible is not None or record.feasible is not None
        """Whether it is known of all leaves if they can be evaluated."""
        self._feasible = feasible_of(record, feasible or _all)
        self._asked = {entry.leaf: entry for entry in entries if isinstance(entry, Asked)}
        self._evaluated_for = {entry.n: entry.of for entry in entries if isinstance(entry, Same)}

    @property
    def space(self) -> Space:
        return self._space

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        return self._feasible(leaves)

    def candidate(self, leaf: Leaf) -> Candidate:
        asked = self._asked[leaf]
        placement = None if asked.placement is None else recorded_placement(asked.placement)
        # A journal does not hold configs; which of them are equal shows in what was not evaluated again.
        key = str(self._evaluated_for.get(asked.n, asked.n))
        return Candidate(self._space.strategy(leaf), key, placement, None, asked.latency_us, self._widths(asked, placement))

    def _widths(self, asked: Asked, placement: Placement | None) -> BranchWidths | None:
        """Returns the widths of what was asked for, which must be of the base's blocks.

        Raises:
            ConfigError: they are not.
        """
        widths = asked.widths
        if widths is None:
            return None
        branches = 0 if placement is None else len(placement.units)
        blocks = 0 if self.base is None else len(self.base.blocks)
        if not blocks or [len(branch) for branch in widths] != [blocks] * branches:
            raise ConfigError(f"{asked.strategy[:80]}: its widths are not those of the base's blocks")
        return widths

    def why_not(self, leaf: Leaf) -> str:
        return f"{self._space.strategy(leaf)}: cannot be evaluated, by the search's journal"


def _all(leaves: Ints) -> npt.NDArray[np.bool_]:
    return np.ones(len(leaves), bool)


def recorded_placement(text: str) -> Placement:
    """Reads a placement out of a journal; how many branches it has is as it says.

    Raises:
        ConfigError: it is none.
    """
    branches = sum(part.partition("=")[0].isdecimal() for part in text.split(","))
    return parse_placement(text, branches=max(1, branches))
