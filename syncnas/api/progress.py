"""Progress and notes, as functions of the API hand them to their callers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

_LEAST_PAUSE_S: Final = 0.25
"""Drawing takes time from the cores that are measured, so a callback is not called for each of thousands of visits."""
_LOGGER: Final = logging.getLogger("syncnas")


@dataclass(frozen=True)
class Progress:
    """Progress of something that takes long.

    Attributes:
        done: visits, or evaluations of a search, that are done.
        expected: how many there will be; it may still grow or shrink.
        what: the work, such as ``profiling local``.
        left_s: seconds that are left at the present pace; None while that is not known.
    """

    done: int
    expected: int
    what: str
    left_s: float | None

    @property
    def fraction(self) -> float:
        """The part that is done, from 0 to 1."""
        return min(1.0, self.done / self.expected) if self.expected > 0 else 0.0


OnProgress: TypeAlias = Callable[[Progress], object]
"""Takes each progress. What it raises ends the work, which can be gone on with as after Ctrl-C."""
OnNote: TypeAlias = Callable[[str], None]
"""Takes each note or warning, a sentence."""


class Reporter:
    """Tells a callback how far a piece of work is, a few times a second at most, and always when all is done."""

    def __init__(self, what: str, on_progress: OnProgress | None) -> None:
        self._what, self._on_progress = what, on_progress
        self._first: tuple[float, int] | None = None
        """When something was first done, and how much it was: what comes before, such as writing models, says nothing of the pace."""
        self._told_s, self._told_done = 0.0, -1

    def __call__(self, done: int, expected: int) -> None:
        if self._on_progress is None:
            return
        now_s = time.monotonic()
        if self._first is None and done > 0:
            self._first = (now_s, done)
        if now_s - self._told_s < _LEAST_PAUSE_S and (done < expected or done == self._told_done):
            return
        self._told_s, self._told_done = now_s, done
        self._on_progress(Progress(done, expected, self._what, self._left_s(now_s, done, expected)))

    def _left_s(self, now_s: float, done: int, expected: int) -> float | None:
        if done >= expected:
            return 0.0
        if self._first is None or done == self._first[1]:
            return None
        began_s, before = self._first
        return (now_s - began_s) / (done - before) * (expected - done)


def notice_of(on_note: OnNote | None) -> OnNote:
    """Returns what takes a sentence that a user should know; without a callback, the logger ``syncnas`` as a warning."""
    return on_note or _LOGGER.warning


def remark_of(on_note: OnNote | None) -> OnNote:
    """Returns what takes a sentence about the work; without a callback, the logger ``syncnas`` as information."""
    return on_note or _LOGGER.info
