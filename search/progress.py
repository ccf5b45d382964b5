"""A progress bar for searches: evaluations so far, the best one, and the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from collab.console import note_console, one_line, tell, text_column

if TYPE_CHECKING:
    from search.results.archive import Found
    from search.state import Status


@contextmanager
def search_bar(description: str, evaluations: int, done: int, *, quiet: bool) -> Iterator[Callable[[Status], None]]:
    """Shows a bar on stderr, or, where that is no terminal, a line for every new best; yields what takes each change."""
    if quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _Lines(done)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        text_column("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        text_column("{task.fields[best]}"),
        TimeElapsedColumn(),
        text_column("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=note_console(), refresh_per_second=2) as progress:
        task = progress.add_task(one_line(description), total=evaluations, completed=done, best="")

        def on_change(status: Status) -> None:
            failed = f", {status.failed} failed" if status.failed else ""
            progress.update(task, completed=status.evaluated, best=_best_in_words(status.best) + failed)

        yield on_change


class _Lines:
    def __init__(self, done: int) -> None:
        self._done = done
        self._best: Found | None = None

    def __call__(self, status: Status) -> None:
        if status.best is not self._best and status.evaluated > self._done:
            self._best = status.best
            tell(f"evaluation {status.evaluated}: {_best_in_words(status.best)}")


def _best_in_words(best: Found | None) -> str:
    return "" if best is None else f"best {best.accuracy:.4f} {best.strategy}"
