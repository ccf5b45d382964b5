"""Execution of a phase to its end, also when the runtime crashes or the device restarts in the middle.

After a crash the journal names the job that was running. The other jobs go on without it; at the end it is tried once more, alone, and
a second crash makes it failed. After an end from outside, the remaining jobs are started anew. The caller receives every event that counts,
also those of runs that broke off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from android_harness.protocol.device_events import StateChecked
from android_harness.protocol.journal import CollabDone, Event, HandoverDone, JobFailed, JobStarted, PhaseEnded, PhaseStarted, TimeDone
from android_harness.protocol.phases import Phase, Sentinel
from android_harness.protocol.visit_groups import VisitGroups
from android_harness.targets.base import PhaseRun, Target
from collab.errors import HotDeviceError, RunnerError
from collab.files import holding
from collab.wording.commands import command_named
from collab.wording.options import option_named

_TOO_HOT: Final = "hot"
_MOST_IDLE_INTERRUPTIONS: Final = 3
"""Number of ends from outside in a row, before any measurement, after which the phase is given up."""
_MOST_STRAY_CRASHES: Final = 3
"""Number of deaths between jobs that are tolerated. They are the fault of no job: a user killed the runner, or the system needed memory."""

_KNOWS_NO_PROTOCOL: Final = "protocol is not a known field"


@dataclass
class _Progress:
    """Progress of a phase over all runs of the runner: visits that count, failed jobs, and the state of the present run."""

    visits: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    visit_groups: VisitGroups = field(default_factory=VisitGroups)
    hot: str = ""
    taken_up: bool = False
    running: str | None = None
    ended: PhaseEnded | None = None
    done_in_run: int = 0

    def begin(self) -> None:
        """Resets the state of the present run, as a new one begins."""
        self.taken_up, self.running, self.ended, self.done_in_run = False, None, None, 0

    def note(self, event: Event) -> list[Event]:
        """Takes the next event into account; returns the events that count from now on."""
        if isinstance(event, PhaseStarted):
            self.taken_up = True
        elif isinstance(event, JobStarted):
            self.running = event.job
        elif isinstance(event, PhaseEnded):
            self.ended = event
        elif isinstance(event, JobFailed):
            self.failed.add(event.job)
            self.running = None
        elif isinstance(event, StateChecked):
            self.hot = event.hot or self.hot
        elif isinstance(event, (TimeDone, HandoverDone, CollabDone)):
            self.done_in_run += 1
            self.running = None
        counting_now = self.visit_groups.feed(event)
        for counting in counting_now:
            if isinstance(counting, (TimeDone, HandoverDone, CollabDone)):
                self.visits[counting.job] = self.visits.get(counting.job, 0) + 1
        return counting_now


@dataclass(frozen=True)
class _Crash:
    """Death of a runner in a job; `job` is empty where it was ended from outside, or died between jobs."""

    job: str
    reason: str


def execute(target: Target, phase: Phase, journal: Path, on_event: Callable[[Event], None]) -> bool:
    """Carries out a phase on a target; the runner's lines are appended to `journal`, and the events that count passed to `on_event`.

    Returns:
        True if the phase came to its end; False if it was stopped (time limit, or Ctrl-C: the running visit is finished first, and
        no KeyboardInterrupt is raised).

    Raises:
        BusyFolderError: another process writes the journal, or the folder that it lies in.
        RunnerError: the runner refuses the phase, or repeatedly dies between jobs or is ended from outside.
        HotDeviceError: the device does not cool down; all events that count were passed on.
    """
    with holding(journal):
        return _Execution(target, phase, journal, on_event).carry_out()


class _Execution:
    """Execution of one phase, with the progress over all runs of the runner that it takes."""

    def __init__(self, target: Target, phase: Phase, journal: Path, on_event: Callable[[Event], None]) -> None:
        self._target, self._phase, self._journal, self._on_event = target, phase, journal, on_event
        self._progress = _Progress()
        self._attempts = 0
        self._stray_crashes = 0

    def carry_out(self) -> bool:
        """Runs the phase until nothing remains, then retries crashed jobs; returns and raises as `execute`."""
        crashed: list[str] = []
        attempt: Phase | None = self._phase
        while attempt is not None:
            crash = self._run(attempt)
            if crash is None:
                break
            if crash.job:
                crashed.append(crash.job)
            attempt = self._remaining(crashed)
        if self._was_stopped():
            return False
        return all(self._retry(number, job) for number, job in enumerate(crashed, start=1))

    def _was_stopped(self) -> bool:
        return self._progress.ended is not None and self._progress.ended.stopped is not None

    def _run(self, phase: Phase) -> _Crash | None:
        """Runs a phase once, and again while it is ended from outside before it has measured anything.

        Returns:
            The crash that ended the run; None if the runner ended the phase.

        Raises:
            RunnerError: it was ended from outside `_MOST_IDLE_INTERRUPTIONS` times.
        """
        reason = ""
        for _ in range(_MOST_IDLE_INTERRUPTIONS):
            crash = self._run_once(phase)
            if crash is None or crash.job or self._progress.done_in_run > 0:
                return crash
            reason = crash.reason
        raise RunnerError(f"the runner was ended {_MOST_IDLE_INTERRUPTIONS} times before it could measure anything: {reason}")

    def _run_once(self, phase: Phase) -> _Crash | None:
        """Runs a phase once; returns the crash that ended the run, None if the runner ended the phase.

        Raises:
            HotDeviceError: the device stays hot.
            RunnerError: the runner refuses the phase, or died between jobs more than `_MOST_STRAY_CRASHES` times.
        """
        progress = self._progress
        progress.begin()
        run = self._target.start(phase, self._journal)
        try:
            _follow(run, progress, self._on_event)
        except BaseException:
            run.stop()
            raise
        if progress.ended is not None:
            if progress.ended.stopped == _TOO_HOT:
                raise HotDeviceError(
                    f"{self._target.info.name} stays hot ({progress.hot}); what was measured before is kept: let it cool"
                    f" down, out of its case and the sun, and go on with {option_named('--resume')}"
                )
            return None
        reason = run.exit_reason or "it ended without a word"
        if run.interrupted:
            return _Crash("", reason)
        if not progress.taken_up:
            is_old = reason.endswith(_KNOWS_NO_PROTOCOL)
            advice = f"; the runner is of an earlier version than this: build it anew with {command_named('build')}" if is_old else ""
            raise RunnerError(f"the runner did not carry out the phase {phase.name}: {reason}{advice}")
        if progress.running is None:
            self._stray_crashes += 1
            if self._stray_crashes > _MOST_STRAY_CRASHES:
                raise RunnerError(f"the runner died {self._stray_crashes} times between jobs in the phase {phase.name}: {reason}")
        return _Crash(progress.running or "", reason)

    def _remaining(self, crashed: Iterable[str]) -> Phase | None:
        """Returns a phase of the jobs and rounds that remain after a run that broke off; None if nothing remains."""
        self._attempts += 1
        phase, progress, crashed = self._phase, self._progress, set(crashed)
        sentinels = tuple(job for job in (phase.sentinel.jobs if phase.sentinel else ()) if job not in crashed)
        jobs = tuple(job for job in phase.jobs if job.id not in crashed and job.id not in progress.failed)
        rounds_done = min((progress.visits.get(job.id, 0) for job in jobs if job.id not in sentinels), default=phase.repeat.max_rounds)
        if rounds_done >= phase.repeat.max_rounds:
            return None
        remaining = phase.with_jobs(f"{phase.name}-after{self._attempts}", jobs, max_rounds=phase.repeat.max_rounds - rounds_done)
        return replace(remaining, sentinel=Sentinel(sentinels, phase.sentinel.every) if phase.sentinel and sentinels else None)

    def _retry(self, number: int, job: str) -> bool:
        """Tries a job that crashed the runtime once more, alone, and reports it as failed after a second crash; returns False if it was
        stopped.
        """
        phase, visits = self._phase, self._progress.visits
        alone = tuple(j for j in phase.jobs if j.id == job)
        crash: _Crash | None = _Crash("", "")
        while crash is not None and not crash.job:
            rounds_left = max(1, phase.repeat.max_rounds - visits.get(job, 0))
            crash = self._run(replace(phase.with_jobs(f"{phase.name}-again{number}", alone, max_rounds=rounds_left), sentinel=None))
        if crash is not None:
            self._on_event(JobFailed(job, visits.get(job, 0), f"crashed the runtime twice: {crash.reason}"))
            return True
        return not self._was_stopped()


def _follow(run: PhaseRun, progress: _Progress, on_event: Callable[[Event], None]) -> None:
    """Passes all events of a run on; Ctrl-C, or an error of `on_event`, stops the run after its present visit."""
    events = run.events()
    while True:
        try:
            event = next(events, None)
        except KeyboardInterrupt:
            run.stop()
            # The interrupt has closed the generator; a new one goes on where it stopped reading.
            events = run.events()
            continue
        if event is None:
            return
        counting = progress.note(event)
        try:
            for each in counting:
                on_event(each)
        except BaseException:
            # Who asked for the events has failed. The runner writes the journal until its present visit is over, and whoever goes on with
            # it, perhaps at once, must find it whole and let go of.
            run.stop()
            for _ in run.events():
                pass
            raise


def finish_leftover(target: Target, journal: Path) -> None:
    """Follows to its end a phase whose process on this machine was killed, so that all its lines are in the journal.

    Raises:
        BusyFolderError: another process writes the journal, or the folder that it lies in.
        DeviceError: another owner has the device meanwhile.
    """
    if not journal.exists():
        return
    with holding(journal):
        leftover = target.adopt(journal)
        if leftover is not None:
            _follow(leftover, _Progress(), lambda _: None)
