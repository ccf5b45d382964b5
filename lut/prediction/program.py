"""Programs: schedules with their costs, as the operations that the replay carries out.

A segment on its unit becomes, in order: for each input, a wait for the peer (once, however much is taken from it) and a copy in; the
call, the fetching of what its buffers hold, the taking back of memory that peers have read, and the blocks; a copy out where a peer or the
user takes it. On which side a hand-over copies depends on its path (`lut.paths`); where the receiver copies nothing, what fetching the
peer's data costs it is part of its run. However many peers an output is copied out for, it is read once; peers know when all that is copied
out for them has been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collab.blocks import AnyBlock
from collab.schedule import Schedule, Segment, Source
from lut.prediction.costs import BYTES_PER_KB, Costs, HandoverCost, block_class
from lut.prediction.replay import NO_CLASS, NONE, Floats, Ints, Program
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


def peer_name(source: Source) -> str:
    """Returns what the other end of a copy is called: a segment or the network's input, with the number of the tensor beyond the first."""
    return f"{source.segment}:{source.output}" if source.output else source.segment


class _Builder:
    def __init__(self, schedule: Schedule, costs: Costs) -> None:
        self._schedule = schedule
        self._costs = costs
        self._ran = {s.name: 2 * i for i, s in enumerate(schedule.segments)}
        self._was_read = {s.name: 2 * i + 1 for i, s in enumerate(schedule.segments)}
        self._blocks = {s.name: [costs.block(s.unit, block) for block in s.blocks] for s in schedule.segments}
        self._us_per_mb = self._reuse_us(schedule.units)
        self.operations: dict[str, list[Operation]] = {unit: [] for unit in schedule.units}

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
        arrivals: list[Operation] = []
        fetches: list[Operation] = []
        waited: set[str] = set()
        for source in segment.sources:
            if source.is_input:
                arrivals.append(self._write_input(segment, source))
            elif self._unit(source) != segment.unit:
                cost = self._handover(source, segment.unit)
                if source.segment not in waited:
                    waited.add(source.segment)
                    arrivals.append(self._wait(segment, source, cost))
                (arrivals if cost.copies_in else fetches).append(self._take(segment, source, cost))
        self.operations[segment.unit] += [*arrivals, *fetches, *self._run(segment), *self._send(segment)]

    def _unit(self, source: Source) -> str:
        return self._schedule.segment(source.segment).unit

    def _bytes(self, source: Source) -> int:
        return self._schedule.type_of(source).size_bytes

    def _handover(self, source: Source, receiver: str) -> HandoverCost:
        return self._costs.handover(self._unit(source), receiver, self._bytes(source))

    def _write_input(self, segment: Segment, source: Source) -> Operation:
        work = self._costs.input_write_us(segment.unit, segment.blocks[0], self._bytes(source))
        return Operation(segment.name, "write", peer_name(source), "copy in", work)

    def _wait(self, segment: Segment, source: Source, cost: HandoverCost) -> Operation:
        needs = self._was_read[source.segment] if cost.copies_out else self._ran[source.segment]
        return Operation(segment.name, "wait", source.segment, "wait", needs=needs, wakeup_us=cost.wakeup_us)

    def _take(self, segment: Segment, source: Source, cost: HandoverCost) -> Operation:
        size_kb = self._bytes(source) / BYTES_PER_KB
        if cost.copies_in:
            return Operation(segment.name, "write", peer_name(source), "copy in", cost.write_us, kilobytes=size_kb)
        return Operation(segment.name, "run", "", f"fetch {peer_name(source)}", cost.write_us, kilobytes=size_kb)

    def _run(self, segment: Segment) -> list[Operation]:
        costs: list[BlockCost] = self._blocks[segment.name]
        weights_us, features_us = self._us_per_mb[segment.unit]
        resumed = self._resumes_us(segment)
        call = Operation(segment.name, "run", "", "call", self._costs.call_us(segment.unit) + sum(resumed), resumes=len(resumed))
        buffers = Operation(segment.name, "run", "", "buffers", arena_us(costs, features_us), features_mb=arena_mb(costs))
        shared = [source for source in self._outputs(segment) if self._schedule.receivers(source)]
        claimed_kb = sum(self._bytes(source) for source in shared) / BYTES_PER_KB
        claim = Operation(segment.name, "run", "", "claim", sum(map(self._claim_us, shared)), kilobytes=claimed_kb)
        blocks = [self._block(segment, block, cost, weights_us) for block, cost in zip(segment.blocks, costs, strict=True)]
        ended = Operation(segment.name, "run", "", "end", fires=self._ran[segment.name])
        return [call, buffers, claim, *blocks, ended]

    @staticmethod
    def _block(segment: Segment, block: AnyBlock, cost: BlockCost, weights_us: float) -> Operation:
        return Operation(segment.name, "run", "", block.key, cost.run_us(weights_us), block_class(block), weights_mb=cost.weights_mb)

    def _resumes_us(self, segment: Segment) -> list[float]:
        """Returns what a run takes longer because it has waited, for each segment of another unit that it waits for."""
        found: dict[str, float] = {}
        for source in segment.sources:
            if not source.is_input and self._unit(source) != segment.unit:
                resume_us = self._handover(source, segment.unit).resume_us
                found[source.segment] = max(found.get(source.segment, 0.0), resume_us)
        return list(found.values())

    @staticmethod
    def _outputs(segment: Segment) -> list[Source]:
        return [Source(segment.name, output) for output in range(len(segment.outputs))]

    def _claim_us(self, source: Source) -> float:
        """Returns what it costs a segment to write an output where peers have read the one before; they have read it all at once."""
        return max(self._handover(source, receiver.unit).claim_us for receiver in self._schedule.receivers(source))

    def _send(self, segment: Segment) -> list[Operation]:
        copied = [copy for source in self._outputs(segment) if (copy := self._copy_out(source))]
        if copied:
            copied[-1] = replace(copied[-1], fires=self._was_read[segment.name])
        return [*copied, *self._give(segment)]

    def _copy_out(self, source: Source) -> Operation | None:
        """Returns the copy out of an output for its peers; None where none of them has it copied."""
        for receiver in self._schedule.receivers(source):
            cost = self._handover(source, receiver.unit)
            if cost.copies_out:
                size_kb = self._bytes(source) / BYTES_PER_KB
                return Operation(source.segment, "read", receiver.name, "copy out", cost.read_us, kilobytes=size_kb)
        return None

    def _give(self, segment: Segment) -> list[Operation]:
        """Returns the copies of the network's outputs out of a segment."""
        found = []
        for number, source in enumerate(self._schedule.outputs):
            if source.segment == segment.name:
                work = self._costs.output_read_us(segment.unit, segment.blocks[-1], self._bytes(source))
                found.append(Operation(segment.name, "read", peer_name(Source(NETWORK_OUTPUT, number)), "copy out", work))
        return found


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


def repeated(program: Program, times: int) -> Program:
    """Returns a program whose units do what they do so many times, one time after the other; each time has events of its own."""
    count, units, most = program.work_us.shape
    length = np.full((count, units), most, np.int64) if program.length is None else program.length
    number = np.arange(int(length.max(initial=0)) * times)[None, None, :]
    once = np.maximum(length, 1)[:, :, None]
    at, turn, is_there = number % once, number // once, number < times * length[:, :, None]

    def values(of: Floats, behind: float) -> Floats:
        return np.where(is_there, np.take_along_axis(of, at, axis=2), behind)

    def numbers(of: Ints, behind: int) -> Ints:
        return np.where(is_there, np.take_along_axis(of, at, axis=2), behind)

    def events(of: Ints) -> Ints:
        taken = numbers(of, NONE)
        return np.where(taken == NONE, NONE, taken + turn * program.events)

    return Program(
        values(program.work_us, 0.0),
        numbers(program.contention_class, NO_CLASS),
        events(program.needs),
        values(program.wakeup_us, 0.0),
        events(program.fires),
        length * times,
    )
