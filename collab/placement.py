"""Placements: which unit runs which branch, the stem and the head.

Written as ``0=cpu0,1=cpu1,stem=all,head=0``: a branch's number to the name of its unit; ``stem`` the number of the branch whose
unit runs it, or ``all``; ``head`` the number of the branch whose unit runs it.
"""

from __future__ import annotations

from dataclasses import dataclass

from collab.errors import ConfigError
from collab.names import shown
from collab.units import is_unit_name

_MAX_TEXT = 3000
_EXAMPLE = "0=cpu0,1=cpu1,stem=all,head=0"


@dataclass(frozen=True)
class Placement:
    """`units[b]` runs branch b; `stem` is the branch whose unit runs the stem (None: every unit); `head` likewise."""

    units: tuple[str, ...]
    stem: int | None = None
    head: int = 0

    @property
    def text(self) -> str:
        """The canonical form; `parse_placement` reads it back to an equal placement."""
        branches = ",".join(f"{branch}={unit}" for branch, unit in enumerate(self.units))
        return f"{branches},stem={'all' if self.stem is None else self.stem},head={self.head}"

    def __str__(self) -> str:
        return self.text


def default_placement(branches: int) -> Placement:
    """Branch b on ``cpu{b}``, a stem on every unit, the head on branch 0's.

    A duplicated stem costs each unit its own small convolution, at the same time; a handed-over stem costs the peers the wait
    for it and the largest hand-over of the network.
    """
    return Placement(tuple(f"cpu{branch}" for branch in range(branches)))


def parse_placement(text: str, *, branches: int) -> Placement:
    """Reads a placement for a model of so many branches; what is left out takes its default.

    Raises:
        ConfigError: not of that form, unknown branch or unit, one unit for two branches.
    """
    if len(text) > _MAX_TEXT:
        raise ConfigError(f"placement '{shown(text, most=60)}' has more than {_MAX_TEXT} characters; write it like {_EXAMPLE}")
    fields: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = item.partition("=")
        if not equals or (key not in ("stem", "head") and not (key.isascii() and key.isdigit())):
            raise ConfigError(
                f"placement '{shown(text)}': '{shown(item)}' is not of the form branch=unit, stem=... or head=...; write it like {_EXAMPLE}"
            )
        if key in fields:
            raise ConfigError(f"placement '{shown(text)}': {key} is given twice")
        fields[key] = value
    default = default_placement(branches)
    units = list(default.units)
    for key in [key for key in fields if key.isdigit()]:
        if key not in map(str, range(branches)):
            raise ConfigError(f"placement '{shown(text)}': the model has no branch {shown(key)}; its branches are 0 to {branches - 1}")
        if not is_unit_name(fields[key]):
            raise ConfigError(f"placement '{shown(text)}': '{shown(fields[key])}' is no unit's name; names look like cpu0, gpu0")
        units[int(key)] = fields[key]
    if len(set(units)) != len(units):
        raise ConfigError(f"placement '{shown(text)}': two branches on one unit ({', '.join(units)}); give each branch a unit of its own")
    stem = None if fields.get("stem", "all") == "all" else _branch(text, "stem", fields["stem"], units)
    if branches == 1:
        stem = None
    return Placement(tuple(units), stem, _branch(text, "head", fields.get("head", "0"), units))


def _branch(text: str, field: str, value: str, units: list[str]) -> int:
    if value in units:
        return units.index(value)
    if value not in map(str, range(len(units))):
        allowed = "a branch's number or unit" + (", or all" if field == "stem" else "")
        raise ConfigError(f"placement '{shown(text)}': {field}={shown(value)} names no branch; give {allowed}")
    return int(value)
