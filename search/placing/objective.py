"""Judging placements: the replay of their schedules, of one inference or of several that follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeAlias

import numpy as np

from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.prediction.program import unit_operations
from lut.prediction.replay import Floats, Ints, replay
from search.placing.programs import Programmer

Assignment: TypeAlias = tuple[int, ...]
"""The number of the unit of each block."""

_FRAMES: Final = 8
"""Inferences that follow each other; the time between the ends of the later half is the period."""
_CELLS: Final = 1 << 17
"""Blocks, times inferences, of all placements that are replayed at once."""


class Objective(Enum):
    """`LATENCY`: of one inference. `THROUGHPUT`: the time between two inferences that follow each other as units free up."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"


class Judge:
    """Replays placements of one network, and remembers what came out."""

    def __init__(self, cut: CutNetwork, costs: Costs, units: tuple[str, ...], *, objective: Objective) -> None:
        self.cut = cut
        self.costs = costs
        self.units = units
        self.objective = objective
        self._programmer = Programmer(cut, costs, units)
        self._known: dict[Assignment, float] = {}

    @property
    def judged(self) -> int:
        """The number of placements that have been replayed."""
        return len(self._known)

    @property
    def frames(self) -> int:
        """The number of inferences that are replayed of each placement."""
        return 1 if self.objective is Objective.LATENCY else _FRAMES

    def us(self, assignments: Sequence[Assignment]) -> Floats:
        """Returns what each placement takes, in microseconds.

        Raises:
            MissingEntryError: the tables lack a block or a hand-over of one of them.
        """
        new = [assignment for assignment in dict.fromkeys(assignments) if assignment not in self._known]
        if new:
            self._known |= zip(new, self.replayed(np.array(new)).tolist(), strict=True)
        return np.array([self._known[assignment] for assignment in assignments])

    def replayed(self, placements: Ints) -> Floats:
        """Returns what each placement, (P, blocks), takes, in microseconds, and remembers none.

        Raises:
            MissingEntryError: the tables lack a block or a hand-over of one of them.
        """
        size = max(_CELLS // (placements.shape[1] * self.frames), 1)
        parts = [self._batch_us(placements[begin : begin + size]) for begin in range(0, len(placements), size)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _batch_us(self, placements: Ints) -> Floats:
        frames = self.frames
        made = self._programmer.program(placements, frames=frames)
        if made is None:
            for row in placements:
                # It says what is missing.
                unit_operations(self.cut.schedule([self.units[unit] for unit in row], order=self.units), self.costs)
            raise AssertionError("every placement has its costs, one by one")
        timeline = replay(made.program, self.costs.contention(self.units), self.costs.jitter(self.units))
        if frames == 1:
            return timeline.total_us
        half = frames // 2
        last, middle = (np.maximum(made.each * count - 1, 0)[:, :, None] for count in (frames, half))
        ends = [np.take_along_axis(timeline.end_us, at, axis=2)[:, :, 0] for at in (last, middle)]
        # Of the unit where the mean time between the ends of the later half is longest: it holds up the others.
        found: Floats = np.where(made.each > 0, (ends[0] - ends[1]) / (frames - half), 0.0).max(axis=1)
        return found
