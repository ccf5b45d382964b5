"""Latencies of many variants of one base model, straight from arrays.

`lut.prediction.program` turns one schedule into operations, object by object. A search asks for tens of thousands of latencies of variants
(`lut.prediction.variants`); here the same operations are made as arrays, for all of them at once, and replayed by the same
`lut.prediction.replay`. Consecutive operations of one contention class are one operation here, which makes no difference to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from collab.blocks import Add
from lut.prediction.costs import HandoverCost, block_class
from lut.prediction.replay import NO_CLASS, NONE, Floats, Ints, Program, replay
from lut.prediction.reuse import BlockCost
from lut.prediction.variants import LETTER_ADD, LETTER_NONE, VariantCosts

_Number = TypeVar("_Number", np.float64, np.int64)
_BODY_CLASS: Final = 1
_CHUNK: Final = 2048
"""Architectures that are replayed together: more no longer fit the nearest caches."""


@dataclass(frozen=True)
class Bodies:
    """Costs of the blocks of each stretch, in arrays of one shape, such as (R, B, P): sums over the blocks as in `reuse.BlockCost`, but of
    features the largest. `run_us` is their time alone less what their weights cost in there.
    """

    run_us: Floats
    weights_mb: Floats
    features_mb: Floats
    features_near_us: Floats

    @classmethod
    def of(cls, blocks: Sequence[BlockCost]) -> Bodies:
        """Returns the sums over blocks, as arrays of no dimension."""
        return cls(
            np.array(sum(block.run_us(0.0) for block in blocks)),
            np.array(sum(block.weights_mb for block in blocks)),
            np.array(max((block.features_mb for block in blocks), default=0.0)),
            np.array(max((block.features_near_us for block in blocks), default=0.0)),
        )

    @classmethod
    def stacked(cls, bodies: Sequence[Bodies]) -> Bodies:
        """Returns bodies as one, along a new first axis."""
        return cls(*(np.stack([getattr(body, f.name) for body in bodies]) for f in fields(cls)))

    def map(self, index: Any) -> Bodies:
        """Returns what is at the same index in each of the arrays."""
        return Bodies(*(getattr(self, f.name)[index] for f in fields(self)))

    def put(self, index: Any, bodies: Bodies) -> None:
        """Puts bodies at the same index into each of the arrays."""
        for f in fields(self):
            getattr(self, f.name)[index] = getattr(bodies, f.name)

    def summed(self) -> Bodies:
        """Returns the bodies along the first axis as one."""
        return Bodies(self.run_us.sum(axis=0), self.weights_mb.sum(axis=0), self.features_mb.max(axis=0), self.features_near_us.max(axis=0))

    def where(self, there: npt.NDArray[np.bool_]) -> Bodies:
        """Returns bodies that cost nothing where there are none."""
        return Bodies(*(np.where(there, getattr(self, f.name), 0.0) for f in fields(self)))


@dataclass(frozen=True)
class Schedules:
    """Schedules of many variants, whose blocks have yet to be given their work.

    A stretch is what all units run between two syncs. `stretch` (R, S) is the number of the one that a stage belongs to; `body` and `call`
    (R, B, P) are where in the flat (R * B * K,) work the blocks of each of P stretches are, and the call before them, -1 where a
    variant has fewer. `weights_mb`, `features_mb` and `features_near_us` (R, B, K) are those of all other blocks, of features at the call.
    """

    program: Program
    stretch: Ints
    body: Ints
    call: Ints
    weights_mb: Floats
    features_mb: Floats
    features_near_us: Floats

    @property
    def stretches(self) -> int:
        return int(self.body.shape[2])

    def rows(self, which: Ints) -> Schedules:
        """Returns the schedules of some of the variants."""
        program, length = self.program, self.program.work_us.shape[1] * self.program.work_us.shape[2]
        part = Program(
            program.work_us[which],
            program.contention_class[which],
            program.needs[which],
            program.wakeup_us[which],
            program.fires[which],
            None if program.length is None else program.length[which],
        )
        moved = ((np.arange(len(which)) - which) * length)[:, None, None]
        body, call = (np.where(places[which] < 0, -1, places[which] + moved) for places in (self.body, self.call))
        data = (array[which] for array in (self.weights_mb, self.features_mb, self.features_near_us))
        return Schedules(part, self.stretch[which], body, call, *data)


class VariantReplay:
    """The schedules of variants, made and replayed."""

    def __init__(self, costs: VariantCosts) -> None:
        self.costs = costs

    def schedules(self, letters: Ints) -> Schedules:
        """Makes the schedules of variants whose letters are (R, S), the last of them 1 or 2.

        Raises:
            MissingEntryError: the tables lack a sync or a hand-over that one of them needs.
        """
        return _ScheduleArrays(self.costs, letters).build()

    def latencies_us(self, schedules: Schedules, bodies: Bodies) -> Floats:
        """Returns the latencies (R,), in microseconds, with these blocks, (R, B, P), of each branch in each stretch."""
        program = schedules.program
        work = self._work_us(schedules, bodies)
        totals: list[Floats] = [self._total_us(program, work, slice(at, at + _CHUNK)) for at in range(0, len(work), _CHUNK)]
        found: Floats = np.concatenate(totals) if totals else np.zeros(0)
        return found

    def _work_us(self, schedules: Schedules, bodies: Bodies) -> Floats:
        """Returns the work (R, B, K) of all operations, at the reuse distance that each branch has in each variant."""
        work, weights, features, near = (
            array.copy() for array in (schedules.program.work_us, schedules.weights_mb, schedules.features_mb, schedules.features_near_us)
        )
        there = schedules.body >= 0
        places, calls = schedules.body[there], schedules.call[there]
        work.ravel()[places] = bodies.run_us[there]
        weights.ravel()[places] = bodies.weights_mb[there]
        features.ravel()[calls] = np.maximum(features.ravel()[calls], bodies.features_mb[there])
        near.ravel()[calls] = np.maximum(near.ravel()[calls], bodies.features_near_us[there])
        own = weights.sum(axis=2) + self.costs.features_share * features.sum(axis=2)
        distance = own + own @ self.costs.shared_caches.T
        for branch, (of_weights, of_features) in enumerate(self.costs.reuse):
            weights[:, branch] *= of_weights.at(distance[:, branch])[:, None]
            features[:, branch] *= of_features.at(distance[:, branch])[:, None]
        total: Floats = work + weights + features - near
        return total

    def _total_us(self, program: Program, work: Floats, rows: slice) -> Floats:
        length = None if program.length is None else program.length[rows]
        part = Program(
            work[rows], program.contention_class[rows], program.needs[rows], program.wakeup_us[rows], program.fires[rows], length
        )
        return replay(part, self.costs.factors, self.costs.jitter).total_us


class _ScheduleArrays:
    """Fills the operations of R variants: per unit and segment, `width` places for arrivals, the opening, the blocks and a copy out."""

    def __init__(self, costs: VariantCosts, letters: Ints) -> None:
        self._costs, self._letters = costs, letters
        self._rows, self._stages = letters.shape
        self._branches = costs.branches
        # The stretch of each stage, and the stage that ends each stretch.
        synced = letters != LETTER_NONE
        self._stretch = np.concatenate([np.zeros((self._rows, 1), np.int64), np.cumsum(synced, axis=1)[:, :-1]], axis=1)
        self._syncs = synced.sum(axis=1)
        self._most = int(self._syncs.max(initial=1))
        self._lead = 0 if costs.placement.stem is None else 1
        self._width = self._branches - 1 + 3
        segments = self._lead + self._most + 1
        shape = (self._rows, self._branches, segments * self._width)
        self._work, self._wakeup = np.zeros(shape), np.zeros(shape)
        self._class = np.full(shape, NO_CLASS, np.int64)
        self._needs, self._fires = np.full(shape, NONE, np.int64), np.full(shape, NONE, np.int64)
        self._weights, self._features, self._features_near = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._body = np.full((self._rows, self._branches, self._most), -1, np.int64)
        self._call = np.full((self._rows, self._branches, segments), -1, np.int64)
        """The place of the call of each branch's segments within (B, K)."""

    def build(self) -> Schedules:
        self._begin()
        everyone = np.arange(self._rows)
        for stretch in range(self._most):
            rows = everyone[self._syncs > stretch]
            self._run_blocks(rows, stretch)
            self._sync(rows, stretch)
        return self._packed()

    def _segment(self, stretch: int) -> int:
        return self._lead + stretch

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
        everyone = np.arange(self._rows)
        for branch in range(self._branches):
            if stem is None or stem == branch:
                self._calls(everyone, 0, branch, self._at_opening - 1, costs.input_us[branch])
                self._runs(everyone, 0, branch, self._at_opening, costs.stem[branch], block_class(costs.base.stem))
        if stem is None:
            return
        self._fires[:, stem, self._place(0, self._at_opening)] = self._ran(0, stem)
        for branch in range(self._branches):
            if branch == stem:
                self._calls(everyone, 1, branch, self._at_opening - 1, 0.0)
            else:
                self._arrive(everyone, 1, branch, [stem], [costs.handover(-1, stem, branch, LETTER_ADD)])
        self._send(everyone, 0, stem, [costs.handover(-1, stem, b, LETTER_ADD) for b in range(self._branches) if b != stem])

    def _calls(self, rows: Ints, segment: int, branch: int, what: int, before_us: float) -> None:
        """Makes the call of a segment, after so much work that is in the same operation."""
        place = self._place(segment, what)
        self._work[rows, branch, place] += before_us + self._costs.call_us[branch]
        self._call[rows, branch, segment] = branch * self._work.shape[2] + place

    def _runs(self, rows: Ints, segment: int, branch: int, what: int, block: BlockCost, contention_class: int) -> None:
        """Runs a block that is no choice of the variants', in a segment whose call is made."""
        place, call = self._place(segment, what), self._call[rows, branch, segment] % self._work.shape[2]
        self._work[rows, branch, place] = block.run_us(0.0)
        self._weights[rows, branch, place] = block.weights_mb
        self._class[rows, branch, place] = contention_class
        self._features[rows, branch, call] = np.maximum(self._features[rows, branch, call], block.features_mb)
        self._features_near[rows, branch, call] = np.maximum(self._features_near[rows, branch, call], block.features_near_us)

    def _run_blocks(self, rows: Ints, stretch: int) -> None:
        segment = self._segment(stretch)
        place = self._place(segment, self._at_opening + 1)
        length = self._work.shape[2]
        for branch in range(self._branches):
            self._class[rows, branch, place] = _BODY_CLASS
            self._fires[rows, branch, place] = self._ran(segment, branch)
            self._body[rows, branch, stretch] = (rows * self._branches + branch) * length + place

    def _sync(self, rows: Ints, stretch: int) -> None:
        """Fills in the hand-overs at the end of a stretch, at once for all variants that end it after the same stage by the same letter."""
        ending = np.argmax((self._stretch[rows] == stretch) & (self._letters[rows] != LETTER_NONE), axis=1)
        letter = self._letters[rows, ending]
        is_last = self._syncs[rows] == stretch + 1
        kinds, which = np.unique(np.stack([ending, letter, is_last]), axis=1, return_inverse=True)
        for number, (stage, kind, last) in enumerate(kinds.T.tolist()):
            self._hand_over(rows[which == number], stretch, stage, kind, is_last=bool(last))

    def _hand_over(self, rows: Ints, stretch: int, stage: int, letter: int, *, is_last: bool) -> None:
        costs, segment = self._costs, self._segment(stretch)
        receivers = [costs.placement.head] if is_last else list(range(self._branches))
        for receiver in receivers:
            peers = [peer for peer in range(self._branches) if peer != receiver]
            self._arrive(rows, segment + 1, receiver, peers, [costs.handover(stage, peer, receiver, letter) for peer in peers])
            self._runs(rows, segment + 1, receiver, self._at_opening, costs.opening(stage, receiver, letter), block_class(Add(1, 1)))
        for sender in range(self._branches):
            to = [receiver for receiver in receivers if receiver != sender]
            self._send(rows, segment, sender, [costs.handover(stage, sender, receiver, letter) for receiver in to])
        if is_last:
            head = costs.placement.head
            self._runs(rows, segment + 1, head, self._at_opening + 1, costs.head, block_class(costs.base.head))
            self._work[rows, head, self._place(segment + 1, self._at_opening + 2)] = costs.output_us

    def _arrive(self, rows: Ints, segment: int, receiver: int, peers: Sequence[int], handovers: Sequence[HandoverCost]) -> None:
        """Waits for the peers in their order, copying in what is to be copied in; then fetches the rest, goes on, and calls."""
        for number, (peer, handover) in enumerate(zip(peers, handovers, strict=True)):
            place = self._place(segment, number)
            self._needs[rows, receiver, place] = self._ran(segment - 1, peer) + (1 if handover.copies_out else 0)
            self._wakeup[rows, receiver, place] = handover.wakeup_us
            self._work[rows, receiver, place] = handover.write_us if handover.copies_in else 0.0
        fetched = sum(handover.write_us for handover in handovers if not handover.copies_in)
        self._calls(rows, segment, receiver, len(peers) - 1, fetched + sum(handover.resume_us for handover in handovers))

    def _send(self, rows: Ints, segment: int, sender: int, handovers: Sequence[HandoverCost]) -> None:
        call = self._call[rows, sender, segment] % self._work.shape[2]
        self._work[rows, sender, call] += max((handover.claim_us for handover in handovers), default=0.0)
        copied = [handover for handover in handovers if handover.copies_out]
        if copied:
            place = self._place(segment, self._at_opening + 2)
            self._work[rows, sender, place] = copied[0].read_us
            self._fires[rows, sender, place] = self._ran(segment, sender) + 1

    def _packed(self) -> Schedules:
        """Operations without work, need or event are squeezed out, so that the replay need not step over them."""
        size = self._work.shape[1] * self._work.shape[2]
        calls = self._call[:, :, self._lead : self._lead + self._most]
        calls = np.where(self._body < 0, -1, calls + (np.arange(self._rows) * size)[:, None, None])
        is_body, is_call = (self._marked(places) for places in (self._body, calls))
        kept = (self._work > 0) | (self._needs != NONE) | (self._fires != NONE) | is_body | is_call
        length = kept.sum(axis=2)
        shape = (*length.shape, int(length.max(initial=1)))
        row, branch, place = np.nonzero(kept)
        squeezed_to = np.ravel_multi_index((row, branch, (np.cumsum(kept, axis=2) - 1)[row, branch, place]), shape)

        def squeezed(array: npt.NDArray[_Number], nothing: float) -> npt.NDArray[_Number]:
            result = np.full(shape, nothing, array.dtype)
            result.ravel()[squeezed_to] = array[row, branch, place]
            return result

        def moved(places: Ints, marks: npt.NDArray[np.bool_]) -> Ints:
            result = np.full(places.shape, -1, np.int64)
            # Both lists are in order of row, branch and stretch.
            result[places >= 0] = squeezed_to[marks[row, branch, place]]
            return result

        program = Program(
            squeezed(self._work, 0.0),
            squeezed(self._class, NO_CLASS),
            squeezed(self._needs, NONE),
            squeezed(self._wakeup, 0.0),
            squeezed(self._fires, NONE),
            length,
        )
        data = (squeezed(array, 0.0) for array in (self._weights, self._features, self._features_near))
        return Schedules(program, self._stretch, moved(self._body, is_body), moved(calls, is_call), *data)

    def _marked(self, places: Ints) -> npt.NDArray[np.bool_]:
        marks = np.zeros(self._work.shape, bool)
        marks.ravel()[places[places >= 0]] = True
        return marks
