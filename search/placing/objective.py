"""Judging placements: the replay of their schedules, of one inference or of several that follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs
from lut.prediction.program import Operation, pack, unit_operations
from lut.prediction.replay import NONE, replay

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
        frames = self.frames
        programs = [self._operations(assignment, frames) for assignment in assignments]
        timeline = replay(pack(programs), self.costs.contention(self.units), self.costs.jitter(self.units))
        if frames == 1:
            found = timeline.total_us
        else:
            found = np.array([_period_us(programs[row], timeline.end_us[row], frames) for row in range(len(programs))])
        self._known |= zip(assignments, found.tolist(), strict=True)

    def _operations(self, assignment: Assignment, frames: int) -> list[list[Operation]]:
        schedule = self.cut.schedule([self.units[number] for number in assignment], order=self.units)
        of = unit_operations(schedule, self.costs)
        events = 2 * len(schedule.segments)
        return [[_later(operation, frame * events) for frame in range(frames) for operation in of.get(unit, [])] for unit in self.units]


def _later(operation: Operation, events: int) -> Operation:
    """Returns an operation of a later inference, which has events of its own."""
    if not events or operation.needs == operation.fires == NONE:
        return operation
    return replace(
        operation,
        needs=operation.needs if operation.needs == NONE else operation.needs + events,
        fires=operation.fires if operation.fires == NONE else operation.fires + events,
    )


def _period_us(units: Sequence[Sequence[Operation]], end_us: npt.NDArray[np.float64], frames: int) -> float:
    """Returns the mean time between the ends of the later half of inferences, of the unit where that is longest: it holds up the others."""
    half = frames // 2
    found = [0.0]
    for unit, operations in enumerate(units):
        each = len(operations) // frames
        if each:
            found.append(float(end_us[unit, each * frames - 1] - end_us[unit, each * half - 1]) / (frames - half))
    return max(found)
