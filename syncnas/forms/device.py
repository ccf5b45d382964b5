"""Forms of the commands that get a device ready."""

from __future__ import annotations

from typing import Literal

import msgspec

from syncnas.forms.base import Form, Printed


class SeenDevice(Form, frozen=True, kw_only=True):
    """A device that can be seen; it can be used in the state `device`."""

    serial: str
    way: str
    state: str


class Devices(Printed, frozen=True, kw_only=True):
    """The devices that can be seen, and a sentence on each way that could not be searched."""

    devices: list[SeenDevice]
    blind: list[str]


class Cleaned(Printed, frozen=True, kw_only=True):
    """A device that was cleaned, and the folder that was removed from it."""

    serial: str
    removed: str


class KitFile(Form, frozen=True, kw_only=True):
    """A file for the device; `from` is the address that it was downloaded from."""

    name: str
    bytes: int
    sha256: str
    path: str
    source: str | msgspec.UnsetType = msgspec.field(name="from", default=msgspec.UNSET)


class UnitKind(Form, frozen=True, kw_only=True):
    """States whether a kind of units has all that it needs, and if not, the reason."""

    ready: bool
    reason: str


class Setup(Printed, frozen=True, kw_only=True):
    """Lists what a device needs and whether each thing is there now; `kit` is null where no kit exists for the device."""

    device: str
    model: str
    soc: str
    abi: str
    libc: str
    android: str | None
    page_bytes: int
    done: list[str]
    undone: list[str]
    notes: list[str]
    kit: str | None
    engines: dict[str, str]
    files: list[KitFile]
    units: dict[str, UnitKind]
    next: list[str]


class DoctorCheck(Form, frozen=True, kw_only=True):
    """A line of the doctor's list: at `note` measuring works, at `bad` it does not."""

    level: Literal["ok", "note", "bad"]
    topic: str
    found: str
    advice: str


class Doctor(Printed, frozen=True, kw_only=True):
    """All checks of a device; it is ready where none is bad."""

    checks: list[DoctorCheck]
    ready: bool


class Build(Printed, frozen=True, kw_only=True):
    """Paths of what was built: the runner, for another machine its kit, and the copy inside the package."""

    runner: str
    kit: str | msgspec.UnsetType = msgspec.UNSET
    prebuilt: str | msgspec.UnsetType = msgspec.UNSET
