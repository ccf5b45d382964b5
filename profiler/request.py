"""Requests for a profile: all that was asked for, kept in its folder as ``plan.json`` so that it can go on after any interruption."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from android_harness.protocol.phases import MAX_SEED
from collab.blocks import AnyBlock, feature_bytes, parse_any_key, parse_key
from collab.documents import Count, Natural, Sha256, Text, parse, read_bytes
from collab.errors import ConfigError, TableError
from collab.files import write_whole
from collab.tensors.opaque import Opaque, parse_opaque
from collab.units import UnitSpec, is_unit_name, parse_unit
from collab.wording.options import option_named
from lut.entries import Key, Name
from lut.tables import NETWORK_FILE
from profiler.described import Described
from profiler.effort import Effort
from profiler.handover_setting import HandoverSetting
from profiler.limits import needed_bytes
from profiler.models import BLOCK_BETWEEN_HANDOVERS, SENTINEL_BLOCK
from profiler.network_file import MAX_GRAIN_US, NetworkFile
from profiler.plan import Plan
from profiler.rehearsal import rehearsal_of

FORMAT: Final = 5
_READABLE: Final = (2, 3, 4, FORMAT)
"""Formats that are read."""
PLAN_FILE: Final = "plan.json"
JOURNAL_FILE: Final = "journal.jsonl"
MAX_FILE_BYTES: Final = 64 << 20
_SENTINEL_THEN: Final = "mbconv_14_k3s1_64-384-64_relu6"
_BETWEEN_THEN: Final = "mbconv_14_k3s1_32-128-32_relu6"
"""The blocks that profiles were measured with whose plan does not name them (format 2)."""
_MOST_REHEARSALS: Final = 1000
_MOST_BYTES: Final = 64 << 20
"""Such a block runs beside others all along, and takes no more than this."""


@dataclass(frozen=True)
class Request:
    """Everything that a profile depends on besides the device's state."""

    device: str
    fingerprint: Mapping[str, str]
    runtime: str
    units: Mapping[str, UnitSpec]
    models: tuple[str, ...]
    plan: Plan
    effort: Effort
    handover: HandoverSetting
    seed: int
    budget_s: int | None = None
    """The most seconds that measuring may take altogether; None: as long as the effort says."""
    sentinel_block: str = SENTINEL_BLOCK
    between: str = BLOCK_BETWEEN_HANDOVERS
    """The block that units run between two hand-overs."""
    conditions: Mapping[str, str] | None = None
    """What the device is made to be like while it is measured, by name; None of a profile that did not record it."""
    network: NetworkFile | None = None
    """The network that the plan's opaque blocks are of; None where it has none."""

    @property
    def handover_document(self) -> dict[str, str]:
        """Everything that says how hand-overs are timed, as tables have it."""
        return {"wait": self.handover.wait, "path": self.handover.path, "between": self.between}

    def with_plan(self, plan: Plan) -> Request:
        return replace(self, plan=plan)

    def check_extends(self, earlier: Request, folder: Path) -> None:
        """Checks that this request may add to what an earlier one measured.

        Raises:
            TableError: another device, runtime, conditions, way to hand over, or other units: such samples must not be mixed.
        """
        for what, mine, theirs in (
            ("another device", dict(self.fingerprint), dict(earlier.fingerprint)),
            ("another runtime", self.runtime, earlier.runtime),
            ("another sentinel block", self.sentinel_block, earlier.sentinel_block),
        ):
            if mine != theirs:
                raise TableError(
                    f"{folder} was measured with {what} ({_short(theirs)}, now {_short(mine)}); use another {option_named('--out')}"
                )
        for name in sorted(self.units.keys() & earlier.units.keys()):
            if self.units[name] != earlier.units[name]:
                raise TableError(
                    f"{folder} was measured with another unit {name} ({earlier.units[name].text}, now {self.units[name].text}), and rows of"
                    f" both would have the same name; use another {option_named('--out')}"
                )
        if self.units.keys() != earlier.units.keys():
            raise TableError(
                f"{folder} was measured with other units ({', '.join(earlier.units)}, now {', '.join(self.units)}); use another"
                f" {option_named('--out')}"
            )
        if self.handover_document != earlier.handover_document:
            raise TableError(
                f"{folder} was measured with another way to hand over ({_short(earlier.handover_document)}, now"
                f" {_short(self.handover_document)}); leave {option_named('--wait')} and {option_named('--path')} out, or use another"
                f" {option_named('--out')}"
            )
        if None not in (self.conditions, earlier.conditions) and self.conditions != earlier.conditions:
            raise TableError(
                f"{folder} was measured in other conditions ({_short(earlier.conditions)}; now {_short(self.conditions)}); give the options"
                f" that it was measured with, such as {option_named('--root')}, or use another {option_named('--out')}"
            )

    def save(self, folder: Path) -> None:
        document = {
            "format": FORMAT,
            "device": self.device,
            "fingerprint": dict(self.fingerprint),
            "runtime": self.runtime,
            "units": {name: unit.text for name, unit in self.units.items()},
            "models": list(self.models),
            "blocks": [block.key for block in self.plan.blocks],
            "transfers": [list(shape) for shape in self.plan.transfers],
            "networks": [[[block.key for block in piece] for piece in network] for network in self.plan.networks],
            "rehearsals": [rehearsal.to_document() for rehearsal in self.plan.rehearsals],
            "network": None if self.network is None else _network_document(self.network, self.plan),
            "effort": msgspec.structs.asdict(self.effort),
            "handover": msgspec.structs.asdict(self.handover),
            "sentinel_block": self.sentinel_block,
            "between": self.between,
            "conditions": None if self.conditions is None else dict(self.conditions),
            "seed": self.seed,
            "budget_s": self.budget_s,
        }
        write_whole(folder / PLAN_FILE, json.dumps(document, indent=1) + "\n")


