"""Tables of this project made of what others measured. What their source does not say stays empty, and is named in ``Meta.lacks``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from collab.blocks import ACTIVATIONS, Add, Block, Concat, Head, parse_key
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, parse_unit
from collab.wording.options import option_named
from lut.foreign.entries import Entry, LeftOut, Source
from lut.foreign.handover_rows import handover_rows
from lut.foreign.layer_names import FeatureMix, Logits, Part, dialect, read_name, says_activation
from lut.meta import Meta
from lut.tables import CALL_COST, COPIES, HANDOVERS, SYNC_BLOCKS, BlockRow, HandoverRow, Tables, shape_text

_NEVER_THERE: Final = (
    CALL_COST,
    COPIES,
    "how much longer blocks take in a running network than alone",
    "how much units slow each other down",
    "the device's fingerprint",
    "the runtime and its version",
    "when it was measured",
    "how often blocks were visited, and standard errors over visits",
)
"""Everything that no source in these formats has."""


@dataclass(frozen=True)
class Combined:
    """A block whose latency is the sum of two entries."""

    block: str
    unit: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """Tables with an account of how they came about."""

    tables: Tables
    combined: tuple[Combined, ...]
    left_out: tuple[LeftOut, ...]
    assumed: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The account of the import, as a JSON object."""
        meta = self.tables.meta
        return {
            "device": meta.device,
            "source": meta.source,
            "units": {name: unit.text for name, unit in meta.units.items()},
            "blocks": dict(Counter(row.unit for row in self.tables.blocks)),
            "handovers": dict(Counter(f"{row.from_unit}>{row.to_unit}" for row in self.tables.transfers)),
            "combined": [{**asdict(entry), "entries": list(entry.entries)} for entry in self.combined],
            "left_out": [asdict(entry) for entry in self.left_out],
            "assumed": list(self.assumed),
            "lacks": list(meta.lacks),
        }


@dataclass(frozen=True)
class _Found:
    """A block or a part of a head with its entry and the name of its unit."""

    part: Part
    unit: str
    entry: Entry


def import_sources(sources: Sequence[Source], *, device: str, units: Mapping[str, UnitSpec], act: str | None) -> Imported:
    """Makes the tables of one device out of what was read.

    Args:
        units: the units by their names; entries that name none are of the only one.
        act: the activation of blocks whose names leave it open; None has them serve all that their source does not tell apart.

    Raises:
        TableError: not one entry is a block here.
    """
    left_out = [entry for source in sources for entry in source.left_out]
    acts = (act,) if act is not None else tuple(ACTIVATIONS.values())
    found = [item for source in sources for item in _read(source, units, acts, left_out)]
    found = _once(found, left_out)
    combined: list[Combined] = []
    rows = [_row(item.part, item.unit, [item.entry]) for item in found if not isinstance(item.part, (FeatureMix, Logits))]
    rows += _heads(found, acts, {(row.unit, row.block) for row in rows}, combined, left_out)
    handovers = [entry for source in sources for entry in source.handovers]
    transfers, paths = handover_rows(handovers, lambda text: _unit(text, units), left_out)
    if not rows:
        first = f"; the first, {left_out[0].name} ({left_out[0].where}): {left_out[0].reason}" if left_out else ""
        files = ", ".join(source.file for source in sources)
        raise TableError(f"{files}: no entry is a block here{first}. docs/how-to/importing.md says what a source looks like")
    source = ", ".join(f"{source.file} (sha256 {source.sha256[:12]})" for source in sources)
    meta = Meta(
        device=device,
        fingerprint={},
        units=units,
        call_in_network={},
        call_alone={},
        sentinels={},
        sentinel_block="",
        network=(),
        network_runs={},
        handover={"wait": "spin", "path": "shared"},
        versions={},
        models=(),
        source=source,
        lacks=_lacks(rows, transfers),
        paths=paths,
    )
    tables = Tables(tuple(rows), tuple(transfers), meta)
    return Imported(tables, tuple(combined), tuple(dict.fromkeys(left_out)), tuple(_assumed(found, units, act, transfers)))


def _read(source: Source, units: Mapping[str, UnitSpec], acts: Sequence[str], left_out: list[LeftOut]) -> list[_Found]:
    """Returns the blocks and parts of heads of a source: of an entry whose name leaves the activation open, one with each of `acts`."""
    of = dialect(entry.name for entry in source.entries)
    found: list[_Found] = []
    for entry in source.entries:
        try:
            unit = _unit(entry.unit, units)
            parts = dict.fromkeys(read_name(entry.name, dialect=of, act=act) for act in acts)
            found += [_Found(part, unit, entry) for part in parts]
        except TableError as error:
            left_out.append(LeftOut(entry.name, entry.where, str(error)))
    return found


def _unit(text: str, units: Mapping[str, UnitSpec]) -> str:
    if not text:
        if len(units) > 1:
            raise TableError(
                f"its source does not say which of the units it is of; give a column unit, or one {option_named('--unit')} only"
            )
        return next(iter(units))
    if text in units:
        return text
    try:
        spec = parse_unit(text)
    except ConfigError:
        spec = None
    names = [name for name, unit in units.items() if unit == spec]
    if not names:
        raise TableError(f"its unit {text[:60]!r} is none of {', '.join(units)}; name it with {option_named('--unit')}")
    return names[0]


