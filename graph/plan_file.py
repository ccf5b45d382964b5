"""Plan files: which unit runs which block of a network, as ``search.place`` writes and export, verify and split read it.

It names the network by its file's SHA-256 and how it was cut, so that a plan is never applied to another network or other blocks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec

from collab.console import one_line
from collab.documents import MAX_US, read
from collab.errors import ConfigError, NetworkError
from collab.names import shown
from collab.units import is_unit_name, parse_unit
from collab.wording.commands import command_named
from graph.identity import label_of
from graph.scheduling import CutNetwork

PLAN_SUFFIX: Final = ".plan.json"
MAX_GRAIN_US: Final = 1e9
_MAX_FILE_BYTES: Final = 16 << 20
_MAX_BLOCKS: Final = 1 << 16

_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_Time = Annotated[float, msgspec.Meta(ge=0, le=MAX_US)]


class PlannedBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block, by its identity and a readable label, with the name of the unit that runs it."""

    identity: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    label: _Text
    unit: Annotated[str, msgspec.Meta(max_length=64)]


class PlacementPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A placement of a network.

    Attributes:
        format: of the file.
        model: name of the network's file, for readers.
        sha256: of the network's file.
        grain_us: with which it was cut.
        units: specs of the units, by name.
        objective: what it was searched for.
        predicted_us: what it takes by the tables: a latency, or a period.
        alone_us: what each unit that can run all blocks takes alone.
        is_proven: whether no other placement of these blocks is better by the tables.
    """

    format: Literal[1]
    model: _Text
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    grain_us: Annotated[float, msgspec.Meta(ge=0, le=MAX_GRAIN_US)]
    units: Annotated[dict[str, _Text], msgspec.Meta(min_length=1, max_length=64)]
    objective: Literal["latency", "throughput"]
    predicted_us: _Time
    alone_us: dict[str, _Time]
    is_proven: bool
    blocks: Annotated[tuple[PlannedBlock, ...], msgspec.Meta(min_length=1, max_length=_MAX_BLOCKS)]

    @property
    def block_units(self) -> tuple[str, ...]:
        """The unit of each block."""
        return tuple(block.unit for block in self.blocks)

    @property
    def placement_text(self) -> str:
        """Tells in short which unit runs which blocks, by their numbers: ``cpu0 0-3 5, cpu1 4``."""
        runs: dict[str, list[str]] = {}
        for unit, members in groupby(enumerate(self.block_units), key=lambda numbered: numbered[1]):
            numbers = [number for number, _ in members]
            runs.setdefault(unit, []).append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0]))
        return ", ".join(f"{unit} {' '.join(texts)}" for unit, texts in runs.items())

    def to_json(self) -> str:
        return json.dumps(msgspec.to_builtins(self), indent=1, allow_nan=False) + "\n"

    def require_fit(self, cut: CutNetwork) -> None:
        """Checks that this is a plan of that network and those blocks.

        Raises:
            NetworkError: it is of another network, or its blocks are others.
        """
        origin = cut.network.source.origin
        if network_sum(cut) != self.sha256:
            raise NetworkError(f"the plan is of {shown(self.model)}, and {origin} is another file; give that one, or {_advice()}")
        if [block.identity for block in self.blocks] != [block.identity for block in cut.opaque]:
            raise NetworkError(f"the plan has other blocks than {origin} is cut into at {self.grain_us:g} us; {_advice()}")


def plan_for(
    cut: CutNetwork,
    block_units: Sequence[str],
    units: Mapping[str, str],
    *,
    grain_us: float,
    predicted_us: float,
    objective: Literal["latency", "throughput"] = "latency",
    alone_us: Mapping[str, float] = MappingProxyType({}),
    is_proven: bool = False,
) -> PlacementPlan:
    """Makes the plan of a placement.

    Args:
        block_units: the unit of each block.
        units: specs of all units, by name.
    """
    return PlacementPlan(
        format=1,
        model=one_line(cut.name)[:256],
        sha256=network_sum(cut),
        grain_us=grain_us,
        units=dict(units),
        objective=objective,
        predicted_us=predicted_us,
        alone_us=dict(alone_us),
        is_proven=is_proven,
        blocks=tuple(
            PlannedBlock(opaque.identity, label_of(cut.network, block), unit)
            for opaque, block, unit in zip(cut.opaque, cut.blocks, block_units, strict=True)
        ),
    )


def _advice() -> str:
    return f"make the plan again, with {command_named('place')}"


def network_sum(cut: CutNetwork) -> str:
    """Returns the SHA-256 of a network's file."""
    return hashlib.sha256(cut.network.source.data).hexdigest()


def read_plan(path: Path) -> PlacementPlan:
    """Reads a plan.

    Raises:
        NetworkError: the file cannot be read, or is no plan.
    """
    plan = read(path, PlacementPlan, limit_bytes=_MAX_FILE_BYTES, error=NetworkError, advice=_advice())
    for name in (*plan.units, *plan.alone_us):
        if not is_unit_name(name) or name not in plan.units:
            raise NetworkError(f"{path}: units: {name!r} is no unit of it; {_advice()}")
    for name, text in plan.units.items():
        try:
            parse_unit(text)
        except ConfigError as error:
            raise NetworkError(f"{path}: units: {name}: {error}; {_advice()}") from None
    for number, block in enumerate(plan.blocks):
        if block.unit not in plan.units:
            raise NetworkError(f"{path}: blocks[{number}]: its unit is none of {', '.join(plan.units)}; {_advice()}")
    return plan
