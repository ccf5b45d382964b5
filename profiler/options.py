"""The options and sentences that the profiler's commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from android_harness.protocol.phases import MOST_RUNS

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RunsPerVisit: TypeAlias = Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="Inferences per visit.")]


def hot_sentence(dropped: int) -> str:
    """Returns what a user is told of visits that do not count because the device was hot."""
    return f"Heat: {dropped} visits do not count, as the device was hot; they were made again once it had cooled"
