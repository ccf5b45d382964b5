"""Programs: schedules with their costs, as the operations that the replay carries out.

A segment on its unit becomes, in order: for each input, a wait for the peer and a copy in; the call, the fetching of what its buffers hold,
the taking back of memory that peers have read, and the blocks; a copy out where a peer or the user takes it. On which side a hand-over
copies depends on its path (`lut.paths`); where the receiver copies nothing, what fetching the peer's data costs it is part of its run.
However many peers an output is copied out for, it is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collab.blocks import Block, feature_bytes
from collab.schedule import NETWORK_INPUT, Schedule, Segment
from lut.prediction.costs import BYTES_PER_KB, Costs, HandoverCost, block_class
from lut.prediction.replay import NO_CLASS, NONE, Program
from lut.prediction.reuse import FEATURES, WEIGHTS, BlockCost, arena_mb, arena_us, distance_mb

NETWORK_OUTPUT = "output"


@dataclass(frozen=True)
class Operation:
    """One operation with what it stands for. `step` is wait, write, run or read; `peer` the other end, empty for a run.

    `kilobytes` is the size of the feature map that is fetched, claimed or copied for a peer; `resumes` how many peers a call waited for;
    `weights_mb` and `features_mb` are what it uses from the unit's reuse distance.
    """

    segment: str
    step: str
    peer: str
    what: str
    work_us: float = 0.0
    contention_class: int = NO_CLASS
    needs: int = NONE
    wakeup_us: float = 0.0
    fires: int = NONE
    kilobytes: float = 0.0
    resumes: int = 0
    weights_mb: float = 0.0
    features_mb: float = 0.0


def unit_operations(schedule: Schedule, costs: Costs) -> dict[str, list[Operation]]:
    """Returns the operations of each unit of a schedule, in order."""
    builder = _Builder(schedule, costs)
    for segment in schedule.segments:
        builder.add(segment)
    return builder.operations


class _Builder:
    def __init__(self, schedule: Schedule, costs: Costs) -> None:
        self._schedule = schedule
        self._costs = costs
        self._bytes = {s.name: feature_bytes(s.out_shape) for s in schedule.segments}
        self._ran = {s.name: 2 * i for i, s in enumerate(schedule.segments)}
        self._was_read = {s.name: 2 * i + 1 for i, s in enumerate(schedule.segments)}
        self._blocks = {s.name: [costs.block(s.unit, layer.block) for layer in s.layers] for s in schedule.segments}
        self._us_per_mb = self._reuse_us(schedule.placement.units)
        self.operations: dict[str, list[Operation]] = {unit: [] for unit in schedule.placement.units}

    def _reuse_us(self, units: tuple[str, ...]) -> dict[str, tuple[float, float]]:
        """Returns what a megabyte of weights and one of features cost each unit at the distance that they have in this schedule."""
        own = np.zeros(len(units))
        for number, unit in enumerate(units):
            segments = (self._blocks[s.name] for s in self._schedule.segments if s.unit == unit)
            own[number] = distance_mb(segments, self._costs.features_share(unit))
        distances = (own + self._costs.shared_caches(units) @ own).tolist()
        return {
            unit: (self._costs.reuse(unit, WEIGHTS).at_one(distance), self._costs.reuse(unit, FEATURES).at_one(distance))
            for unit, distance in zip(units, distances, strict=True)
        }

    def add(self, segment: Segment) -> None:
        received = [operation for source in segment.sources for operation in self._receive(segment, source)]
        arrivals = [operation for operation in received if operation.step != "run"]
        fetches = [operation for operation in received if operation.step == "run"]
        self.operations[segment.unit] += [*arrivals, *fetches, *self._run(segment), *self._send(segment)]

    def _receive(self, segment: Segment, source: str) -> list[Operation]:
        first = segment.layers[0].block
        if source == NETWORK_INPUT:
            work = self._costs.input_write_us(segment.unit, first)
            return [Operation(segment.name, "write", source, "copy in", work)]
        sender = self._schedule.segment(source)
        if sender.unit == segment.unit:
            return []
        cost = self._costs.handover(sender.unit, segment.unit, self._bytes[source])
        needs = self._was_read[source] if cost.copies_out else self._ran[source]
        wait = Operation(segment.name, "wait", source, "wait", needs=needs, wakeup_us=cost.wakeup_us)
        size_kb = self._bytes[source] / BYTES_PER_KB
        if cost.copies_in:
            return [wait, Operation(segment.name, "write", source, "copy in", cost.write_us, kilobytes=size_kb)]
        return [wait, Operation(segment.name, "run", "", f"fetch {source}", cost.write_us, kilobytes=size_kb)]

    def _run(self, segment: Segment) -> list[Operation]:
        costs: list[BlockCost] = self._blocks[segment.name]
        weights_us, features_us = self._us_per_mb[segment.unit]
        resumed = [self._resume_us(segment, source) for source in self._peers(segment)]
        call = Operation(segment.name, "run", "", "call", self._costs.call_us(segment.unit) + sum(resumed), resumes=len(resumed))
        buffers = Operation(segment.name, "run", "", "buffers", arena_us(costs, features_us), features_mb=arena_mb(costs))
        claimed_kb = self._bytes[segment.name] / BYTES_PER_KB if self._shares_output(segment) else 0.0
        claim = Operation(segment.name, "run", "", "claim", self._claim_us(segment), kilobytes=claimed_kb)
        blocks = [self._block(segment, layer.block, cost, weights_us) for layer, cost in zip(segment.layers, costs, strict=True)]
        ended = Operation(segment.name, "run", "", "end", fires=self._ran[segment.name])
        return [call, buffers, claim, *blocks, ended]

    @staticmethod
    def _block(segment: Segment, block: Block, cost: BlockCost, weights_us: float) -> Operation:
        return Operation(segment.name, "run", "", block.key, cost.run_us(weights_us), block_class(block), weights_mb=cost.weights_mb)

    def _peers(self, segment: Segment) -> list[str]:
        """Returns the segments of other units that a segment waits for."""
        sources = [source for source in segment.sources if source != NETWORK_INPUT]
        return [source for source in sources if self._schedule.segment(source).unit != segment.unit]

    def _resume_us(self, segment: Segment, source: str) -> float:
        return self._costs.handover(self._schedule.segment(source).unit, segment.unit, self._bytes[source]).resume_us

    def _shares_output(self, segment: Segment) -> bool:
        """Tells whether a segment's output is read by another unit."""
        return segment.name != self._schedule.output.name and bool(self._schedule.receivers(segment))

    def _claim_us(self, segment: Segment) -> float:
        """Returns what it costs a segment to write its output where peers have read the one before; they have read it all at once."""
        receivers = self._schedule.receivers(segment) if self._shares_output(segment) else []
        return max((self._handover(segment, receiver).claim_us for receiver in receivers), default=0.0)

    def _handover(self, segment: Segment, receiver: Segment) -> HandoverCost:
        return self._costs.handover(segment.unit, receiver.unit, self._bytes[segment.name])

    def _send(self, segment: Segment) -> list[Operation]:
        if segment.name == self._schedule.output.name:
            work = self._costs.output_read_us(segment.unit, segment.layers[-1].block)
            return [Operation(segment.name, "read", NETWORK_OUTPUT, "copy out", work)]
        receivers = self._schedule.receivers(segment)
        handovers = [self._handover(segment, receiver) for receiver in receivers]
        copied = [(r, h) for r, h in zip(receivers, handovers, strict=True) if h.copies_out]
        if not copied:
            return []
        receiver, handover = copied[0]
        size_kb = self._bytes[segment.name] / BYTES_PER_KB
        fires = self._was_read[segment.name]
        return [Operation(segment.name, "read", receiver.name, "copy out", handover.read_us, fires=fires, kilobytes=size_kb)]


def pack(architectures: Sequence[Sequence[Sequence[Operation]]]) -> Program:
    """Packs the operations of B architectures x U units into arrays, padded with empty operations."""
    count, units = len(architectures), len(architectures[0])
    length = max(len(operations) for units_ in architectures for operations in units_)
    shape = (count, units, length)
    work_us, wakeup_us = np.zeros(shape), np.zeros(shape)
    contention_class = np.full(shape, NO_CLASS, np.int64)
    needs, fires = np.full(shape, NONE, np.int64), np.full(shape, NONE, np.int64)
    lengths = np.zeros(shape[:2], np.int64)
    for row, architecture in enumerate(architectures):
        for unit, operations in enumerate(architecture):
            index = (row, unit, slice(0, len(operations)))
            lengths[row, unit] = len(operations)
            work_us[index] = [operation.work_us for operation in operations]
            wakeup_us[index] = [operation.wakeup_us for operation in operations]
            contention_class[index] = [operation.contention_class for operation in operations]
            needs[index] = [operation.needs for operation in operations]
            fires[index] = [operation.fires for operation in operations]
    return Program(work_us, contention_class, needs, wakeup_us, fires, lengths)
