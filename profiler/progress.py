"""A progress bar for phases: what is being measured, how much of it is done, and the time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from android_harness.protocol.journal import CollabDone, Event, HandoverDone, JobFailed, TimeDone
from collab.console import note_console, one_line, text_column
from profiler.job_ids import is_sentinel

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class PhaseBar:
    """A bar that counts visits. Sentinels are not part of the total and not counted."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def expect(self, visits: int) -> None:
        """Adds to the visits that are expected in all."""
        self._progress.update(self._task, total=(self._progress.tasks[0].total or 0) + visits)

    def note(self, event: Event) -> None:
        if isinstance(event, (TimeDone, HandoverDone, CollabDone, JobFailed)) and not is_sentinel(event.job):
            self._progress.update(self._task, advance=1)

    def finish(self) -> None:
        """Moves the bar to its end, which jobs whose median settled early leave it short of."""
        total = self._progress.tasks[0].total
        self._progress.update(self._task, completed=total or 1, total=total or 1)


@contextmanager
def phase_bar(description: str, *, quiet: bool) -> Iterator[PhaseBar]:
    """Shows a bar on stderr, redrawn twice a second: drawing takes time from the cores that are measured."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        text_column("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        text_column("visits"),
        TimeElapsedColumn(),
        text_column("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=note_console(), refresh_per_second=2, disable=quiet) as progress:
        yield PhaseBar(progress, progress.add_task(one_line(description), total=None))
