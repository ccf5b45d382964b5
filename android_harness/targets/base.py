"""Targets: anything that can carry out phases, be it this machine or a phone, as the rest of the toolkit sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from android_harness.device.info import DeviceInfo
from android_harness.protocol.journal import Event
from android_harness.protocol.phases import Phase

JOURNAL_LOST: Final = 3
"""The runner's exit status when it could not write the journal: no job is to blame."""


class PhaseRun(Protocol):
    """A phase that a device is carrying out by itself."""

    def events(self) -> Iterator[Event]:
        """Events as they come, until the runner has ended. Waits without disturbing what is measured."""

    def stop(self) -> None:
        """Asks the runner to end after the running visit; `events` then comes to its end."""

    @property
    def exit_reason(self) -> str | None:
        """None after a whole run; else one sentence on how the runner ended. Valid once `events` is exhausted."""

    @property
    def interrupted(self) -> bool:
        """Whether the runner was ended from outside (a restart, a full storage) and not by the job that was running."""


class Target(Protocol):
    """A device with runner and runtime that can carry out phases, one at a time."""

    @property
    def info(self) -> DeviceInfo: ...

    @property
    def runtime(self) -> str:
        """Name and version of the runtime, as rows carry it."""

    def start(self, phase: Phase, journal: Path) -> PhaseRun:
        """Has the runner take up a phase; everything it writes is appended to `journal` on this machine.

        Raises:
            DeviceError: the runner cannot be started.
        """

    def adopt(self, journal: Path) -> PhaseRun | None:
        """What is left of a phase whose lines `journal` was taking when the process here that followed it was killed.

        Its runner may still be measuring. None if nothing is left. Raises:
            DeviceError: somebody else has the device by now.
        """

    def clean(self) -> None:
        """Removes all that the harness has put on the device, for good."""

    def close(self) -> None:
        """Gives the device back."""
