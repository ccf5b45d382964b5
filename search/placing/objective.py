"""Judging placements: the replay of their schedules, of one inference or of several that follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.prediction.program import Operation, pack, repeated, unit_operations
from lut.prediction.replay import Floats, Program, replay

Assignment: TypeAlias = tuple[int, ...]
"""The number of the unit of each block."""

_FRAMES: Final = 8
"""Inferences that follow each other; the time between the ends of the later half is the period."""
_BATCH: Final = 128


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
        self._known: dict[Assignment, float] = {}

    @property
    def judged(self) -> int:
        """The number of placements that have been replayed."""
        return len(self._known)

    @property
    def frames(self) -> int:
        """The number of inferences that are replayed of each placement."""
        return 1 if self.objective is Objective.LATENCY else _FRAMES

    def forget(self) -> None:
        """Frees what is remembered of placements."""
        self._known.clear()

    def us(self, assignments: Sequence[Assignment]) -> npt.NDArray[np.float64]:
        """Returns what each placement takes, in microseconds.

        Raises:
            MissingEntryError: the tables lack a block or a hand-over of one of them.
        """
        new = [assignment for assignment in dict.fromkeys(assignments) if assignment not in self._known]
        for begin in range(0, len(new), _BATCH):
            self._replay(new[begin : begin + _BATCH])
        return np.array([self._known[assignment] for assignment in assignments])

    def _replay(self, assignments: Sequence[Assignment]) -> None:
        program = pack([self._operations(assignment) for assignment in assignments])
        frames = self.frames
        played = replay(
            program if frames == 1 else repeated(program, frames), self.costs.contention(self.units), self.costs.jitter(self.units)
        )
        found = played.total_us if frames == 1 else _periods_us(program, played.end_us, frames)
        self._known |= zip(assignments, found.tolist(), strict=True)

    def _operations(self, assignment: Assignment) -> list[list[Operation]]:
        schedule = self.cut.schedule([self.units[number] for number in assignment], order=self.units)
        of = unit_operations(schedule, self.costs)
        return [list(of.get(unit, ())) for unit in self.units]


def _periods_us(program: Program, end_us: Floats, frames: int) -> Floats:
    """Returns the mean times (N,) between the ends of the later half of inferences, of the unit where that is longest.

    Args:
        program: of one inference.
        end_us: the ends of all operations of so many inferences (N, U, K).
    """
    assert program.length is not None
    half = frames // 2
    each = program.length
    last, middle = (np.take_along_axis(end_us, np.maximum(each * count - 1, 0)[:, :, None], axis=2)[:, :, 0] for count in (frames, half))
    return np.where(each > 0, (last - middle) / (frames - half), 0.0).max(axis=1)
