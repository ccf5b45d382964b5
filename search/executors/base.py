"""The protocol of executors, which carry evaluations out: small, so that any place for them can be plugged in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from collab.errors import SyncNasError
from search.evaluators.base import MAX_ACCURACY, Evaluator, Query


@dataclass(frozen=True)
class EvaluationOutcome:
    """The end of the evaluation for question `n`: an accuracy, or None and a reason; it took `seconds`."""

    n: int
    accuracy: float | None
    reason: str
    seconds: float


class Executor(Protocol):
    """Carries evaluations out, in any order."""

    @property
    def slots(self) -> int:
        """Number of evaluations that go on at once."""

    def submit(self, n: int, query: Query) -> None:
        """Begins an evaluation; its outcome has the same n."""

    def next(self) -> EvaluationOutcome:
        """Waits for the next outcome of what was submitted and returns it."""

    def close(self) -> None:
        """Ends what is still going on."""


def evaluated(evaluator: Evaluator, n: int, query: Query) -> EvaluationOutcome:
    """Carries out one evaluation and returns how it ended. An error that the evaluator raises, expected or a bug, is such an outcome."""
    begin = time.monotonic()
    try:
        accuracy = float(evaluator.evaluate(query))
    except SyncNasError as error:
        return EvaluationOutcome(n, None, str(error), time.monotonic() - begin)
    except Exception as error:  # noqa: BLE001 - an evaluator is a plug-in: one strategy's bug must not end a search of days
        return EvaluationOutcome(n, None, f"{type(error).__name__}: {error}", time.monotonic() - begin)
    if not abs(accuracy) <= MAX_ACCURACY:
        reason = f"the evaluator gave {accuracy}, which is no finite number within {MAX_ACCURACY:g}"
        return EvaluationOutcome(n, None, reason, time.monotonic() - begin)
    return EvaluationOutcome(n, accuracy, "", time.monotonic() - begin)
