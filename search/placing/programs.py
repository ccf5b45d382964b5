"""Programs of many placements at once, as arrays: what `lut.prediction.program` makes of each one's schedule.

Operations that follow each other without another unit taking notice are one here: copies in and the call, all blocks of a segment, copies
out. So a replay takes fewer steps, and ends at the same moments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collab.errors import MissingEntryError
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs, block_class
from lut.prediction.replay import NO_CLASS, NONE, Floats, Ints, Program
from lut.prediction.reuse import FEATURES, WEIGHTS, BlockCost, ReuseCurve
from search.placing.segmenting import Segmented, segmented

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Programs:
    """Programs of placements, with the number of operations of each unit in one inference (P, U)."""

    program: Program
    each: Ints


@dataclass(frozen=True)
class _Moves:
    """Costs of handing a size over, (U, U) by sender and receiver; NaN where the tables have none."""

    read_us: Floats
    wakeup_us: Floats
    write_us: Floats
    claim_us: Floats
    resume_us: Floats
    copies_out: Bools
    copies_in: Bools


class Programmer:
    """Makes programs of placements of one network; what blocks and hand-overs cost is looked up once."""

    def __init__(self, cut: CutNetwork, costs: Costs, units: tuple[str, ...]) -> None:
        self._cut = cut
        self._costs = costs
        self._units = units
        names = [self._block_costs(unit) for unit in units]
        self._alone_us = _table(names, lambda cost: cost.alone_us - cost.weights_near_us)
        self._weights_mb = _table(names, lambda cost: cost.weights_mb)
        self._features_mb = _table(names, lambda cost: cost.features_mb)
        self._features_near_us = _table(names, lambda cost: cost.features_near_us)
        self._call_us = np.array([costs.call_us(unit) for unit in units])
        self._share = np.array([costs.features_share(unit) for unit in units])
        self._shared = costs.shared_caches(units)
        self._maker = {tensor: number for number, block in enumerate(cut.blocks) for tensor in block.outputs}
        self._readers: dict[int, list[int]] = {}
        for number, block in enumerate(cut.blocks):
            for tensor in block.inputs:
                self._readers.setdefault(tensor, []).append(number)
        self._moves: dict[int, _Moves] = {}

    def _block_costs(self, unit: str) -> list[BlockCost | None]:
        found: list[BlockCost | None] = []
        for block in self._cut.opaque:
            try:
                found.append(self._costs.block(unit, block))
            except MissingEntryError:
                found.append(None)
        return found

    def _moves_of(self, tensor: int) -> _Moves:
        size = self._cut.type_of(tensor).size_bytes
        if size not in self._moves:
            count = len(self._units)
            values = np.full((7, count, count), np.nan)
            for one, sender in enumerate(self._units):
                for other, receiver in enumerate(self._units):
                    if one == other:
                        continue
                    try:
                        cost = self._costs.handover(sender, receiver, size)
                    except MissingEntryError:
                        continue
                    read_us = cost.read_us if cost.copies_out else 0.0
                    ways = (cost.copies_out, cost.copies_in)
                    values[:, one, other] = (read_us, cost.wakeup_us, cost.write_us, cost.claim_us, cost.resume_us, *ways)
            self._moves[size] = _Moves(values[0], values[1], values[2], values[3], values[4], values[5] == 1, values[6] == 1)
        return self._moves[size]

    def program(self, placements: Ints, *, frames: int) -> Programs | None:
        """Makes the programs of placements, (P, blocks), each of so many inferences that follow each other.

        Returns:
            None where the tables lack something that one of them needs.
        """
        work = _Work(segmented(self._cut.before, placements, len(self._units)))
        self._add_blocks(work)
        for number, block in enumerate(self._cut.blocks):
            for tensor in block.inputs:
                if tensor in self._maker:
                    self._add_taken(work, number, tensor)
                else:
                    self._add_input(work, number, tensor)
        work.begun()
        for tensor, maker in self._maker.items():
            if tensor in self._readers:
                self._add_given(work, maker, tensor)
        for tensor in self._cut.network.outputs:
            self._add_output(work, tensor)
        if work.lacks:
            return None
        return work.programs(frames=frames, block_class=block_class(self._cut.opaque[0]))

    def _add_blocks(self, work: _Work) -> None:
        """Adds what segments' blocks, buffers and calls take."""
        of = work.of
        arena, near, weights, alone = (np.zeros(work.units.shape) for _ in range(4))
        near -= np.inf
        for number in range(of.segment.shape[1]):
            at, unit = work.at(number), of.placements[:, number]
            alone[at] += self._alone_us[number, unit]
            weights[at] += self._weights_mb[number, unit]
            arena[at] = np.maximum(arena[at], self._features_mb[number, unit])
            near[at] = np.maximum(near[at], self._features_near_us[number, unit])
        there = work.units >= 0
        own = np.stack([np.sum((weights + self._share[u] * arena) * (work.units == u), axis=1) for u in range(len(self._units))], axis=1)
        distance = own + own @ self._shared.T
        unit = np.maximum(work.units, 0)
        weight_us, feature_us = (
            np.stack([_at(self._costs.reuse(name, what), distance[:, u]) for u, name in enumerate(self._units)], axis=1)
            for what in (WEIGHTS, FEATURES)
        )
        work.run_us[:] = alone + weights * np.take_along_axis(weight_us, unit, axis=1)
        buffers = arena * np.take_along_axis(feature_us, unit, axis=1) - np.where(there, near, 0.0)
        work.before_us += np.where(there, self._call_us[unit] + buffers, 0.0)
        work.lacks |= bool(np.isnan(alone).any())

    def _is_read_first(self, work: _Work, number: int, tensor: int) -> Bools:
        """Tells in which placements no earlier block of the same segment reads the tensor."""
        found = np.ones(len(work.of.placements), dtype=np.bool_)
        for other in self._readers[tensor]:
            if other < number:
                found &= work.of.segment[:, other] != work.of.segment[:, number]
        return found

    def _add_input(self, work: _Work, number: int, tensor: int) -> None:
        size = self._cut.type_of(tensor).size_bytes
        us = np.array([self._costs.input_write_us(unit, self._cut.opaque[number], size) for unit in self._units])
        rows = np.flatnonzero(self._is_read_first(work, number, tensor))
        work.write(rows, work.of.segment[rows, number], us[work.of.placements[rows, number]])

    def _add_taken(self, work: _Work, number: int, tensor: int) -> None:
        of, moves, maker = work.of, self._moves_of(tensor), self._maker[tensor]
        sender, receiver = of.placements[:, maker], of.placements[:, number]
        rows = np.flatnonzero((sender != receiver) & self._is_read_first(work, number, tensor))
        way = (sender[rows], receiver[rows])
        own, other = of.segment[rows, number], of.segment[rows, maker]
        work.lacks |= bool(np.isnan(moves.wakeup_us[way]).any())
        work.wait(rows, own, other, was_read=moves.copies_out[way], wakeup_us=moves.wakeup_us[way])
        copied = moves.copies_in[way]
        work.write(rows[copied], own[copied], moves.write_us[way][copied])
        work.before_us[rows[~copied], own[~copied]] += moves.write_us[way][~copied]
        work.resume(rows, own, other, moves.resume_us[way])

    def _add_given(self, work: _Work, maker: int, tensor: int) -> None:
        """Adds what it costs a segment to claim a tensor's memory, and to copy it out once: for the first that has it copied."""
        of, moves = work.of, self._moves_of(tensor)
        count = len(of.placements)
        claim_us, read_us, first = np.zeros(count), np.zeros(count), np.full(count, np.iinfo(np.int64).max)
        for number in self._readers[tensor]:
            way = (of.placements[:, maker], of.placements[:, number])
            claim_us = np.where(way[0] != way[1], np.maximum(claim_us, moves.claim_us[way]), claim_us)
            sooner = moves.copies_out[way] & (of.segment[:, number] < first)
            first = np.where(sooner, of.segment[:, number], first)
            read_us = np.where(sooner, moves.read_us[way], read_us)
        at = work.at(maker)
        work.before_us[at] += claim_us
        work.read_us[at] += read_us
        work.is_read[at] |= first < np.iinfo(np.int64).max

    def _add_output(self, work: _Work, tensor: int) -> None:
        maker = self._maker[tensor]
        size = self._cut.type_of(tensor).size_bytes
        us = np.array([self._costs.output_read_us(unit, self._cut.opaque[maker], size) for unit in self._units])
        work.give_us[work.at(maker)] += us[work.of.placements[:, maker]]
        work.is_given[work.at(maker)] = True


