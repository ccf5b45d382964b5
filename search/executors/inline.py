"""Evaluations in the search's own process, one at a time."""

from __future__ import annotations

from collections import deque

from search.evaluators.base import Evaluator, Query
from search.executors.base import EvaluationOutcome, evaluated


class InlineExecutor:
    """Evaluates one query after the other, when its outcome is asked for; implements `search.executors.base.Executor`."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._waiting: deque[tuple[int, Query]] = deque()

    @property
    def slots(self) -> int:
        return 1

    def submit(self, n: int, query: Query) -> None:
        self._waiting.append((n, query))

    def next(self) -> EvaluationOutcome:
        return evaluated(self._evaluator, *self._waiting.popleft())

    def close(self) -> None:
        self._waiting.clear()
