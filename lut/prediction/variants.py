"""Latencies of many collaborative variants of one base model, straight from arrays.

`lut.prediction.program` turns one schedule into operations, object by object. A search asks for tens of thousands of latencies of models
that differ in their sync letters and expansion channels only; here the same operations are made as arrays, for all of them at once, and
replayed by the same `lut.prediction.replay`. Consecutive operations of one contention class are one operation here, which makes no
difference to it.

Letters are numbers: 0 for ``n``, 1 for ``a``, 2 for ``c`` (their place in `collab.config.SYNCS`). Slots are the base's MBConv blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from collab.blocks import BYTES_PER_VALUE, Add, Concat, MBConv
from collab.config import ModelConfig
from collab.errors import ConfigError, MissingEntryError
from collab.placement import Placement
from collab.variants import even_shares
from lut.paths import copies_in, copies_out
from lut.prediction.costs import Costs, block_class
from lut.prediction.replay import NO_CLASS, NONE, Floats, Ints, Program, replay

_Number = TypeVar("_Number", np.float64, np.int64)
LETTER_NONE: Final = 0
LETTER_ADD: Final = 1
LETTER_CONCAT: Final = 2
_BODY_CLASS: Final = 1
_CHUNK: Final = 2048
"""Architectures that are replayed together: more no longer fit the nearest caches."""


@dataclass(frozen=True)
class Slot:
    """A block of the base, whose expansion channels are chosen anew in every branch."""

    stage: int
    block: MBConv
    is_last: bool

    def options(self, *, multiple: int, widest: float) -> list[int]:
        """Expansion channels it may have: multiples up to `widest` times the base's.

        Where the base's block has an expansion convolution, the branches' have one too, so its input channels are left out; where it
        has none, they stand for going without.
        """
        limit = int(widest * self.block.exp_c)
        choices = set(range(multiple, limit + 1, multiple))
        if self.block.has_expansion:
            return sorted(choices - {self.block.in_c})
        return sorted(choices | {self.block.in_c})


@dataclass(frozen=True)
class HandoverTimes:
    """The times of handing a feature map of a stage, whole or a share, from one branch's unit to another's, and who copies."""

    copies_out: bool
    copies_in: bool
    read_us: float
    wakeup_us: float
    write_us: float


class VariantCosts:
    """All costs that variants of a base under one placement can need, looked up when they are first needed.

    Raises:
        ConfigError: not a base model, or a placement for fewer than two branches.
        MissingEntryError: the tables lack what every variant needs.
    """

    def __init__(self, base: ModelConfig, placement: Placement, costs: Costs) -> None:
        if base.is_collaborative:
            raise ConfigError(f"{base.name} is a collaborative model already; variants are made of a base model")
        if len(placement.units) < 2:
            raise ConfigError(f"placement {placement}: at least two branches are needed")
        self.base, self.placement, self.costs = base, placement, costs
        self.branches = len(placement.units)
        self.slots = tuple(
            Slot(index, block, position == len(stage.branches[0]) - 1)
            for index, stage in enumerate(base.stages)
            for position, block in enumerate(stage.branches[0])
        )
        self.last_slots = np.array([number for number, slot in enumerate(self.slots) if slot.is_last])
        self.fixed_us = [costs.fixed_us(unit) for unit in placement.units]
        self.stem_us = [costs.marginal_us(unit, base.stem) for unit in placement.units]
        self.input_us = [costs.input_write_us(unit, base.stem) for unit in placement.units]
        head_unit = placement.units[placement.head]
        self.head_us = costs.marginal_us(head_unit, base.head)
        self.output_us = costs.output_read_us(head_unit, base.head)
        self._handovers: dict[tuple[int, int, int], HandoverTimes] = {}

    @cached_property
    def factors(self) -> Floats | None:
        """Contention, for the replay."""
        return self.costs.contention(self.placement.units)

    def emitted(self, stage: int, branch: int, letter: int) -> int:
        """Channels that a branch emits at the end of a stage."""
        out_c = self.base.stages[stage].out_c
        return even_shares(out_c, self.branches)[branch] if letter == LETTER_CONCAT else out_c

    def can_concat(self, stage: int) -> bool:
        """Whether the stage has enough channels to be shared out."""
        try:
            even_shares(self.base.stages[stage].out_c, self.branches)
        except ConfigError:
            return False
        return True

    def slot_us(self, slot: Slot, branch: int, exp_c: int, *, shared: bool) -> float:
        """What a block of so many expansion channels adds; `shared`: the stage ends in a concat. NaN where the tables do not reach."""
        block = replace(slot.block, exp_c=exp_c)
        if shared and slot.is_last:
            block = replace(block, out_c=self.emitted(slot.stage, branch, LETTER_CONCAT))
        try:
            return self.costs.marginal_us(self.placement.units[branch], block)
        except MissingEntryError:
            return float("nan")

    def opening_us(self, stage: int, branch: int, letter: int) -> float:
        """The ADD or CONCAT that a segment after this stage begins with."""
        last = self.base.stages[stage].branches[0][-1]
        opening = (
            Concat(last.out_size, tuple(even_shares(last.out_c, self.branches)))
            if letter == LETTER_CONCAT
            else Add(last.out_size, last.out_c, self.branches)
        )
        return self.costs.marginal_us(self.placement.units[branch], opening)

    def handover(self, stage: int, sender: int, receiver: int, letter: int) -> HandoverTimes:
        """A stage's features from one branch to another; stage -1 are the stem's."""
        if stage < 0:
            channels, size = self.base.stem.out_c, self.base.stem.out_size
        else:
            channels, size = self.emitted(stage, sender, letter), self.base.stages[stage].branches[0][-1].out_size
        size_bytes = channels * size * size * BYTES_PER_VALUE
        key = (size_bytes, sender, receiver)
        if key not in self._handovers:
            cost = self.costs.handover(self.placement.units[sender], self.placement.units[receiver], size_bytes)
            self._handovers[key] = HandoverTimes(copies_out(cost.path), copies_in(cost.path), cost.read_us, cost.wakeup_us, cost.write_us)
        return self._handovers[key]


@dataclass(frozen=True)
class Schedules:
    """Schedules of many variants, whose blocks have yet to be given their work.

    `phase` (R, S) is the phase that a stage belongs to, phases being the stretches between syncs; `body` (R, B, P) is where in the flat
    (R * B * K,) work each phase's blocks are, -1 where a variant has fewer phases.
    """

    program: Program
    phase: Ints
    body: Ints

    @property
    def phases(self) -> int:
        return int(self.body.shape[2])

    def rows(self, which: Ints) -> Schedules:
        """Those of some variants only."""
        program, length = self.program, self.program.work_us.shape[1] * self.program.work_us.shape[2]
        part = Program(
            program.work_us[which],
            program.contention_class[which],
            program.needs[which],
            program.wakeup_us[which],
            program.fires[which],
            None if program.length is None else program.length[which],
        )
        moved = self.body[which] + ((np.arange(len(which)) - which) * length)[:, None, None]
        return Schedules(part, self.phase[which], np.where(self.body[which] < 0, -1, moved))


class VariantReplay:
    """Makes and replays the schedules of variants."""

    def __init__(self, costs: VariantCosts) -> None:
        self.costs = costs

    def schedules(self, letters: Ints) -> Schedules:
        """Schedules of variants whose letters are (R, S), the last of them 1 or 2.

        Raises:
            MissingEntryError: the tables lack a sync or a transfer that one of them needs.
        """
        return _ScheduleArrays(self.costs, letters).build()

    def latencies_us(self, schedules: Schedules, body_us: Floats) -> Floats:
        """(R,) latencies when each branch's blocks take `body_us` (R, B, P) in each phase."""
        program = schedules.program
        work = program.work_us.copy()
        has_body = schedules.body >= 0
        work.ravel()[schedules.body[has_body]] = body_us[has_body]
        totals = [self._total_us(program, work, slice(at, at + _CHUNK)) for at in range(0, len(work), _CHUNK)]
        return np.concatenate(totals) if totals else np.zeros(0)

    def _total_us(self, program: Program, work: Floats, rows: slice) -> Floats:
        length = None if program.length is None else program.length[rows]
        part = Program(
            work[rows], program.contention_class[rows], program.needs[rows], program.wakeup_us[rows], program.fires[rows], length
        )
        return replay(part, self.costs.factors).total_us


