"""Runs of a model on all units: what each unit does and when, predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from android_harness.bundles.steps import MeasuredStep
from collab.model import ModelConfig
from collab.placement import Placement
from collab.schedule import NETWORK_INPUT, build_schedule
from lut.prediction.costs import Costs
from lut.prediction.model_latency import Prediction, predict
from lut.prediction.program import NETWORK_OUTPUT

RUN, WAIT = "run", "wait"
COPIES = ("write", "read")


@dataclass(frozen=True)
class Activity:
    """A unit's activity from one moment to another, since all units were released: `what` is a block, or the step itself.

    `kind` is run, wait, write or read; `peer` the other end of a wait or a copy, and `size_bytes` what is handed over, where known.
    Measured, moments are medians over all runs, and so is `took_us`, how long it took, with its median absolute deviation `spread_us`;
    both are None of a prediction, whose moments are all that there is to know.
    """

    unit: str
    segment: str
    kind: str
    peer: str
    what: str
    begin_us: float
    end_us: float
    size_bytes: int | None = None
    took_us: float | None = None
    spread_us: float | None = None

    @property
    def duration_us(self) -> float:
        return self.end_us - self.begin_us if self.took_us is None else self.took_us


@dataclass(frozen=True)
class Run:
    """One run of a model: all activities, unit by unit in order, and when the last one ends."""

    total_us: float
    activities: tuple[Activity, ...]

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(activity.unit for activity in self.activities))

    def waiting_us(self, unit: str) -> float:
        """Returns how long a unit waits for others."""
        return sum(activity.duration_us for activity in self.activities if activity.unit == unit and activity.kind == WAIT)


def predicted_run(config: ModelConfig, placement: Placement, costs: Costs) -> tuple[Run, Prediction]:
    """Predicts a run, block by block.

    Raises:
        MissingEntryError: the tables lack a block or a hand-over.
    """
    prediction = predict(config, placement, costs)
    return run_of(prediction, handover_bytes(config, placement)), prediction


def run_of(prediction: Prediction, sizes: Mapping[str, int]) -> Run:
    """Returns a prediction as a run, block by block.

    Args:
        sizes: bytes of what is handed over, as far as they are known (`handover_bytes`).
    """
    activities = [
        Activity(
            step.unit, step.segment, step.step, step.peer, part.what, part.begin_us, part.end_us, _size(sizes, step.segment, step.peer)
        )
        for step in prediction.steps
        for part in step.parts
    ]
    return Run(prediction.total_us, tuple(activities))


def measured_run(total_us: float, steps: Sequence[MeasuredStep], sizes: Mapping[str, int]) -> Run:
    """Returns a run as it was measured, step by step.

    A unit's steps follow each other, so each is drawn up to where the next one begins: medians of moments keep their order, while
    medians of durations do not add up.

    Args:
        sizes: bytes of what segments hand over, as far as they are known (`handover_bytes`).
    """
    activities = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        follows = following is not None and following.unit == step.unit and following.begin_us >= step.begin_us
        end_us = following.begin_us if following is not None and follows else step.begin_us + step.duration_us
        activities.append(
            Activity(
                step.unit,
                step.segment,
                step.step,
                step.peer,
                step.step,
                step.begin_us,
                end_us,
                _size(sizes, step.segment, step.peer),
                step.duration_us,
                step.duration_mad_us,
            )
        )
    return Run(total_us, tuple(activities))


def handover_bytes(config: ModelConfig, placement: Placement) -> dict[str, int]:
    """Returns the bytes of each segment's output, by the segment's name, and of the network's input."""
    schedule = build_schedule(config, placement)
    sizes = {segment.name: segment.outputs[0].size_bytes for segment in schedule.segments}
    return {**sizes, NETWORK_INPUT: schedule.inputs[0].size_bytes}


def _size(sizes: Mapping[str, int], segment: str, peer: str) -> int | None:
    """Returns the size of what passes between a segment and a peer: a peer's output, or, copied out, the segment's own."""
    if peer == NETWORK_OUTPUT:
        return sizes.get(peer, sizes.get(segment))
    return sizes.get(peer) if peer else None
