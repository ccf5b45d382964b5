"""Jobs that are certainly still running when a test acts on their runner, however late the test notices their start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from android_harness.device.info import DeviceInfo
from android_harness.protocol.journal import Event, JobStarted
from android_harness.protocol.phases import Job, Phase, TimeJob
from android_harness.targets.base import PhaseRun, Target

_RUNS, _GAP_US = 300, 1_000_000


class ActsOnStart:
    """Target on which the first visits of a job would take five minutes each, and which calls `act` once each has begun.

    Args:
        act: must end the runner, or the visit is waited for.
    """

    def __init__(self, target: Target, job: str, *, times: int, act: Callable[[PhaseRun], None]) -> None:
        self.events: list[Event] = []
        self._target, self._job, self._left, self._act = target, job, times, act
        self._run: PhaseRun | None = None

    @property
    def info(self) -> DeviceInfo:
        return self._target.info

    @property
    def runtime(self) -> str:
        return self._target.runtime

    @property
    def conditions(self) -> Mapping[str, str]:
        return self._target.conditions

    def start(self, phase: Phase, journal: Path) -> PhaseRun:
        self._run = self._target.start(replace(phase, jobs=tuple(map(self._lasting, phase.jobs))) if self._left else phase, journal)
        return self._run

    def adopt(self, journal: Path) -> PhaseRun | None:
        return self._target.adopt(journal)

    def clean(self) -> None:
        self._target.clean()

    def close(self) -> None:
        self._target.close()

    def note(self, event: Event) -> None:
        """Receives every event of `execute`, and acts on the beginning of a visit of the job."""
        self.events.append(event)
        if isinstance(event, JobStarted) and event.job == self._job and self._left > 0:
            assert self._run is not None
            self._left -= 1
            self._act(self._run)

    def _lasting(self, job: Job) -> Job:
        return replace(job, runs=_RUNS, gap_us=_GAP_US) if isinstance(job, TimeJob) and job.id == self._job else job