class _ScheduleArrays:
    """Fills the operations of R variants: per unit and segment, `width` places for arrivals, the opening, the blocks and a copy out."""

    def __init__(self, costs: VariantCosts, letters: Ints) -> None:
        self._costs, self._letters = costs, letters
        self._rows, self._stages = letters.shape
        self._branches = costs.branches
        # The phase of each stage, and the stage that ends each phase.
        synced = letters != LETTER_NONE
        self._phase = np.concatenate([np.zeros((self._rows, 1), np.int64), np.cumsum(synced, axis=1)[:, :-1]], axis=1)
        self._syncs = synced.sum(axis=1)
        self._most = int(self._syncs.max(initial=1))
        self._lead = 0 if costs.placement.stem is None else 1
        self._width = self._branches - 1 + 3
        segments = self._lead + self._most + 1
        shape = (self._rows, self._branches, segments * self._width)
        self._work, self._wakeup = np.zeros(shape), np.zeros(shape)
        self._class = np.full(shape, NO_CLASS, np.int64)
        self._needs, self._fires = np.full(shape, NONE, np.int64), np.full(shape, NONE, np.int64)
        self._body = np.full((self._rows, self._branches, self._most), -1, np.int64)

    def build(self) -> Schedules:
        self._begin()
        everyone = np.arange(self._rows)
        for phase in range(self._most):
            rows = everyone[self._syncs > phase]
            self._run_blocks(rows, phase)
            self._sync(rows, phase)
        return self._packed()

    def _segment(self, phase: int) -> int:
        return self._lead + phase

    def _place(self, segment: int, what: int) -> int:
        """Operation of a segment: arrivals from 0, then the opening, the blocks, the copy out."""
        return segment * self._width + what

    @property
    def _at_opening(self) -> int:
        return self._branches - 1

    def _ran(self, segment: int, branch: int) -> int:
        return 2 * (segment * self._branches + branch)

    def _begin(self) -> None:
        costs, stem = self._costs, self._costs.placement.stem
        for branch in range(self._branches):
            call = self._place(0, self._at_opening - 1)
            if stem is None or stem == branch:
                self._work[:, branch, call] = costs.input_us[branch] + costs.fixed_us[branch]
                opening = self._place(0, self._at_opening)
                self._work[:, branch, opening] = costs.stem_us[branch]
                self._class[:, branch, opening] = block_class(costs.base.stem)
        if stem is None:
            return
        self._fires[:, stem, self._place(0, self._at_opening)] = self._ran(0, stem)
        everyone = np.arange(self._rows)
        for branch in range(self._branches):
            if branch == stem:
                self._work[:, branch, self._place(1, self._at_opening - 1)] = costs.fixed_us[branch]
            else:
                self._arrive(everyone, 1, branch, [stem], [costs.handover(-1, stem, branch, LETTER_ADD)])
        self._send(everyone, 0, stem, [costs.handover(-1, stem, b, LETTER_ADD) for b in range(self._branches) if b != stem])

    def _run_blocks(self, rows: Ints, phase: int) -> None:
        segment = self._segment(phase)
        place = self._place(segment, self._at_opening + 1)
        length = self._work.shape[2]
        for branch in range(self._branches):
            self._class[rows, branch, place] = _BODY_CLASS
            self._fires[rows, branch, place] = self._ran(segment, branch)
            self._body[rows, branch, phase] = (rows * self._branches + branch) * length + place

    def _sync(self, rows: Ints, phase: int) -> None:
        """The exchange at the end of a phase, for every kind of it: the stage that ends it, its letter, and whether it is the last."""
        ending = np.argmax((self._phase[rows] == phase) & (self._letters[rows] != LETTER_NONE), axis=1)
        letter = self._letters[rows, ending]
        is_last = self._syncs[rows] == phase + 1
        kinds, which = np.unique(np.stack([ending, letter, is_last]), axis=1, return_inverse=True)
        for number, (stage, kind, last) in enumerate(kinds.T.tolist()):
            self._exchange(rows[which == number], phase, stage, kind, is_last=bool(last))

    def _exchange(self, rows: Ints, phase: int, stage: int, letter: int, *, is_last: bool) -> None:
        costs, segment = self._costs, self._segment(phase)
        receivers = [costs.placement.head] if is_last else list(range(self._branches))
        for receiver in receivers:
            peers = [peer for peer in range(self._branches) if peer != receiver]
            self._arrive(rows, segment + 1, receiver, peers, [costs.handover(stage, peer, receiver, letter) for peer in peers])
            opening = self._place(segment + 1, self._at_opening)
            self._work[rows, receiver, opening] = costs.opening_us(stage, receiver, letter)
            self._class[rows, receiver, opening] = block_class(Add(1, 1))
        for sender in range(self._branches):
            to = [receiver for receiver in receivers if receiver != sender]
            self._send(rows, segment, sender, [costs.handover(stage, sender, receiver, letter) for receiver in to])
        if is_last:
            head = costs.placement.head
            place = self._place(segment + 1, self._at_opening + 1)
            self._work[rows, head, place] = costs.head_us
            self._class[rows, head, place] = block_class(costs.base.head)
            self._work[rows, head, place + 1] = costs.output_us

    def _arrive(self, rows: Ints, segment: int, receiver: int, peers: Sequence[int], handovers: Sequence[HandoverTimes]) -> None:
        """Waits for the peers in their order, copying in what is to be copied in; then fetches the rest, and calls."""
        for number, (peer, handover) in enumerate(zip(peers, handovers, strict=True)):
            place = self._place(segment, number)
            self._needs[rows, receiver, place] = self._ran(segment - 1, peer) + (1 if handover.copies_out else 0)
            self._wakeup[rows, receiver, place] = handover.wakeup_us
            self._work[rows, receiver, place] = handover.write_us if handover.copies_in else 0.0
        fetched = sum(handover.write_us for handover in handovers if not handover.copies_in)
        self._work[rows, receiver, self._place(segment, len(peers) - 1)] += fetched + self._costs.fixed_us[receiver]

    def _send(self, rows: Ints, segment: int, sender: int, handovers: Sequence[HandoverTimes]) -> None:
        copied = [handover for handover in handovers if handover.copies_out]
        if copied:
            place = self._place(segment, self._at_opening + 2)
            self._work[rows, sender, place] = copied[0].read_us
            self._fires[rows, sender, place] = self._ran(segment, sender) + 1

    def _packed(self) -> Schedules:
        """Operations without work, need or event are squeezed out, so that the replay need not step over them."""
        body_places = np.zeros(self._work.shape, bool)
        body_places.ravel()[self._body[self._body >= 0]] = True
        kept = (self._work > 0) | (self._needs != NONE) | (self._fires != NONE) | body_places
        length = kept.sum(axis=2)
        shape = (*length.shape, int(length.max(initial=1)))
        row, branch, place = np.nonzero(kept)
        squeezed_to = np.ravel_multi_index((row, branch, (np.cumsum(kept, axis=2) - 1)[row, branch, place]), shape)

        def squeezed(array: npt.NDArray[_Number], nothing: float) -> npt.NDArray[_Number]:
            result = np.full(shape, nothing, array.dtype)
            result.ravel()[squeezed_to] = array[row, branch, place]
            return result

        program = Program(
            squeezed(self._work, 0.0),
            squeezed(self._class, NO_CLASS),
            squeezed(self._needs, NONE),
            squeezed(self._wakeup, 0.0),
            squeezed(self._fires, NONE),
            length,
        )
        body = np.full(self._body.shape, -1, np.int64)
        # Both lists are in order of row, branch and phase.
        body[self._body >= 0] = squeezed_to[body_places[row, branch, place]]
        return Schedules(program, self._phase, body)
