"""Targets: the interface of devices that carry out phases, whether this machine or a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from android_harness.device.base import Notice
from android_harness.device.info import DeviceInfo
from android_harness.protocol.journal import Event
from android_harness.protocol.phases import Phase

STORAGE_LOST: Final = 3
"""Exit status of a runner that could not write the journal or an output, which is the fault of no job."""


class PhaseRun(Protocol):
    """Phase that a device is carrying out by itself."""

    def events(self) -> Iterator[Event]:
        """Yields events as they arrive, until the runner has ended. Waiting does not disturb the measurement."""

    def stop(self) -> None:
        """Asks the runner to end after the running visit; `events` then ends."""

    @property
    def exit_reason(self) -> str | None:
        """Sentence on the way in which the runner ended; None after a whole run. Valid once `events` is exhausted."""

    @property
    def interrupted(self) -> bool:
        """Whether the runner was ended from outside (a restart, a full storage), not by the running job."""


class Target(Protocol):
    """Device with runner and runtime that carries out phases, one at a time."""

    @property
    def info(self) -> DeviceInfo: ...

    @property
    def runtime(self) -> str:
        """Name and version of the runtime, in the form that rows of the tables have."""

    @property
    def conditions(self) -> Mapping[str, str]:
        """Conditions that the device is put into while a phase runs, as texts by name: `start` has every journal say so. Valid once it is
        prepared.
        """

    def prepare(self, notice: Notice) -> None:
        """Makes the device ready to be measured: changes settings back that an earlier measurement left changed, and tries those that the
        device may refuse. What a killed process has left running there must be followed to its end before (`execute.finish_leftover`).

        Raises:
            DeviceError: another owner has the device, or it refuses a setting.
        """

    def start(self, phase: Phase, journal: Path) -> PhaseRun:
        """Starts the runner on a phase; everything that it writes is appended to `journal` on this machine.

        Raises:
            DeviceError: the runner cannot be started.
        """

    def adopt(self, journal: Path) -> PhaseRun | None:
        """Returns the phase that a process of this machine followed into `journal` until it was killed; None if nothing is left of it.

        Its runner may still be measuring.

        Raises:
            DeviceError: another owner has the device meanwhile.
        """

    def clean(self) -> None:
        """Removes everything that the harness has put on the device."""

    def close(self) -> None:
        """Releases the device for other users."""
