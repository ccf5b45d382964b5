"""Requests: what a profile was asked to measure, kept in its folder as ``plan.json`` so that it can go on after any interruption."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from collab.blocks import Block, parse_key
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, parse_unit
from profiler.campaign import Effort, Handover
from profiler.plan import Plan

FORMAT: Final = 2
PLAN_FILE: Final = "plan.json"
JOURNAL_FILE: Final = "journal.jsonl"


@dataclass(frozen=True)
class Request:
    """All that a profile depends on besides the device's state."""

    device: str
    fingerprint: Mapping[str, str]
    runtime: str
    units: Mapping[str, UnitSpec]
    models: tuple[str, ...]
    plan: Plan
    effort: Effort
    handover: Handover
    seed: int
    budget_s: int | None = None
    """How long measuring may take altogether; None: as long as the effort says."""

    def with_plan(self, plan: Plan) -> Request:
        return replace(self, plan=plan)

    def check_extends(self, earlier: Request, folder: Path) -> None:
        """Whether this request may add to what an earlier one measured.

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
            "probe": [block.key for block in self.plan.probe],
            "partials": [block.key for block in self.plan.partials],
            "effort": asdict(self.effort),
            "handover": asdict(self.handover),
            "seed": self.seed,
            "budget_s": self.budget_s,
        }
        staging = folder / f".{PLAN_FILE}.new"
        staging.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        staging.replace(folder / PLAN_FILE)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(f"{key}={text}" for key, text in value.items())


def load_request(folder: Path) -> Request:
    """The request that a folder's samples answer.

    Raises:
        TableError: there is none, or it is damaged.
    """
    path = folder / PLAN_FILE
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TableError(f"{folder} holds no profile to go on with: {path.name} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise TableError(f"{path}: damaged or of another version ({type(error).__name__}: {error}); profile into another folder") from error


def _blocks(keys: Sequence[str]) -> tuple[Block, ...]:
    return tuple(parse_key(key) for key in keys)


def _parse(document: Mapping[str, Any]) -> Request:
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}, this version reads {FORMAT}")
    plan = Plan(
        _blocks(document["blocks"]),
        tuple(tuple(int(extent) for extent in shape) for shape in document["transfers"]),
        tuple(tuple(_blocks(piece) for piece in network) for network in document["networks"]),
        _blocks(document["probe"]),
        _blocks(document["partials"]),
    )
    return Request(
        device=str(document["device"]),
        fingerprint={str(k): str(v) for k, v in document["fingerprint"].items()},
        runtime=str(document["runtime"]),
        units={str(name): parse_unit(text) for name, text in document["units"].items()},
        models=tuple(map(str, document["models"])),
        plan=plan,
        effort=Effort(**document["effort"]),
        handover=Handover(**document["handover"]),
        seed=int(document["seed"]),
        budget_s=None if document["budget_s"] is None else int(document["budget_s"]),
    )
