"""Requests for a profile: all that was asked for, kept in its folder as ``plan.json`` so that it can go on after any interruption."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from android_harness.protocol.phases import MAX_SEED
from collab.blocks import Block, feature_bytes, parse_key
from collab.documents import Count, Natural, Text, parse, read_bytes
from collab.errors import ConfigError, TableError
from collab.files import write_whole
from collab.units import UnitSpec, is_unit_name, parse_unit
from lut.meta import Key, Name
from profiler.effort import Effort
from profiler.handover_setting import HandoverSetting
from profiler.plan import Plan

FORMAT: Final = 3
_READ: Final = (2, FORMAT)
"""Formats that are read."""
PLAN_FILE: Final = "plan.json"
JOURNAL_FILE: Final = "journal.jsonl"
MAX_FILE_BYTES: Final = 64 << 20


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

    def with_plan(self, plan: Plan) -> Request:
        return replace(self, plan=plan)

    def check_extends(self, earlier: Request, folder: Path) -> None:
        """Checks that this request may add to what an earlier one measured.

        Raises:
            TableError: another device, runtime or other units: such samples must not be mixed.
        """
        for what, mine, theirs in (
            ("device", dict(self.fingerprint), dict(earlier.fingerprint)),
            ("runtime", self.runtime, earlier.runtime),
            ("units", {name: unit.text for name, unit in self.units.items()}, {name: unit.text for name, unit in earlier.units.items()}),
        ):
            if mine != theirs:
                raise TableError(f"{folder} was measured with another {what} ({_short(theirs)}, now {_short(mine)}); use another --out")

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
            "effort": msgspec.structs.asdict(self.effort),
            "handover": msgspec.structs.asdict(self.handover),
            "seed": self.seed,
            "budget_s": self.budget_s,
        }
        write_whole(folder / PLAN_FILE, json.dumps(document, indent=1) + "\n")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(f"{key}={text}" for key, text in value.items())


class _Format(msgspec.Struct):
    format: Natural


_Keys = tuple[Key, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Request` as it stands in the file: its plan's parts side by side, blocks as keys.

    Format 2 also listed some of the blocks as `probe` and `partials`, by themselves.
    """

    format: Literal[2, 3]
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
    probe: _Keys = ()
    partials: _Keys = ()


def load_request(folder: Path) -> Request:
    """Reads the request that a folder's samples answer.

    Raises:
        TableError: there is none, or it is damaged.
    """
    path, advice = folder / PLAN_FILE, "profile into another folder"
    if not path.exists():
        raise TableError(f"{folder} holds no profile to go on with: {PLAN_FILE} is not there; make one without --resume")
    data = read_bytes(path, limit_bytes=MAX_FILE_BYTES, error=TableError, advice=advice)
    found = parse(data, _Format, origin=str(path), error=TableError, advice=advice).format
    if found not in _READ:
        raise TableError(f"{path}: format {found}; this version reads {' and '.join(map(str, _READ))}: {advice}")
    file = parse(data, _File, origin=str(path), error=TableError, advice=advice)
    try:
        return _request(file)
    except (ValueError, ConfigError) as error:
        raise TableError(f"{path}: {error}; {advice}") from error


def _blocks(keys: Sequence[str]) -> tuple[Block, ...]:
    return tuple(parse_key(key) for key in keys)


def _request(file: _File) -> Request:
    if not all(is_unit_name(name) for name in file.units):
        raise ValueError("units must be named like cpu0")
    if not all(network and all(network) for network in file.networks):
        raise ValueError("networks: one of them, or a piece of one, has no blocks")
    if any(feature_bytes(shape) >= 1 << 63 for shape in file.transfers):
        raise ValueError("transfers: one of more bytes than any program counts")
    plan = Plan(
        _blocks(file.blocks),
        file.transfers,
        tuple(tuple(_blocks(piece) for piece in network) for network in file.networks),
    )
    return Request(
        device=file.device,
        fingerprint=file.fingerprint,
        runtime=file.runtime,
        units={name: parse_unit(text) for name, text in file.units.items()},
        models=file.models,
        plan=plan,
        effort=file.effort,
        handover=file.handover,
        seed=file.seed,
        budget_s=file.budget_s,
    )
