"""Provenance of rows: on which units, by which libraries, runner and measurement protocol, and in what conditions they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeAlias

import msgspec

from collab.documents import Count, Text

_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class RowProvenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The provenance that all rows of one `config_hash` share.

    `units` maps each unit that took part (one of a block, two of a hand-over) to its canonical form, precision included; `libraries`
    each of their engines to what tells its library apart, empty where the engine could not be opened. `conditions` are those that the
    host has set.
    """

    units: Annotated[Mapping[_Name, Text], msgspec.Meta(min_length=1)]
    libraries: Mapping[_Name, Text]
    runner: Text
    protocol: Count
    conditions: Mapping[_Name, Text]


def unresolved(config_hash: str, units: Iterable[str], known: Mapping[str, RowProvenance]) -> str:
    """Returns why a row's hash does not tell where it came from, as the end of a sentence; empty where it does."""
    entry = known.get(config_hash)
    if entry is None:
        return "which meta.json knows no provenance of"
    return "" if entry.units.keys() >= set(units) else f"which is of rows of {', '.join(entry.units)}"
