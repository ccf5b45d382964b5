"""Progress of phases: how much of what is to be measured is done, as a bar for people, or as lines for the command that profiles several
devices.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from android_harness.protocol.journal import CollabDone, Event, HandoverDone, JobFailed, TimeDone
from collab.command_line.progress import bars, work_bar
from collab.console import one_line, tell
from profiler.job_ids import is_sentinel

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MARK: Final = "progress: "
_PAUSE_S: Final = 0.5


class PhaseProgress:
    """Counter of visits, done and expected. Sentinels are not part of it. `show` gets both numbers whenever they change."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show
        self._done = 0
        self._expected = 0

    def expect(self, visits: int) -> None:
        """Adds to the visits that are expected in all."""
        self._expected += visits
        self._show(self._done, self._expected)

    def note(self, event: Event) -> None:
        if isinstance(event, (TimeDone, HandoverDone, CollabDone, JobFailed)) and not is_sentinel(event.job):
            self._done += 1
            self._show(self._done, self._expected)

    def finish(self) -> None:
        """Says that all is done, which jobs whose median settled early leave short of what was expected."""
        self._expected = self._done = max(self._expected, 1)
        self._show(self._done, self._expected)


@contextmanager
def phase_bar(description: str, *, quiet: bool) -> Iterator[PhaseProgress]:
    """Shows a bar on stderr."""
    with work_bar(description, "visits", quiet=quiet) as show:
        yield PhaseProgress(show)


@contextmanager
def phase_bars(*, quiet: bool) -> Iterator[tuple[Progress, Callable[[str], TaskID]]]:
    """Shows bars on stderr; yields them, and what adds the bar of a device."""
    with bars(quiet=quiet) as shown:
        yield shown, lambda name: shown.add_task(one_line(name), total=None, counted="visits")


@contextmanager
def phase_lines() -> Iterator[PhaseProgress]:
    """Writes the two numbers as lines on stderr, twice a second at most; `parse_phase_line` reads them."""
    said_s = 0.0

    def show(done: int, expected: int) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= _PAUSE_S or done == expected:
            said_s = now_s
            tell(f"{_MARK}{done}/{expected}")

    yield PhaseProgress(show)


def parse_phase_line(line: str) -> tuple[int, int] | None:
    """Returns how many visits are done, and how many expected; None of other lines."""
    match = re.fullmatch(rf"{_MARK}(\d{{1,9}})/(\d{{1,9}})", line.strip(), re.ASCII)
    return (int(match[1]), int(match[2])) if match else None
