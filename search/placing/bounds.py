"""Least times: what blocks and hand-overs take at least, whatever else runs, so that searches can leave out what cannot be better.

A block takes no less than alone: data that was used longer ago is never nearer, and others slow a unit down or leave it as it is. A segment
costs a call. So the least end of a placement that is decided in part is never later than that of any placement which goes on from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from collab.errors import MissingEntryError
from graph.scheduling import CutNetwork
from lut.prediction.costs import Costs


@dataclass(frozen=True)
class Move:
    """The least that handing all tensors from one block to another's unit costs: the sender, until they are there, the receiver."""

    read_us: float
    wakeup_us: float
    write_us: float


class Bounds:
    """The least times of a network's blocks on units, by their numbers; infinite where the tables have none."""

    def __init__(self, cut: CutNetwork, costs: Costs, units: tuple[str, ...]) -> None:
        self.cut = cut
        self.units = units
        self._costs = costs
        self.call_us = [costs.call_us(unit) for unit in units]
        self.run_us = [[self._run_us(number, unit) for unit in units] for number in range(len(cut.blocks))]
        self.write_us = [[self._input_us(number, unit) for unit in units] for number in range(len(cut.blocks))]
        self.read_us = [[self._output_us(number, unit) for unit in units] for number in range(len(cut.blocks))]
        self._moves: dict[tuple[int, int, int, int], Move | None] = {}

    def _run_us(self, number: int, unit: str) -> float:
        try:
            return max(self._costs.block(unit, self.cut.opaque[number]).alone_us, 0.0)
        except MissingEntryError:
            return math.inf

    def _input_us(self, number: int, unit: str) -> float:
        taken = [tensor for tensor in self.cut.blocks[number].inputs if tensor in self.cut.network.inputs]
        sizes = [self.cut.type_of(tensor).size_bytes for tensor in taken]
        return sum(self._costs.input_write_us(unit, self.cut.opaque[number], size) for size in sizes)

    def _output_us(self, number: int, unit: str) -> float:
        given = [tensor for tensor in self.cut.blocks[number].outputs if tensor in self.cut.network.outputs]
        sizes = [self.cut.type_of(tensor).size_bytes for tensor in given]
        return sum(self._costs.output_read_us(unit, self.cut.opaque[number], size) for size in sizes)

    def can_run(self, number: int) -> list[int]:
        """Returns the units on which a block was measured."""
        return [unit for unit in range(len(self.units)) if math.isfinite(self.run_us[number][unit])]

    def move(self, sender: int, receiver: int, from_unit: int, to_unit: int) -> Move | None:
        """Returns what a hand-over between two blocks costs at least; None where the tables have none."""
        key = (sender, receiver, from_unit, to_unit)
        if key not in self._moves:
            self._moves[key] = self._measured_move(sender, receiver, self.units[from_unit], self.units[to_unit])
        return self._moves[key]

    def _measured_move(self, sender: int, receiver: int, from_unit: str, to_unit: str) -> Move | None:
        own = set(self.cut.blocks[sender].outputs)
        tensors = [tensor for tensor in self.cut.blocks[receiver].inputs if tensor in own]
        try:
            costs = [self._costs.handover(from_unit, to_unit, self.cut.type_of(tensor).size_bytes) for tensor in tensors]
        except MissingEntryError:
            return None
        reads = sum(cost.read_us for cost in costs if cost.copies_out)
        writes = sum(cost.write_us for cost in costs)
        return Move(reads, min(cost.wakeup_us for cost in costs), writes)

    @cached_property
    def after(self) -> Sequence[Sequence[int]]:
        """The blocks that take from each block."""
        found: list[list[int]] = [[] for _ in self.cut.blocks]
        for number, before in enumerate(self.cut.before):
            for earlier in before:
                found[earlier].append(number)
        return found

    @cached_property
    def tail_us(self) -> Sequence[Sequence[float]]:
        """The least time from the end of a block on a unit until the end of the inference."""
        count = len(self.units)
        found = [[0.0] * count for _ in self.cut.blocks]
        for number in reversed(range(len(self.cut.blocks))):
            for unit in range(count):
                least = [
                    min((self._next_us(number, unit, later, to, found) for to in range(count)), default=0.0) for later in self.after[number]
                ]
                found[number][unit] = max([self.read_us[number][unit], *least])
        return found

    def _next_us(self, number: int, unit: int, later: int, to: int, tails: Sequence[Sequence[float]]) -> float:
        rest = self.run_us[later][to] + tails[later][to]
        if unit == to:
            return rest
        move = self.move(number, later, unit, to)
        if move is None:
            return math.inf
        # Its segment may have awaited something later instead, and be woken by that.
        return move.read_us + self._least_wakeup_us[unit][to] + move.write_us + self.call_us[to] + rest

    @cached_property
    def _least_wakeup_us(self) -> Sequence[Sequence[float]]:
        """The least wake-up from unit to unit, of all hand-overs that the network may need."""
        count = len(self.units)
        found = [[math.inf] * count for _ in range(count)]
        pairs = [(before, number) for number, blocks in enumerate(self.cut.before) for before in blocks]
        for unit, to in permutations(range(count), 2):
            moves = (self.move(before, number, unit, to) for before, number in pairs)
            found[unit][to] = min((move.wakeup_us for move in moves if move is not None), default=0.0)
        return found

    @cached_property
    def least_left_us(self) -> Sequence[float]:
        """The work that all blocks from a number on are at least, over all units together."""
        least = [min(times) for times in self.run_us]
        return [*np.cumsum(least[::-1])[::-1].tolist(), 0.0]
