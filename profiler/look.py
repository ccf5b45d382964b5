"""A look at what measures now, before anything is measured: the provenance that the next visits will have."""

from __future__ import annotations

from android_harness.protocol.journal import Event, PhaseStarted
from android_harness.protocol.phases import Gate, Phase, Repeat
from android_harness.targets.base import Target
from android_harness.targets.execute import execute
from collab.errors import RunnerError
from profiler.execution import temporary_folder
from profiler.provenance import Provenance
from profiler.request import JOURNAL_FILE, Request


def present_provenance(device: Target, request: Request) -> Provenance:
    """Has the runner begin a phase without jobs, and returns the provenance that it says; the profile's own journal stays as it is.

    Only the runner on the device can tell its version and the libraries that it opens. The phase is not refused for heat: nothing is
    measured in it.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed meanwhile.
        RunnerError: the runner refuses the phase.
    """
    found: list[Provenance] = []

    def note(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            found.append(Provenance.of(event))

    with temporary_folder() as folder:
        if not execute(device, Phase("look", request.units, (), Repeat(1, 1), gate=Gate()), folder / JOURNAL_FILE, note):
            raise KeyboardInterrupt
    if not found:
        raise RunnerError(f"the runner on {device.info.name} did not say what it is; try again")
    return found[-1]
