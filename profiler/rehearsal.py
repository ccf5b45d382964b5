"""Rehearsals: strategies that a profile itself runs on every two units, to learn what only shows where both work at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from collab.config import from_document
from collab.errors import ConfigError
from collab.model import ModelConfig
from collab.placement import Placement, parse_placement
from profiler.strategies import draw_strategy

ROLES: Final = ("cpu0", "cpu1")
"""The names of the two units in a plan, whatever units they stand for."""
_DRAWS_EACH: Final = 8
_SEED: Final = 0x5265
"""The same in every plan of a model. A certificate draws its strategies with another seed, 0 by default."""


@dataclass(frozen=True)
class Rehearsal:
    """A strategy of two branches, placed on two units that are called as `ROLES` says."""

    config: ModelConfig
    placement: Placement

    @property
    def name(self) -> str:
        """A short name that no two rehearsals share: the first 12 hexadecimal digits of the SHA-256 of what it is made of."""
        return hashlib.sha256(f"{self.config.sha256} {self.placement.text}".encode()).hexdigest()[:12]

    def on(self, one: str, other: str) -> Placement:
        """Returns the placement on two units."""
        unit_of = dict(zip(ROLES, (one, other), strict=True))
        return Placement(tuple(unit_of[role] for role in self.placement.units), self.placement.stem, self.placement.head)

    def to_document(self) -> dict[str, Any]:
        """Returns it as a JSON object, which `rehearsal_of` reads."""
        return {"config": dict(self.config.document), "placement": self.placement.text}


def rehearsal_of(config: Mapping[str, Any], placement: str) -> Rehearsal:
    """Reads a rehearsal.

    Raises:
        ConfigError: the config is none, or not of two branches, or the placement is not one on the two roles.
    """
    model = from_document(config, origin="a rehearsal")
    if model.branches != len(ROLES):
        raise ConfigError(f"a rehearsal has {len(ROLES)} branches, {model.name} has {model.branches}")
    found = parse_placement(placement, branches=model.branches)
    if set(found.units) != set(ROLES):
        raise ConfigError(f"a rehearsal is placed on {' and '.join(ROLES)}, not on {', '.join(found.units)}")
    return Rehearsal(model, found)


def draw_rehearsals(config: ModelConfig, count: int) -> list[Rehearsal]:
    """Returns so many rehearsals of a model's search space, of a collaborative model of that of the base that it was derived from.

    Fewer, or none, where most of its strategies cannot be: too few channels for a concat.
    """
    base = base_of(config)
    generator = np.random.default_rng(_SEED)
    found: dict[str, Rehearsal] = {}
    for _ in range(_DRAWS_EACH * count):
        if len(found) == count:
            break
        with suppress(ConfigError):
            drawn = Rehearsal(*draw_strategy(base, ROLES, generator))
            found[drawn.name] = drawn
    return list(found.values())


def base_of(config: ModelConfig) -> ModelConfig:
    """Returns a base model as it is, and the one that a collaborative model was derived from with the widest branch's expansions."""
    if not config.is_collaborative:
        return config
    document: dict[str, Any] = {key: value for key, value in config.document.items() if key != "sync"}
    for number, stage in enumerate(config.stages):
        branches: Mapping[str, list[list[int]]] = config.document[str(number)]
        rows = [max(alike, key=lambda row: row[4]) for alike in zip(*branches.values(), strict=True)]
        document[str(number)] = [*map(list, rows[:-1]), [*rows[-1][:5], stage.out_c]]
    return from_document(document, origin=f"the base of {config.name}")
