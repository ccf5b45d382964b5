"""Bars that show how much of a command's work is done, and the time left; on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Final

from collab.console import note_console, one_line, text_column

if TYPE_CHECKING:
    from rich.progress import Progress


_PATIENCE_S: Final = 2.0
_displays: Final[list[Progress]] = []
"""Bars that are on the terminal now; a second display beside them would draw over them."""


@contextmanager
def bars(*, quiet: bool, passing: bool = False) -> Iterator[Progress]:
    """Shows bars on stderr, redrawn twice a second: drawing takes time from the cores that are measured.

    Args:
        quiet: show nothing, as where stderr is no terminal.
        passing: remove them at the end.

    Yields:
        What takes tasks; a task's field `counted` is the word for what it counts, such as visits.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        text_column("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        text_column("{task.fields[counted]}"),
        TimeElapsedColumn(),
        text_column("left"),
        TimeRemainingColumn(),
    )
    disable = not _is_seen(quiet=quiet)
    with Progress(*columns, console=note_console(), refresh_per_second=2, disable=disable, transient=passing) as shown:
        _displays.append(shown)
        try:
            yield shown
        finally:
            _displays.remove(shown)


def _is_seen(*, quiet: bool) -> bool:
    """Tells whether a bar is wanted, and there is a terminal. Rich before 15 has stderr deny that while a bar is on it."""
    return not quiet and (any(not shown.disable for shown in _displays) or sys.stderr.isatty())


@contextmanager
def work_bar(description: str, counted: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar; yields what takes the numbers of done and of all."""
    with bars(quiet=quiet) as shown:
        task = shown.add_task(one_line(description), total=None, counted=counted)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def sending_bar(*, quiet: bool, after_s: float = _PATIENCE_S) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar of megabytes while something is sent, if that takes long; beneath the bars that are there already.

    Args:
        quiet: show nothing, as where stderr is no terminal.
        after_s: seconds after which the bar appears.

    Yields:
        What takes the numbers of bytes, sent and in all.
    """
    if not _is_seen(quiet=quiet):
        yield lambda *_: None
        return
    sending = _LateBar()
    timer = Timer(after_s, sending.appear)
    timer.daemon = True
    timer.start()
    try:
        yield sending.update
    finally:
        timer.cancel()
        timer.join()
        sending.close()


class _LateBar:
    """Bar of megabytes that is not there before `appear`, which another thread may call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent_bytes = self._all_bytes = 0
        self._move: Callable[[], None] = lambda: None
        self._on_screen = ExitStack()

    def update(self, sent_bytes: int, all_bytes: int) -> None:
        with self._lock:
            self._sent_bytes, self._all_bytes = sent_bytes, all_bytes
            self._move()

    def appear(self) -> None:
        with self._lock:
            display = _displays[-1] if _displays else self._on_screen.enter_context(bars(quiet=False, passing=True))
            task = display.add_task("Sending", total=None, counted="MB")
            self._on_screen.callback(display.remove_task, task)
            self._move = lambda: display.update(task, completed=self._sent_bytes / 1e6, total=self._all_bytes / 1e6 or None)
            self._move()

    def close(self) -> None:
        self._on_screen.close()