def _network_document(network: NetworkFile, plan: Plan) -> dict[str, Any]:
    blocks = [
        {"block": entry.block.key, "label": entry.label, "in_shape": entry.in_shape, "out_shape": entry.out_shape, "dtype": entry.dtype}
        for entry in plan.described
    ]
    return {"name": network.name, "sha256": network.sha256, "grain_us": network.grain_us, "blocks": blocks}


def _short(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(f"{key}={text}" for key, text in value.items()) or "none"


class _Format(msgspec.Struct):
    format: Natural


_Keys = tuple[Key, ...]


class _Rehearsal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    config: dict[str, Any]
    placement: Text


class _Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block: Key
    label: Text
    in_shape: Text
    out_shape: Text
    dtype: Text


class _Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    sha256: Sha256
    grain_us: Annotated[float, msgspec.Meta(ge=0, le=MAX_GRAIN_US)]
    blocks: tuple[_Described, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Request` as it stands in the file: its plan's parts side by side, blocks as keys.

    Format 2 also listed some of the blocks as `probe` and `partials`, by themselves; 2 and 3 had no `rehearsals`, 2 to 4 no `network`.
    """

    format: Literal[2, 3, 4, 5]
    device: Name
    fingerprint: Mapping[Name, Text]
    runtime: Text
    units: Annotated[Mapping[Name, Name], msgspec.Meta(min_length=1)]
    models: tuple[Text, ...]
    blocks: _Keys
    transfers: tuple[Annotated[tuple[Count, ...], msgspec.Meta(min_length=1, max_length=8)], ...]
    networks: tuple[tuple[_Keys, ...], ...]
    effort: Effort
    handover: HandoverSetting
    seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)]
    budget_s: Count | None
    sentinel_block: Key = _SENTINEL_THEN
    between: Key = _BETWEEN_THEN
    conditions: Mapping[Name, Text] | None = None
    probe: _Keys = ()
    partials: _Keys = ()
    rehearsals: Annotated[tuple[_Rehearsal, ...], msgspec.Meta(max_length=_MOST_REHEARSALS)] = ()
    network: _Network | None = None


def load_request(folder: Path) -> Request:
    """Reads the request that a folder's samples answer.

    Raises:
        TableError: there is none, or it is damaged.
    """
    path, advice = folder / PLAN_FILE, "profile into another folder"
    if not path.exists():
        raise TableError(f"{folder} holds no profile to go on with: {PLAN_FILE} is not there; make one without {option_named('--resume')}")
    data = read_bytes(path, limit_bytes=MAX_FILE_BYTES, error=TableError, advice=advice)
    found = parse(data, _Format, origin=str(path), error=TableError, advice=advice).format
    if found not in _READABLE:
        raise TableError(f"{path}: format {found}; this version reads {_READABLE[0]} to {_READABLE[-1]}: {advice}")
    file = parse(data, _File, origin=str(path), error=TableError, advice=advice)
    try:
        return _request(file, folder)
    except (ValueError, ConfigError) as error:
        raise TableError(f"{path}: {error}; {advice}") from error


def kept_network(folder: Path) -> NetworkFile | None:
    """Returns the network that a folder's tables are of; None where they are of none, or it is not there.

    Raises:
        TableError: the folder's request is damaged.
    """
    if not (folder / PLAN_FILE).exists() or not (folder / NETWORK_FILE).exists():
        return None
    return load_request(folder).network


def _blocks(keys: Sequence[str]) -> tuple[AnyBlock, ...]:
    return tuple(parse_any_key(key) for key in keys)


def _described(network: _Network | None) -> tuple[Described, ...]:
    found = []
    for entry in network.blocks if network is not None else ():
        block = parse_opaque(entry.block)
        if block is None:
            raise ValueError("network: a block of it has a key that is none")
        found.append(Described(block, entry.label, entry.in_shape, entry.out_shape, entry.dtype))
    return tuple(found)


def _plan(file: _File) -> Plan:
    blocks = _blocks(file.blocks)
    networks = tuple(tuple(_blocks(piece) for piece in network) for network in file.networks)
    described = _described(file.network)
    named = {*blocks, *(block for network in networks for piece in network for block in piece)}
    if {block for block in named if isinstance(block, Opaque)} - {entry.block for entry in described}:
        raise ValueError("blocks: one is a piece of a network that is not described")
    return Plan(
        blocks,
        file.transfers,
        networks,
        tuple(rehearsal_of(rehearsal.config, rehearsal.placement) for rehearsal in file.rehearsals),
        described,
    )


def _request(file: _File, folder: Path) -> Request:
    if not all(is_unit_name(name) for name in file.units):
        raise ValueError("units must be named like cpu0")
    if not all(network and all(network) for network in file.networks):
        raise ValueError("networks: one of them, or a piece of one, has no blocks")
    if any(feature_bytes(shape) >= 1 << 63 for shape in file.transfers):
        raise ValueError("transfers: one of more bytes than any program counts")
    if any(needed_bytes(parse_key(key)) > _MOST_BYTES for key in (file.sentinel_block, file.between)):
        raise ValueError(f"sentinel_block or between: a block of more than {_MOST_BYTES} bytes")
    network = file.network
    return Request(
        device=file.device,
        fingerprint=file.fingerprint,
        runtime=file.runtime,
        units={name: parse_unit(text) for name, text in file.units.items()},
        models=file.models,
        plan=_plan(file),
        effort=file.effort,
        handover=file.handover,
        seed=file.seed,
        budget_s=file.budget_s,
        sentinel_block=file.sentinel_block,
        between=file.between,
        conditions=file.conditions,
        network=None if network is None else NetworkFile(network.name, network.sha256, network.grain_us, folder / NETWORK_FILE),
    )
