"""Costs: what the tables say that a block, a call or a hand-over takes, measured or interpolated between measured points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Final

import numpy as np

from collab.blocks import BYTES_PER_VALUE, Add, AnyBlock, Block, Concat, Head, MBConv, Stem, feature_bytes, parse_any_key
from collab.errors import MissingEntryError
from collab.tensors.opaque import Opaque
from collab.units import UnitSpec
from collab.wording.commands import command_named
from collab.wording.options import option_named
from lut.paths import BY_COST, copies_in, copies_out
from lut.prediction.interpolate import Family, Surface, block_surfaces, bracket, linear, locate
from lut.prediction.replay import Floats
from lut.prediction.reuse import FEATURES, WEIGHTS, BlockCost, ReuseCurve, features_mb, weights_mb
from lut.prediction.ripple import Ripples
from lut.tables import CALL_COST, COPIES, HANDOVERS, SYNC_BLOCKS, USABLE, BlockRow, HandoverRow, Tables

BLOCK_CLASSES = ("stem", "mbconv", "head", "sync", "opaque")
"""Contention classes of blocks, in the order of their numbers."""
BYTES_PER_KB: Final = 1024
_LEAST_US: Final = 1e-3
"""Interpolated, no block takes less: nothing is free, however a ripple came out."""


@dataclass(frozen=True)
class HandoverCost:
    """Costs of one hand-over; where the receiver copies nothing, `write_us` is what fetching the peer's data costs it.

    `claim_us` is what it costs the sender to write where a peer has read what it wrote before; it is part of the sender's run. `resume_us`
    is what the receiver's run takes longer because it has waited.
    """

    path: str
    claim_us: float
    read_us: float
    wakeup_us: float
    write_us: float
    resume_us: float = 0.0

    @property
    def copies_out(self) -> bool:
        return copies_out(self.path)

    @property
    def copies_in(self) -> bool:
        return copies_in(self.path)


def block_class(block: AnyBlock) -> int:
    """Index of a block's contention class in `BLOCK_CLASSES`."""
    if isinstance(block, Opaque):
        return 4
    if isinstance(block, Stem):
        return 0
    if isinstance(block, MBConv):
        return 1
    return 2 if isinstance(block, Head) else 3


