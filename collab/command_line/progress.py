"""Bars that show how much of a command's work is done, and the time left; on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from collab.console import note_console, one_line, text_column

if TYPE_CHECKING:
    from rich.progress import Progress


def bars(counted: str, *, quiet: bool) -> Progress:
    """Returns bars on stderr, redrawn twice a second: drawing takes time from the cores that are measured.

    Args:
        counted: the word for what is counted, such as visits.
        quiet: show nothing, as where stderr is no terminal.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        text_column("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        text_column(counted),
        TimeElapsedColumn(),
        text_column("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=note_console(), refresh_per_second=2, disable=quiet or not sys.stderr.isatty())


@contextmanager
def work_bar(description: str, counted: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar; yields what takes the numbers of done and of all."""
    with bars(counted, quiet=quiet) as shown:
        task = shown.add_task(one_line(description), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
