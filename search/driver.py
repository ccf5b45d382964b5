"""The search itself: asks the tree, has evaluated, tells the tree, and writes all of it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from collab.model import ModelConfig
from search.engine.tree_search import Settings
from search.evaluators.base import EvaluationError, Query, Setting
from search.executors.base import EvaluationOutcome, Executor
from search.journals.journal import JOURNAL_FILE, SearchJournal
from search.problems.base import Candidate, Problem
from search.state import Objective, Question, SearchState, Status

_HOPELESS: Final = 5
"""Failures in a row that, before anything could be evaluated, end a search: the evaluator is wrong, not the strategies."""


class Search:
    """One search in one folder; `run` carries it on to the wanted number of evaluations.

    Args:
        header: settings that alter what is found; a resumed journal must say the same.
        inputs: the SHA-256 of each file, or set of files, that the search is made out of; likewise.
        known: accuracies that are known beforehand, by strategy; a resumed journal must say the same.
        base: the base model on a device, which the journal holds so that what was found can be drawn without the tables.

    Raises:
        JournalError: the folder's journal is damaged, or of another search.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        objective: Objective,
        folder: Path,
        header: Mapping[str, Setting],
        *,
        inputs: Mapping[str, str] | None = None,
        known: Mapping[str, float] | None = None,
        base: ModelConfig | None = None,
        budget: str = "",
    ) -> None:
        self._settings = settings
        self._state = SearchState(problem, settings, objective, known=known, budget=budget)
        self._followers: dict[str, list[Question]] = {}
        """By architecture that is being evaluated: other questions that wait for it."""
        path = folder / JOURNAL_FILE
        self._journal = SearchJournal(path, header, inputs or {}, self._state.space_record, base=None if base is None else base.document)
        try:
            for number, entry in enumerate(self._journal.entries, start=2):
                self._state.replay(entry, f"{path}: line {number}")
        except BaseException:
            self.close()
            raise
        self._unfinished = list(self._state.waiting)
        self.resumed = self.status.evaluated
        """How many evaluations the journal held when the search began."""

    @property
    def status(self) -> Status:
        """The progress of the search."""
        return self._state.status

    @property
    def feasible_leaves(self) -> int | None:
        """Number of leaves that can be evaluated; None where there are too many to count."""
        return self._state.tree.feasible_leaves

    def run(self, executor: Executor, evaluations: int, on_change: Callable[[Status], None] = lambda _: None) -> None:
        """Goes on until so many evaluations have succeeded, or nothing is left to evaluate.

        Raises:
            EvaluationError: the first evaluations all failed.
        """
        pending: set[int] = set()
        for question in self._unfinished:
            self._submit(executor, question, pending)
        self._unfinished = []
        while True:
            while len(pending) < executor.slots and self.status.evaluated + len(pending) < evaluations and not self.status.exhausted:
                self._ask(executor, pending)
                on_change(self.status)
            if not pending:
                return
            outcome = executor.next()
            pending.discard(outcome.n)
            self._note(outcome)
            on_change(self.status)

    def close(self) -> None:
        self._journal.close()

    def _ask(self, executor: Executor, pending: set[int]) -> None:
        question = self._state.ask()
        if question is not None:
            widths = {"widths": question.candidate.widths} if self._journal.holds_widths else {}
            self._write("asked", question, **_on_device(question.candidate), **widths)
            self._submit(executor, question, pending)

    def _submit(self, executor: Executor, question: Question, pending: set[int]) -> None:
        """Has a question evaluated, unless its architecture was, or is being, evaluated for another one."""
        made = question.candidate
        first = self._state.evaluated_for(question)
        if first is not None:
            self._write("same", question, of=first)
            self._state.repeat(question)
        elif made.key in self._followers:
            self._followers[made.key].append(question)
        else:
            self._followers[made.key] = []
            executor.submit(question.n, Query(made.strategy, made.config, self._settings.seed))
            pending.add(question.n)

    def _note(self, outcome: EvaluationOutcome) -> None:
        """Writes an outcome down and answers its question, and those that wait for the same architecture."""
        question = self._state.question(outcome.n)
        followers = self._followers.pop(question.candidate.key)
        if outcome.accuracy is None:
            for failed in (question, *followers):
                self._write("failed", failed, reason=outcome.reason)
                self._state.reject(failed, outcome.reason)
            if not self.status.evaluated and self.status.failed >= _HOPELESS:
                raise EvaluationError(f"the first {self.status.failed} evaluations all failed, the last one so: {outcome.reason}")
            return
        seconds = round(outcome.seconds, 3)
        self._write("evaluated", question, accuracy=outcome.accuracy, **_on_device(question.candidate), seconds=seconds)
        self._state.accept(question, outcome.accuracy)
        for follower in followers:
            self._write("same", follower, of=outcome.n)
            self._state.repeat(follower)

    def _write(self, event: str, question: Question, **values: object) -> None:
        self._journal.write(event, question.n, question.leaf, strategy=question.candidate.strategy, **values)


def _on_device(candidate: Candidate) -> dict[str, object]:
    """Returns what a journal says of a candidate that has widths: its placement and latency."""
    if candidate.placement is None or candidate.latency_us is None:
        return {}
    return {"placement": candidate.placement.text, "latency_us": round(candidate.latency_us, 3)}