class Costs:
    """The costs of one device; lookups are remembered, so repeated ones are cheap."""

    def __init__(self, tables: Tables, *, source: str) -> None:
        """`source` is the tables' folder as the user named it; errors tell how to measure what is missing there."""
        self.meta = tables.meta
        self.source = source
        self._rows = {(row.unit, parse_any_key(row.block)): row for row in tables.blocks}
        self._marginals = self._measured_marginals(tables)
        self._ripples = Ripples(tables.meta.ripple)
        self._surfaces: dict[str, dict[Family, Surface]] = {
            unit: block_surfaces(
                {
                    block: us - self._ripples.extra_us(unit, block)
                    for (owner, block), us in self._marginals.items()
                    if owner == unit and not isinstance(block, Opaque)
                }
            )
            for unit in tables.meta.units
        }
        self._handovers = self._usable_handovers(tables)
        known = {(entry.unit, entry.what): entry for entry in tables.meta.reuse}
        self._reuse = {(unit, what): ReuseCurve.of(known.get((unit, what))) for unit in tables.meta.units for what in (WEIGHTS, FEATURES)}
        self._rehearsed: Mapping[tuple[str, str, str], float] = {
            (entry.unit, entry.other, entry.what): entry.value for entry in tables.meta.rehearsed
        }
        self._slowness: Mapping[str, float] = {}
        self._block_costs: dict[tuple[str, AnyBlock], BlockCost] = {}
        self._copies: dict[tuple[str, str], tuple[list[int], list[float]]] = {}

    @property
    def certificate_sentence(self) -> str:
        """A sentence on how far predictions can be relied on, or how to find out."""
        found = self.meta.certificate
        if found is not None:
            return f"{found.sentence}, measured {found.measured_at}"
        command = command_named("certify", "--lut", self.source, "--device", self.meta.device)
        return f"none yet; to find out how far predictions hold: {command}"

    def slowed(self, slowness: Mapping[str, float]) -> Costs:
        """Returns the costs of the device at another speed: all that a unit does takes so many times as long (1: units not named)."""
        slower = copy(self)
        slower._slowness = dict(slowness)
        slower._block_costs = {}
        return slower

    def _at_speed(self, unit: str, us: float) -> float:
        return us * self._slowness.get(unit, 1.0)

    @staticmethod
    def _measured_marginals(tables: Tables) -> dict[tuple[str, AnyBlock], float]:
        return {
            (row.unit, parse_any_key(row.block)): row.marginal_us
            for row in tables.blocks
            if row.status in USABLE and row.marginal_us is not None
        }

    def _usable_handovers(self, tables: Tables) -> dict[tuple[str, str, str], dict[int, HandoverRow]]:
        """Per sender, receiver and path: one row per number of bytes, of the wait mode that predictions take, hot before paced."""
        found: dict[tuple[str, str, str], dict[int, HandoverRow]] = {}
        for row in sorted(tables.transfers, key=lambda row: row.pacing == "hot"):
            if row.status in USABLE and row.wait == self.meta.handover["wait"]:
                found.setdefault((row.from_unit, row.to_unit, row.path), {})[row.bytes] = row
        return found

    def unit(self, name: str) -> UnitSpec:
        """The unit of that name.

        Raises:
            MissingEntryError: the tables were measured without it.
        """
        if name not in self.meta.units:
            known = ", ".join(f"{unit} ({spec})" for unit, spec in self.meta.units.items())
            raise MissingEntryError(
                f"{self.source} has no unit {name}, only {known}; name one of these, or profile with another {option_named('--unit')}"
            )
        return self.meta.units[name]

    def has_row(self, unit: str, block: AnyBlock) -> bool:
        """Tells whether the tables have a row of a block on a unit, measured or failed."""
        return (unit, block) in self._rows

    def call_us(self, unit: str) -> float:
        """Returns what a call of a segment costs on top of its blocks, in microseconds; 0 in imported tables that lack it.

        Raises:
            MissingEntryError: the tables were measured without this unit, or lack its cost.
        """
        self.unit(unit)
        if unit not in self.meta.call_in_network:
            if CALL_COST in self.meta.lacks:
                return 0.0
            raise MissingEntryError(f"{self.source}: what a call costs on {unit} was not measured; {self._remedy()}")
        return self._at_speed(unit, self.meta.call_in_network[unit].median_us)

    def reuse(self, unit: str, what: str) -> ReuseCurve:
        """Returns what a megabyte of `what` (`lut.prediction.reuse.WEIGHTS` or ``FEATURES``) costs a unit by its reuse distance."""
        return self._reuse[unit, what].slowed(self._slowness.get(unit, 1.0))

    def features_share(self, unit: str) -> float:
        """Returns how much a megabyte of features counts in the reuse distance of a unit, against one of weights."""
        return self.meta.features_share.get(unit, 1.0)

    def block(self, unit: str, block: AnyBlock) -> BlockCost:
        """Returns all that a block costs a unit.

        Raises:
            MissingEntryError: see `marginal_us`.
        """
        key = (unit, block)
        if key not in self._block_costs:
            self._block_costs[key] = self._block_cost(unit, block)
        return self._block_costs[key]

    def has_block(self, unit: str, block: AnyBlock) -> bool:
        """Tells whether it is known what a block costs a unit."""
        try:
            self.block(unit, block)
        except MissingEntryError:
            return False
        return True

    def _block_cost(self, unit: str, block: AnyBlock) -> BlockCost:
        weights, features = weights_mb(block), features_mb(block)
        near = weights + self.features_share(unit) * features
        return BlockCost(
            alone_us=self.marginal_us(unit, block) + self._at_speed(unit, self.meta.block_in_network.get(unit, 0.0)),
            weights_mb=weights,
            weights_near_us=weights * self._at_speed(unit, self._reuse[unit, WEIGHTS].at_one(near)),
            features_mb=features,
            features_near_us=features * self._at_speed(unit, self._reuse[unit, FEATURES].at_one(near)),
        )

    def marginal_us(self, unit: str, block: AnyBlock) -> float:
        """Returns what a block adds to a segment with its data as near as when it runs alone, in microseconds.

        The blocks of syncs add 0 in imported tables that lack them.

        Raises:
            MissingEntryError: neither measured nor between measured points; names the block and the command that measures it.
        """
        key = (unit, block)
        if key not in self._marginals:
            self.unit(unit)
            value = None if isinstance(block, Opaque) else self._interpolated(unit, block)
            if value is None and isinstance(block, (Add, Concat)) and SYNC_BLOCKS in self.meta.lacks:
                value = 0.0
            if value is None:
                raise MissingEntryError(self._missing_block(unit, block))
            self._marginals[key] = value
        return self._at_speed(unit, self._marginals[key])

    def _interpolated(self, unit: str, block: Block) -> float | None:
        """Returns the value between measured points, from which ripples are taken beforehand; None where there are none around it."""
        located = locate(block)
        surface = self._surfaces[unit].get(located[0]) if located is not None else None
        line_us = surface.value(*located[1]) if surface is not None and located is not None else None
        return max(line_us + self._ripples.extra_us(unit, block), _LEAST_US) if line_us is not None else None

    def _missing_block(self, unit: str, block: AnyBlock) -> str:
        row = self._rows.get((unit, block))
        state = f"could not be measured ({row.status}: {row.reason})" if row else "is neither in the table nor between two measured points"
        return f"{block.key} on {unit} {state}; to measure it: {self._command('--block', block.key)}"

    def _remedy(self) -> str:
        return f"to measure it: {self._command()}"

    def _command(self, *extra: object) -> str:
        if self.meta.source:
            return command_named("profile", "--device", "SERIAL", "--model", "MODEL", "--out", "ANOTHER_FOLDER")
        return command_named("profile", "--device", self.meta.device, "--out", self.source, "--resume", *extra)

    def input_write_us(self, unit: str, block: AnyBlock, size_bytes: int) -> float:
        """Returns what copying so much of the network's input into a segment that begins with this block costs, in microseconds."""
        return self._copy(unit, block, "write_us", size_bytes)

    def output_read_us(self, unit: str, block: AnyBlock, size_bytes: int) -> float:
        """Returns what copying so much of the network's output out of a segment that ends with this block costs, in microseconds."""
        return self._copy(unit, block, "read_us", size_bytes)

    def _copy(self, unit: str, block: AnyBlock, column: str, size_bytes: int) -> float:
        self.unit(unit)
        if isinstance(block, Opaque):
            return self._at_speed(unit, self._copy_by_size_us(unit, column, size_bytes))
        row: BlockRow | None = self._rows.get((unit, block))
        value = getattr(row, column) if row is not None and row.status in USABLE else None
        if value is None:
            if COPIES in self.meta.lacks:
                return 0.0
            raise MissingEntryError(self._missing_block(unit, block))
        return self._at_speed(unit, float(value))

    def _copy_by_size_us(self, unit: str, column: str, size_bytes: int) -> float:
        """Returns what a copy of so many bytes costs by the copies of all blocks; 0 where the tables lack copies.

        It lies between the two sizes around it; beyond the largest the time of a byte stays, below the smallest a copy takes as long.
        """
        key = (unit, column)
        if key not in self._copies:
            self._copies[key] = _copy_line([row for (owner, _), row in self._rows.items() if owner == unit], column)
        sizes, times = self._copies[key]
        if not sizes:
            if COPIES in self.meta.lacks:
                return 0.0
            raise MissingEntryError(f"{self.source}: what copies take on {unit} was not measured; {self._remedy()}")
        beyond = max(size_bytes / sizes[-1], 1.0)
        return float(np.interp(size_bytes, sizes, times)) * beyond

    def handover(self, sender: str, receiver: str, size_bytes: int) -> HandoverCost:
        """Returns the costs of a hand-over of so many bytes, over the path that the runner takes for this pair.

        Less than one value of float32, which is the least that is measured, is handed over as one.

        Raises:
            MissingEntryError: the pair was not measured, or not with sizes around this one.
        """
        if HANDOVERS in self.meta.lacks:
            raise MissingEntryError(
                f"{self.source} was imported from {self.meta.source}, which lacks {HANDOVERS}, here from {sender} to {receiver};"
                f" such tables only predict models on one unit; import hand-overs with the blocks, or {self._remedy()}"
            )
        path = self._path(sender, receiver)
        rows = self._handovers.get((sender, receiver, path), {})
        size_bytes = max(size_bytes, BYTES_PER_VALUE)
        around = bracket(sorted(rows), size_bytes)
        if around is None:
            raise MissingEntryError(
                f"the hand-over of {size_bytes} bytes from {sender} to {receiver} ({path}, {self.meta.handover['wait']})"
                " is neither in the table nor between two measured sizes;"
                f" to measure it: {self._command('--transfer-bytes', size_bytes)}"
            )
        alone = HandoverCost(
            path,
            linear(*around, size_bytes, lambda size: rows[size].claim_us or 0.0),
            linear(*around, size_bytes, lambda size: rows[size].read_us or 0.0),
            linear(*around, size_bytes, lambda size: rows[size].wakeup_us or 0.0),
            linear(*around, size_bytes, lambda size: rows[size].write_us or 0.0),
        )
        return self._in_a_run(alone, sender, receiver, size_bytes / BYTES_PER_KB)

    def _in_a_run(self, cost: HandoverCost, sender: str, receiver: str, kilobytes: float) -> HandoverCost:
        """Returns what a hand-over that was timed by itself costs in a run of both units, as far as rehearsals say otherwise."""
        if not self._rehearsed:
            return cost

        def more(unit: str, other: str, what: str) -> float:
            return self._rehearsed.get((unit, other, what), 0.0)

        if cost.copies_in:
            write_us = cost.write_us * (1 + more(receiver, sender, "write")) + more(receiver, sender, "each_write")
        else:
            write_us = cost.write_us + kilobytes * more(receiver, sender, "fetch")
        each_read_us = more(sender, receiver, "each_read") if cost.copies_out else 0.0
        return HandoverCost(
            cost.path,
            claim_us=max(cost.claim_us + kilobytes * more(sender, receiver, "claim"), 0.0),
            read_us=max(cost.read_us * (1 + more(sender, receiver, "read")) + each_read_us, 0.0),
            wakeup_us=max(cost.wakeup_us + more(receiver, sender, "wakeup"), 0.0),
            write_us=max(write_us, 0.0),
            resume_us=max(more(receiver, sender, "resume"), 0.0),
        )

    def _path(self, sender: str, receiver: str) -> str:
        """Returns the path that a pair of units takes; asked to share memory, units that cannot do so copy, as seldom as they can."""
        if self.meta.handover["path"] != "shared":
            return self.meta.handover["path"]
        found = self.meta.paths.get(f"{sender}>{receiver}")
        if found is not None:
            return found.path
        return next((path for path in BY_COST if (sender, receiver, path) in self._handovers), "shared")

    def shared_caches(self, units: tuple[str, ...]) -> Floats:
        """Returns how much of the others' reuse distances counts in each of these units' own, (U, U), 0 on the diagonal."""
        shares = np.zeros((len(units), len(units)))
        for entry in self.meta.shared_caches:
            if entry.unit in units and entry.other in units:
                shares[units.index(entry.unit), units.index(entry.other)] = entry.share
        return shares

    def jitter(self, units: tuple[str, ...]) -> Floats:
        """Relative standard deviations for `lut.prediction.replay.replay`, (U,), of these units; 0 where none was measured."""
        return np.array([self.meta.jitter.get(unit, 0.0) for unit in units])

    def contention(self, units: tuple[str, ...]) -> Floats | None:
        """Factors for `lut.prediction.replay.replay`, (U, C, U) over these units; None where none was measured."""
        if not self.meta.contention:
            return None
        factors = np.ones((len(units), len(BLOCK_CLASSES), len(units)))
        for entry in self.meta.contention:
            if entry.unit in units and entry.other in units and entry.block_class in BLOCK_CLASSES:
                factors[units.index(entry.unit), BLOCK_CLASSES.index(entry.block_class), units.index(entry.other)] = entry.factor
        return factors


def _copy_line(rows: Iterable[BlockRow], column: str) -> tuple[list[int], list[float]]:
    """Returns sizes of copies in bytes, rising, and what a copy of each takes: the median of its rows, never less than of a smaller one."""
    found: dict[int, list[float]] = {}
    for row in rows:
        us = getattr(row, column)
        if row.status in USABLE and us is not None:
            found.setdefault(_copied_bytes(parse_any_key(row.block), column), []).append(us)
    sizes = sorted(size for size in found if size)
    medians = [float(np.median(found[size])) for size in sizes]
    return sizes, np.maximum.accumulate(medians).tolist() if medians else []


def _copied_bytes(block: AnyBlock, column: str) -> int:
    if isinstance(block, Opaque):
        return block.in_bytes if column == "write_us" else block.out_bytes
    return sum(map(feature_bytes, block.in_shapes)) if column == "write_us" else feature_bytes(block.out_shape)
