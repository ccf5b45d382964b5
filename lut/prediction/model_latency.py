"""Predicted latency and timeline of collaborative models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collab.model import ModelConfig
from collab.placement import Placement
from collab.schedule import Schedule, build_schedule
from lut.prediction.costs import Costs
from lut.prediction.critical import critical_shares
from lut.prediction.program import Operation, pack, unit_operations
from lut.prediction.replay import Timeline, replay


@dataclass(frozen=True)
class Part:
    """A piece of a step: a block, the call, or the fetching of a peer's data."""

    what: str
    begin_us: float
    end_us: float


@dataclass(frozen=True)
class Step:
    """One step of a unit with a segment: wait, write, run or read; `peer` is the other end, empty for a run."""

    unit: str
    segment: str
    step: str
    peer: str
    begin_us: float
    end_us: float
    parts: tuple[Part, ...]

    @property
    def duration_us(self) -> float:
        return self.end_us - self.begin_us


@dataclass(frozen=True)
class Prediction:
    """Predicted latency of one inference, from the release of all units until the output is read, and how it comes about.

    `placement` is a text for people; `critical`: the fraction of the critical path that each unit carries.
    """

    model: str
    units: tuple[str, ...]
    placement: str
    total_us: float
    steps: tuple[Step, ...]
    critical: Mapping[str, float]


def predict(config: ModelConfig, placement: Placement, costs: Costs) -> Prediction:
    """Predicts the latency of a model of a config, with its timeline.

    Raises:
        MissingEntryError: the tables lack a block or a hand-over.
    """
    return predict_schedule(build_schedule(config, placement), costs, placement=placement.text)


def predict_schedule(schedule: Schedule, costs: Costs, *, placement: str) -> Prediction:
    """Predicts the latency of any schedule, with its timeline.

    Args:
        placement: what the schedule's placement is called.

    Raises:
        MissingEntryError: the tables lack a block or a hand-over.
    """
    units = schedule.units
    operations = unit_operations(schedule, costs)
    timeline = replay(pack([list(operations.values())]), costs.contention(units), costs.jitter(units))
    steps = [step for index, unit in enumerate(units) for step in _steps(unit, operations[unit], timeline, index)]
    return Prediction(schedule.model, units, placement, float(timeline.total_us[0]), tuple(steps), critical_shares(operations, timeline))


def _steps(unit: str, operations: Sequence[Operation], timeline: Timeline, index: int) -> list[Step]:
    """Consecutive operations of one step, gathered. A wait begins when the unit has ended what came before."""
    steps: list[Step] = []
    ready_us = 0.0
    for number, operation in enumerate(operations):
        begin_us, end_us = float(timeline.begin_us[0, index, number]), float(timeline.end_us[0, index, number])
        part = Part(operation.what, ready_us if operation.step == "wait" else begin_us, end_us)
        ready_us = end_us
        last = steps[-1] if steps else None
        if last and (last.segment, last.step, last.peer) == (operation.segment, operation.step, operation.peer):
            steps[-1] = Step(unit, last.segment, last.step, last.peer, last.begin_us, part.end_us, (*last.parts, part))
        else:
            steps.append(Step(unit, operation.segment, operation.step, operation.peer, part.begin_us, part.end_us, (part,)))
    return steps
