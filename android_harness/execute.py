"""Carrying out a phase to its end, also when the runtime crashes in the middle.

A crash leaves the name of the job that was running. The others go on without it; at the end it is tried once more, alone, and
a second crash makes it failed. Every event, also of runs that crashed, reaches the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from android_harness.target import Target, PhaseRun
from android_harness.journal import CollabDone, Event, JobFailed, JobStarted, PhaseEnded, PhaseStarted, TimeDone, TransferDone
from android_harness.phases import Phase, Sentinel
from collab.errors import RunnerError


@dataclass
class _Progress:
    """What is known of a phase between two runs of the runner."""

    visits: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    taken_up: bool = False
    running: str | None = None
    ended: PhaseEnded | None = None

    def begin(self) -> None:
        self.taken_up, self.running, self.ended = False, None, None

    def note(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self.taken_up = True
        elif isinstance(event, JobStarted):
            self.running = event.job
        elif isinstance(event, PhaseEnded):
            self.ended = event
        elif isinstance(event, JobFailed):
            self.failed.add(event.job)
            self.running = None
        elif isinstance(event, (TimeDone, TransferDone, CollabDone)):
            self.visits[event.job] = self.visits.get(event.job, 0) + 1
            self.running = None


def execute(device: Target, phase: Phase, journal: Path, on_event: Callable[[Event], None]) -> bool:
    """Has a device carry out a phase; what the runner writes is appended to `journal` and passed to `on_event`.

    Returns:
        Whether the phase came to its end; False if it was stopped (time limit, or Ctrl-C: the running visit is finished first and
        the KeyboardInterrupt is not passed on).

    Raises:
        RunnerError: the runner refuses the phase, or dies outside any job.
    """
    progress = _Progress()
    crashed: list[str] = []
    attempt: Phase | None = phase
    while attempt is not None:
        culprit = _run_once(device, attempt, journal, progress, on_event)
        if culprit is None:
            break
        crashed.append(culprit)
        attempt = _without(phase, crashed, progress)
    if progress.ended is not None and progress.ended.stopped is not None:
        return False
    return all(_retry(device, phase, number, job, journal, progress, on_event) for number, job in enumerate(crashed, start=1))


def _run_once(device: Target, phase: Phase, journal: Path, progress: _Progress, on_event: Callable[[Event], None]) -> str | None:
    """None if the runner ended the phase, else the job in which it crashed."""
    progress.begin()
    run = device.start(phase, journal)
    try:
        _follow(run, progress, on_event)
    except BaseException:
        run.stop()
        raise
    if progress.ended is not None:
        return None
    if progress.running is None or not progress.taken_up:
        raise RunnerError(f"the runner did not carry out the phase {phase.name}: {run.exit_reason or 'it ended without a word'}")
    return progress.running


def _follow(run: PhaseRun, progress: _Progress, on_event: Callable[[Event], None]) -> None:
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
        progress.note(event)
        on_event(event)


def _without(phase: Phase, crashed: list[str], progress: _Progress) -> Phase | None:
    """What is left of a phase after a crash; None if nothing is."""
    sentinels = tuple(job for job in (phase.sentinel.jobs if phase.sentinel else ()) if job not in crashed)
    jobs = tuple(job for job in phase.jobs if job.id not in crashed and job.id not in progress.failed)
    rounds_done = min((progress.visits.get(job.id, 0) for job in jobs if job.id not in sentinels), default=phase.repeat.max_rounds)
    if rounds_done >= phase.repeat.max_rounds:
        return None
    left = phase.with_jobs(f"{phase.name}-after{len(crashed)}", jobs, max_rounds=phase.repeat.max_rounds - rounds_done)
    return replace(left, sentinel=Sentinel(sentinels, phase.sentinel.every) if phase.sentinel and sentinels else None)


def _retry(
    device: Target, phase: Phase, number: int, job: str, journal: Path, progress: _Progress, on_event: Callable[[Event], None]
) -> bool:
    """Tries a job that crashed the runtime once more, alone. False if it was stopped."""
    rounds_left = max(1, phase.repeat.max_rounds - progress.visits.get(job, 0))
    alone = phase.with_jobs(f"{phase.name}-again{number}", tuple(j for j in phase.jobs if j.id == job), max_rounds=rounds_left)
    if _run_once(device, replace(alone, sentinel=None), journal, progress, on_event) is not None:
        on_event(JobFailed(job, progress.visits.get(job, 0), "crashed the runtime twice"))
        return True
    return progress.ended is not None and progress.ended.stopped is None
