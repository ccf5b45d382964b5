"""Coverage: which blocks of a network of others each unit takes whole, which in part and which not at all, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from collab.blocks import parse_any_key
from collab.names import counted
from collab.tensors.opaque import Opaque
from lut.tables import BlockRow, Tables
from profiler.rows import PARTLY_DELEGATED

_NAMED: Final = 3
"""So many blocks are named in a sentence; the others are counted."""


@dataclass(frozen=True)
class UnitCoverage:
    """The rows of opaque blocks on a unit that takes them whole, of those that it takes in part, and of those that it cannot run."""

    unit: str
    whole: tuple[BlockRow, ...]
    partly: tuple[BlockRow, ...]
    failed: tuple[BlockRow, ...]

    @property
    def sentence(self) -> str:
        """Says how many blocks the unit takes, and which it does not, with the first reasons."""
        count = len(self.whole) + len(self.partly) + len(self.failed)
        if len(self.whole) == count:
            return f"{self.unit} takes the network whole: {counted(count, 'block')}"
        lacking = [_lacking("in part", self.partly), _lacking("not at all", self.failed)]
        return f"{self.unit} takes {len(self.whole)} of {counted(count, 'block')} whole, {', '.join(filter(None, lacking))}"

    def to_document(self) -> dict[str, Any]:
        """Returns it as a JSON object."""
        return {
            "whole": len(self.whole),
            "partly": [_document(row) for row in self.partly],
            "failed": [_document(row) for row in self.failed],
        }


def coverage_of(tables: Tables) -> list[UnitCoverage]:
    """Returns the coverage of each unit that has rows of opaque blocks, in the order of units."""
    rows = [row for row in tables.blocks if isinstance(parse_any_key(row.block), Opaque)]
    found = [_of_unit(unit, [row for row in rows if row.unit == unit]) for unit in tables.meta.units]
    return [coverage for coverage in found if coverage.whole or coverage.partly or coverage.failed]


def _of_unit(unit: str, rows: Sequence[BlockRow]) -> UnitCoverage:
    partly = tuple(row for row in rows if row.status == PARTLY_DELEGATED)
    failed = tuple(row for row in rows if row.status == "failed")
    return UnitCoverage(unit, tuple(row for row in rows if row not in partly and row not in failed), partly, failed)


def _lacking(said: str, rows: Sequence[BlockRow]) -> str:
    if not rows:
        return ""
    named = [f"{row.label or row.block}: {row.reason}" for row in rows[:_NAMED]]
    more = [f"and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    return f"{len(rows)} {said} ({'; '.join([*named, *more])})"


def _document(row: BlockRow) -> dict[str, str]:
    return {"block": row.block, "label": row.label, "reason": row.reason}
