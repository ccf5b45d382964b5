"""Two folders of tables: their costs by kind, unit and name, and in what their origins differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from collab.errors import TableError
from lut.meta import Meta
from lut.tables import USABLE, BlockRow, HandoverRow, Tables
from report.comparing.comparison import TABLES, Comparison
from report.comparing.effects import Cost, Pair, judged, whole_of, wholes_by_unit

_Key: TypeAlias = tuple[str, str, str]


def compare_tables(first: Tables, second: Tables, *, margin: float) -> Comparison:
    """Compares the costs of two tables.

    Args:
        margin: difference, as a fraction, up to which two tables count as alike.

    Raises:
        TableError: they have no row in common.
    """
    ours, theirs = _costs(first), _costs(second)
    labels = {row.block: row.name for row in (*second.blocks, *first.blocks) if row.label}
    pairs = [Pair.of(*key, cost, theirs[key], label=labels.get(key[2], "")) for key, cost in ours.items() if key in theirs]
    if not pairs:
        raise TableError("the two tables have no row in common: their units have other names, or their blocks are others")
    rows = judged(pairs, margin)
    return Comparison(
        kind=TABLES,
        margin=margin,
        whole=whole_of(rows),
        wholes=tuple(wholes_by_unit(rows)),
        rows=tuple(rows),
        differences=tuple(_origins(first.meta, second.meta)),
        notes=tuple(_notes(first, second, pairs)),
        only_first=len(ours.keys() - theirs.keys()),
        only_second=len(theirs.keys() - ours.keys()),
    )


def _notes(first: Tables, second: Tables, pairs: Sequence[Pair]) -> Iterator[str]:
    """Yields what must be known of all that is in both."""
    if first.blocks and second.blocks and not any(pair.what == "block" for pair in pairs):
        yield "No block is in both, so this compares calls and hand-overs only"


def _costs(tables: Tables) -> dict[_Key, Cost]:
    """Returns all costs that can be used, by kind, unit and name."""
    found = {
        ("call", unit, "a call alone"): Cost(timed.median_us, timed.se_us, timed.visits) for unit, timed in tables.meta.call_alone.items()
    }
    found |= {("block", row.unit, row.block): cost for row in tables.blocks if (cost := _block_cost(row)) is not None}
    for row in tables.transfers:
        cost = _handover_cost(row)
        if cost is not None:
            name = f"{row.bytes} bytes {row.shape}, {row.path}, {row.wait}, {row.pacing}"
            found["hand-over", f"{row.from_unit}>{row.to_unit}", name] = cost
    return found


def _block_cost(row: BlockRow) -> Cost | None:
    """Returns what a block takes alone, or, where its source does not say, what it adds; None where it could not be measured."""
    us, error = (row.median_us, row.median_se_us) if row.median_us is not None else (row.marginal_us, None)
    return Cost(us, error, row.visits) if row.status in USABLE and us is not None and us > 0 else None


def _handover_cost(row: HandoverRow) -> Cost | None:
    """Returns what a hand-over takes from the sender's output to the receiver's input."""
    parts = (row.read_us, row.wakeup_us, row.write_us)
    errors = (row.read_se_us, row.wakeup_se_us, row.write_se_us)
    known = [part for part in parts if part is not None]
    if row.status not in USABLE or len(known) < len(parts) or sum(known) <= 0:
        return None
    told = [error for error in errors if error is not None]
    return Cost(sum(known), math.hypot(*told) if len(told) == len(errors) else None, row.visits)


def _origins(first: Meta, second: Meta) -> Iterator[str]:
    """Yields in what the origins of two tables differ, in words."""
    pairs: list[tuple[str, Any, Any]] = [("device", first.device, second.device)]
    pairs += both("", first.fingerprint, second.fingerprint)
    pairs += both(
        "unit ", {name: spec.text for name, spec in first.units.items()}, {name: spec.text for name, spec in second.units.items()}
    )
    pairs += both("", first.versions, second.versions)
    pairs += [("network", _network(first), _network(second))]
    pairs += [("measurement protocol", _protocols(first), _protocols(second))]
    pairs += both("hand-over ", first.handover, second.handover)
    pairs += both("", _conditions(first), _conditions(second))
    yield from unlike(pairs)


def unlike(pairs: list[tuple[str, Any, Any]]) -> Iterator[str]:
    """Yields a text for each thing that is said otherwise on the two sides."""
    for what, one, other in pairs:
        if one != other:
            yield f"{what}: {one} (second: {other})"


def both(prefix: str, one: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Returns each thing that either side says, with what the first and the second say of it."""
    return [(f"{prefix}{name}", one.get(name, "not said"), other.get(name, "not said")) for name in sorted({*one, *other})]


def _network(meta: Meta) -> str:
    """Returns the network of others whose blocks the tables have, with how it was cut."""
    said = meta.settings.get("network")
    if not isinstance(said, Mapping):
        return "none"
    grain = said.get("grain_us")
    cut = f", blocks of {grain:g} us" if isinstance(grain, int | float) else ""
    return f"{said.get('name')} ({str(said.get('sha256'))[:12]}){cut}"


def _protocols(meta: Meta) -> str:
    return " and ".join(str(protocol) for protocol in sorted({entry.protocol for entry in meta.provenance.values()})) or "not said"


def _conditions(meta: Meta) -> dict[str, str]:
    """Returns the conditions that the host had set for the rows; where there are several, those of all."""
    found: dict[str, set[str]] = {}
    for entry in meta.provenance.values():
        for name, text in entry.conditions.items():
            found.setdefault(name, set()).add(text)
    return {name: " and ".join(sorted(texts)) for name, texts in found.items()}
