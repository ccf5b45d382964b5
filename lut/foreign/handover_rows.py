"""Rows of hand-overs made of what others published, and the path that each pair of units takes by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collab.errors import TableError
from lut.entries import PairPath
from lut.foreign.entries import HandoverEntry, LeftOut
from lut.paths import BY_COST, copies_in, copies_out
from lut.tables import HandoverRow

_Pair = tuple[str, str]


@dataclass(frozen=True)
class _Found:
    """An entry with the names of its units."""

    pair: _Pair
    entry: HandoverEntry


def handover_rows(
    entries: Sequence[HandoverEntry], unit_of: Callable[[str], str], left_out: list[LeftOut]
) -> tuple[list[HandoverRow], dict[str, PairPath]]:
    """Returns rows, and per pair of units (``cpu0>gpu0``) the path that it takes, where the source does not say it in each row.

    Args:
        unit_of: a unit's name by its name or spec; raises a TableError where it is none.
        left_out: entries that cannot be taken are added to it.
    """
    found: list[_Found] = []
    for entry in entries:
        try:
            pair = unit_of(entry.sender), unit_of(entry.receiver)
            if pair[0] == pair[1]:
                raise TableError("both ends of it are one unit")
            found.append(_Found(pair, entry))
        except TableError as error:
            left_out.append(LeftOut(entry.name, entry.where, str(error)))
    inferred = {pair: _path([item.entry for item in found if item.pair == pair]) for pair in dict.fromkeys(item.pair for item in found)}
    rows = [_row(item, item.entry.path or inferred[item.pair]) for item in found]
    # Told apart as tables do, once it is settled what the source leaves open.
    counts = Counter(map(_key, rows))
    several = [item.entry for item, row in zip(found, rows, strict=True) if counts[_key(row)] > 1]
    left_out += [LeftOut(entry.name, entry.where, "several costs for one hand-over; which ones hold cannot be told") for entry in several]
    rows = [row for row in rows if counts[_key(row)] == 1]
    taken = {(row.from_unit, row.to_unit) for row in rows}
    unsaid = {item.pair for item in found if not item.entry.path and item.pair in taken}
    why = "its source has times for these copies"
    return rows, {">".join(pair): PairPath(path, why) for pair, path in inferred.items() if pair in unsaid}


def _key(row: HandoverRow) -> tuple[object, ...]:
    return (row.from_unit, row.to_unit, row.bytes, row.path, row.wait, row.pacing)


def _path(entries: Sequence[HandoverEntry]) -> str:
    """Returns the path on which that is copied which takes time in any of the entries."""
    out, into = any(entry.copy_out_us > 0 for entry in entries), any(entry.copy_in_us > 0 for entry in entries)
    return next(path for path in BY_COST if (copies_out(path), copies_in(path)) == (out, into))


def _row(item: _Found, path: str) -> HandoverRow:
    entry = item.entry
    sender, receiver = item.pair
    return HandoverRow(
        from_unit=sender,
        to_unit=receiver,
        bytes=entry.bytes,
        shape="",
        dtype="",
        path=path,
        wait=entry.wait or "spin",
        pacing=entry.pacing or "hot",
        gap_us=0.0,
        n=entry.n,
        visits=None,
        claim_us=None,
        claim_se_us=None,
        claim_mad_us=None,
        read_us=entry.copy_out_us,
        read_se_us=None,
        read_mad_us=None,
        wakeup_us=entry.wakeup_us,
        wakeup_se_us=None,
        wakeup_mad_us=None,
        wakeup_p95_us=None,
        write_us=entry.copy_in_us,
        write_se_us=None,
        write_mad_us=None,
        status="ok",
        reason="",
        config_hash="",
        measured_at="",
    )
