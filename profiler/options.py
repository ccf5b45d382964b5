"""The options and sentences that the profiler's commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from android_harness.protocol.phases import MOST_RUNS
from collab.options import EXPERT, option, whole

RunsPerVisit: TypeAlias = Annotated[int, whole(least=1, most=MOST_RUNS, panel=EXPERT, help="Inferences per visit.")]
FailAbove: TypeAlias = Annotated[
    str,
    option(
        "--fail-above", value="SHARE", help="End with status 1 if the prediction is off by more than this, corrected for drift, e.g. 5%."
    ),
]


def hot_sentence(dropped: int) -> str:
    """Returns what a user is told of visits that do not count because the device was hot."""
    return f"Heat: {dropped} visits do not count, as the device was hot; they were made again once it had cooled"