def _once(found: Sequence[_Found], left_out: list[LeftOut]) -> list[_Found]:
    """Returns the entries that are the only one for their block; of several none is taken, as nobody can tell which one holds.

    An entry that says its activation goes before one that leaves it open.
    """
    told = {(item.unit, item.part) for item in found if says_activation(item.entry.name)}
    found = [item for item in found if says_activation(item.entry.name) or (item.unit, item.part) not in told]
    counts = Counter((item.unit, item.part) for item in found)
    several = [item.entry for item in found if counts[item.unit, item.part] > 1]
    left_out += [LeftOut(entry.name, entry.where, "several latencies for one block; which one holds cannot be told") for entry in several]
    return [item for item in found if counts[item.unit, item.part] == 1]


def _heads(
    found: Sequence[_Found], acts: Sequence[str], there: set[tuple[str, str]], combined: list[Combined], left_out: list[LeftOut]
) -> list[BlockRow]:
    """Returns rows of heads, each made of a convolution and of the pool and classifier that take its features: together they are a head."""
    mixes = [(item.part, item) for item in found if isinstance(item.part, FeatureMix)]
    takers: dict[tuple[str, int, int], list[tuple[Logits, _Found]]] = {}
    for item in found:
        if isinstance(item.part, Logits):
            takers.setdefault((item.unit, item.part.size, item.part.in_c), []).append((item.part, item))
    rows: list[BlockRow] = []
    used: set[tuple[str, Part]] = set()
    for mix, first in mixes:
        for logits, second in takers.get((first.unit, mix.size, mix.out_c), []):
            for act in acts:
                head = Head(mix.size, 1, 1, mix.in_c, mix.out_c, logits.classes, act)
                if (first.unit, head.key) in there:
                    continue
                rows.append(_row(head, first.unit, [first.entry, second.entry]))
                combined.append(Combined(head.key, first.unit, (first.entry.name, second.entry.name)))
                used |= {(first.unit, mix), (first.unit, logits)}
    for item in found:
        if isinstance(item.part, (FeatureMix, Logits)) and (item.unit, item.part) not in used:
            what = "Logits takes its features" if isinstance(item.part, FeatureMix) else "Conv_1 makes its features"
            reason = f"half a head, and no {what} (or the whole head is there by its own key)"
            left_out.append(LeftOut(item.entry.name, item.entry.where, reason))
    return rows


def _row(block: Block, unit: str, entries: Sequence[Entry]) -> BlockRow:
    """Makes one row. Of a sum of two latencies neither the median nor the spread nor the number of samples is known."""
    [first, *others] = entries
    alone = not others
    return BlockRow(
        unit=unit,
        block=block.key,
        in_shape=";".join(map(shape_text, block.in_shapes)),
        out_shape=shape_text(block.out_shape),
        dtype="",
        engine="",
        runtime="",
        n=first.n if alone else None,
        visits=None,
        median_us=first.latency_us if alone and first.statistic == "median" else None,
        median_se_us=None,
        p95_us=first.p95_us if alone else None,
        mad_us=first.mad_us if alone else None,
        first_us=None,
        create_us=None,
        marginal_us=sum(entry.latency_us for entry in entries),
        write_us=None,
        read_us=None,
        coverage="",
        status="ok",
        reason="",
        temperature_before_c=None,
        temperature_after_c=None,
        clock_before_mhz=None,
        clock_after_mhz=None,
        config_hash="",
        measured_at="",
    )


def _lacks(rows: Sequence[BlockRow], transfers: Sequence[HandoverRow]) -> tuple[str, ...]:
    columns: dict[str, Sequence[float | None]] = {
        "medians": [row.median_us for row in rows],
        "95th percentiles": [row.p95_us for row in rows],
        "spreads (median absolute deviations)": [row.mad_us for row in rows],
        "numbers of samples": [row.n for row in rows],
    }
    partly = {name: sum(value is None for value in values) for name, values in columns.items()}
    return (
        *_NEVER_THERE,
        *(() if transfers else (HANDOVERS,)),
        *(() if any(isinstance(parse_key(row.block), (Add, Concat)) for row in rows) else (SYNC_BLOCKS,)),
        *(f"{name} of {count} of {len(rows)} blocks" for name, count in partly.items() if count),
    )


def _assumed(found: Sequence[_Found], units: Mapping[str, UnitSpec], act: str | None, transfers: Sequence[HandoverRow]) -> list[str]:
    """Returns sentences on what the tables say although their source does not."""
    assumed = ["a block adds its latency in the source to a segment, as their sum is taken for the network's there"]
    assumed += [f"{name} is {unit.text}, as {option_named('--unit')} has it; the source does not say" for name, unit in units.items()]
    if any(not says_activation(item.entry.name) for item in found):
        acts = " and ".join(ACTIVATIONS.values())
        taken = (
            f"all activations are {act}, as {option_named('--act')} has it"
            if act
            else f"its latencies serve {acts} alike; {option_named('--act')} takes one of them only"
        )
        assumed.append(f"the source tells no activations apart: {taken}")
    if transfers:
        assumed.append("a hand-over costs the same in a running network, where both units work, as by itself")
    return assumed
