"""Events that tell of the device itself: the settings that were made for a phase, and what a look at it has found.

Here are also the bounds and the base that all events share (`journal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from collab.documents import ClockNs, Natural, Text

Round: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""Number of a round; the runner makes 10,000 at most."""
Core: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1023)]
Kilohertz: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
MilliCelsius: TypeAlias = Annotated[int, msgspec.Meta(ge=-273_150, le=1_000_000)]
Reading: TypeAlias = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
"""Number in a file of the system."""
Words: TypeAlias = Annotated[str, msgspec.Meta(max_length=1 << 16)]
"""Reason of a failure; it may quote a library."""
Protocol: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
"""Number of a measurement protocol; journals that do not say it are of the first one."""


class Value(msgspec.Struct, frozen=True, gc=False):
    """Base of events and their parts: no cycle of references can form, so the garbage collector skips the 100,000s of a journal."""


class SettingChecked(Value, frozen=True, gc=False):
    """Event: a setting of the device was changed for the phase (`moment` is ``made``) or changed back (``restored``), and read back.

    `holds`: it was read back as it was wanted. The script that supervises the runner writes it, not the runner.
    """

    moment: Literal["made", "restored"]
    name: Text
    wanted: Text
    found: Text
    holds: bool


class NewCap(Value, frozen=True, gc=False):
    """Lower cap of a core's clock that stays without heat, so it is the device's own from now on."""

    core: Core
    from_khz: Kilohertz
    to_khz: Kilohertz


class ChangedSetting(Value, frozen=True, gc=False):
    """Setting that was made for the phase and is not so any more; `found` is None where it cannot be read."""

    file: Text
    wanted: Reading
    found: Reading | None


class StateChecked(Value, frozen=True, gc=False):
    """Event: a check of the device's heat after a group of visits. `hot` says why the group does not count, and is None where it counts.

    `slowdown` is the largest of the sentinels' slowdowns, as a fraction.
    """

    t_ns: ClockNs
    since_ns: ClockNs
    temperature_mc: MilliCelsius | None
    thermal_status: Natural | None
    caps_khz: Mapping[Text, tuple[Kilohertz | None, ...]]
    slowdown: float | None
    hot: Words | None
    new_caps: tuple[NewCap, ...] = ()
    changed: tuple[ChangedSetting, ...] = ()

    def __post_init__(self) -> None:
        if self.slowdown is not None and not math.isfinite(self.slowdown):
            raise ValueError(f"{self.slowdown} is no slowdown")


class Cooled(Value, frozen=True, gc=False):
    """Event: a hot device has cooled down; the runner makes the undone visits again."""

    t_ns: ClockNs
    waited_ns: ClockNs
    temperature_mc: MilliCelsius | None
    new_caps: tuple[NewCap, ...] = ()