class _Work:
    """Operations of placements as they are put together: (P, S) arrays have a value for each of S segments."""

    def __init__(self, of: Segmented) -> None:
        self.of = of
        self.rows = np.arange(len(of.placements))
        most = int(of.segment.max()) + 1
        shape = (len(of.placements), most)
        self.units = np.full(shape, -1, np.int64)
        for number in range(of.segment.shape[1]):
            self.units[self.at(number)] = of.placements[:, number]
        self.run_us, self.before_us, self.read_us, self.give_us = (np.zeros(shape) for _ in range(4))
        self.is_read, self.is_given = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        self.lacks = False
        self._opened = np.zeros(shape, np.int64)
        """Operations that each segment has before its blocks, so far."""
        self._waited = np.zeros((*shape, most), np.bool_)
        self._resumed: Floats | None = None
        self._waits: list[tuple[Ints, Ints, Ints, Ints, Floats]] = []
        self._writes: list[tuple[Ints, Ints, Ints, Floats]] = []

    def at(self, number: int) -> tuple[Ints, Ints]:
        """The segment of a block in each placement."""
        return self.rows, self.of.segment[:, number]

    def wait(self, rows: Ints, own: Ints, other: Ints, *, was_read: Bools, wakeup_us: Floats) -> None:
        first = ~self._waited[rows, own, other]
        rows, own, other = rows[first], own[first], other[first]
        self._waited[rows, own, other] = True
        self._waits.append((rows, own, self._opened[rows, own], 2 * other + was_read[first], wakeup_us[first]))
        self._opened[rows, own] += 1

    def write(self, rows: Ints, own: Ints, us: Floats) -> None:
        self._opened[rows, own] = np.maximum(self._opened[rows, own], 1)
        self._writes.append((rows, own, self._opened[rows, own] - 1, us))

    def resume(self, rows: Ints, own: Ints, other: Ints, us: Floats) -> None:
        if self._resumed is None:
            if not us.any():
                return
            self._resumed = np.zeros(self._waited.shape)
        self._resumed[rows, own, other] = np.maximum(self._resumed[rows, own, other], us)

    def begun(self) -> None:
        """Has each segment do something before its blocks: a call at least."""
        self._opened = np.where(self.units >= 0, np.maximum(self._opened, 1), 0)
        if self._resumed is not None:
            self.before_us += self._resumed.sum(axis=2)

    def programs(self, *, frames: int, block_class: int) -> Programs:
        count, most = self.units.shape
        there = self.units >= 0
        operations = np.where(there, self._opened + 1 + self.is_read + self.is_given, 0)
        units = self.of.units
        each = np.zeros((count, units), np.int64)
        base = np.zeros((count, most), np.int64)
        for number in range(most):
            rows = np.flatnonzero(there[:, number])
            unit = self.units[rows, number]
            base[rows, number] = each[rows, unit]
            each[rows, unit] += operations[rows, number]
        length = int(each.max()) * frames
        shape = (count, units, length)
        work_us, wakeup_us = np.zeros(count * units * length), np.zeros(count * units * length)
        classes, needs, fires = (np.full(count * units * length, NONE, np.int64) for _ in range(3))
        assert NO_CLASS == NONE
        place = (self.rows[:, None] * units + np.maximum(self.units, 0)) * length + base
        row, segment = np.nonzero(there)
        ran = place[row, segment] + self._opened[row, segment]
        read, given = np.nonzero(self.is_read), np.nonzero(self.is_given)
        was_read = place[read] + self._opened[read] + 1
        was_given = place[given] + self._opened[given] + 1 + self.is_read[given]
        # How many operations a unit does of one inference, for each segment.
        of_unit = np.take_along_axis(each, np.maximum(self.units, 0), axis=1)
        for frame in range(frames):
            behind, event = frame * of_unit, 2 * most * frame
            at = ran + behind[row, segment]
            work_us[at], classes[at], fires[at] = self.run_us[row, segment], block_class, event + 2 * segment
            work_us[at - 1] += self.before_us[row, segment]
            for rows, own, ordinal, needed, us in self._waits:
                at = place[rows, own] + ordinal + behind[rows, own]
                needs[at], wakeup_us[at] = event + needed, us
            for rows, own, ordinal, us in self._writes:
                work_us[place[rows, own] + ordinal + behind[rows, own]] += us
            at = was_read + behind[read]
            work_us[at], fires[at] = self.read_us[read], event + 2 * read[1] + 1
            work_us[was_given + behind[given]] = self.give_us[given]
        program = Program(
            work_us.reshape(shape),
            classes.reshape(shape),
            needs.reshape(shape),
            wakeup_us.reshape(shape),
            fires.reshape(shape),
            each * frames,
        )
        return Programs(program, each)


def _table(units: Sequence[Sequence[BlockCost | None]], value: Callable[[BlockCost], float]) -> Floats:
    """(blocks, U) values of costs; NaN where there is none."""
    found: Floats = np.array([[np.nan if cost is None else value(cost) for cost in blocks] for blocks in units]).T
    return found


def _at(curve: ReuseCurve, distance_mb: Floats) -> Floats:
    found = np.zeros(len(distance_mb))
    some = distance_mb > 0
    found[some] = curve.at(distance_mb[some])
    return found
