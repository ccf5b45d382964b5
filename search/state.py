"""The state of a search: its tree, the questions that wait for an answer, and what was found. It follows from the events of a journal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from collab.errors import JournalError, SyncNasError
from search.engine.tree_search import Settings, TreeSearch
from search.journals.journal import Asked, Entry, Evaluated, Failed, Same
from search.journals.record import feasible_of, record_of
from search.problems.base import Candidate, Problem
from search.results.archive import Found
from search.space import Leaf

_ROUNDED_US: Final = 0.002
"""A journal gives latencies in thousandths."""
_SHOWN: Final = 80
"""Characters of a journal's texts that an error quotes."""


@dataclass(frozen=True)
class Objective:
    """The quantity that is maximised: accuracy, times (budget / latency) ^ `latency_weight`.

    Source: Tan et al., MnasNet, CVPR 2019.
    """

    latency_weight: float = 0.0
    budget_us: float | None = None

    def __call__(self, accuracy: float, latency_us: float | None) -> float:
        if not self.latency_weight or not latency_us or not self.budget_us:
            return accuracy
        return accuracy * float((self.budget_us / latency_us) ** self.latency_weight)


@dataclass
class Status:
    """The results of a search so far."""

    evaluated: int = 0
    failed: int = 0
    found: list[Found] = field(default_factory=list)
    exhausted: bool = False
    last_reason: str = ""

    @property
    def best(self) -> Found | None:
        """The best by the objective; of equals the fastest."""
        return max(self.found, key=lambda item: (item.objective, -(item.latency_us or 0.0)), default=None)


@dataclass(frozen=True)
class Question:
    """A leaf that was asked for, by the number of the question, and the model that it stands for."""

    n: int
    leaf: Leaf
    candidate: Candidate


class SearchState:
    """Follows a search step by step: `ask` or `replay` for a question, and then one answer to it.

    Args:
        known: accuracies that are known beforehand, by strategy; answers that are replayed must be these.
        budget: the budget as it was asked for, for what is found.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        objective: Objective,
        *,
        known: Mapping[str, float] | None = None,
        budget: str = "",
    ) -> None:
        self._problem, self._objective, self._known, self._budget = problem, objective, known, budget
        self.space_record = record_of(problem)
        """The space and what can be evaluated, for a journal."""
        self.tree = TreeSearch(problem.space, feasible_of(self.space_record, problem.feasible), settings)
        self.status = Status()
        self._asked = 0
        self._waiting: dict[int, Question] = {}
        self._evaluated: dict[str, tuple[int, float]] = {}
        """By architecture: the question that it was evaluated for, and the accuracy."""

    @property
    def waiting(self) -> tuple[Question, ...]:
        """The questions without an answer, in the order in which they were asked."""
        return tuple(self._waiting[n] for n in sorted(self._waiting))

    def question(self, n: int) -> Question:
        """Returns the question of this number, which must wait for its answer."""
        return self._waiting[n]

    def ask(self) -> Question | None:
        """Returns the next question; None, and sets the status to exhausted, if nothing is left to ask."""
        leaf = self.tree.ask()
        if leaf is None:
            self.status.exhausted = True
            return None
        return self._wait_for(leaf, self._problem.candidate(leaf))

    def _wait_for(self, leaf: Leaf, candidate: Candidate) -> Question:
        question = Question(self._asked, leaf, candidate)
        self._waiting[question.n] = question
        self._asked += 1
        return question

    def evaluated_for(self, question: Question) -> int | None:
        """Returns the number of the question for which this one's architecture was evaluated; None if it was not."""
        first, _ = self._evaluated.get(question.candidate.key, (None, 0.0))
        return first

    def accept(self, question: Question, accuracy: float) -> None:
        """Takes the accuracy of an evaluation for an answer."""
        self._evaluated[question.candidate.key] = (question.n, accuracy)
        self.status.evaluated += 1
        self._answer(question, accuracy)

    def repeat(self, question: Question) -> None:
        """Takes the accuracy of an earlier evaluation of the same architecture for an answer."""
        self._answer(question, self._evaluated[question.candidate.key][1])

    def reject(self, question: Question, reason: str) -> None:
        """Takes the failure of an evaluation for an answer."""
        self.tree.fail(question.leaf)
        self.status.failed += 1
        self.status.last_reason = reason
        del self._waiting[question.n]

    def _answer(self, question: Question, accuracy: float) -> None:
        made = question.candidate
        objective = self._objective(accuracy, made.latency_us)
        self.tree.tell(question.leaf, objective)
        self.status.found.append(
            Found(made.strategy, accuracy, objective, made.placement, made.config, made.latency_us, self._budget, made.widths)
        )
        del self._waiting[question.n]

    def replay(self, entry: Entry, line: str) -> None:
        """Carries one event of a journal out again, if all that it says is what is computed now.

        Args:
            line: names the event in errors: the journal's path and the line's number.

        Raises:
            JournalError: it says something else, or does not follow from the events before it.
        """
        if isinstance(entry, Asked):
            self._replay_question(entry, line)
        else:
            self._replay_answer(entry, line)

    def _replay_question(self, entry: Asked, line: str) -> None:
        if entry.n != self._asked or not self._problem.space.holds(entry.leaf):
            raise _unlike(line, f"question {entry.n} does not follow from what stands before it")
        if not self.tree.is_open(entry.leaf):
            raise _unlike(line, f"question {entry.n} is of a leaf that was asked before, or that cannot be evaluated")
        try:
            candidate = self._problem.candidate(entry.leaf)
        except SyncNasError as error:
            raise _unlike(line, f"question {entry.n} is of no model that can be evaluated ({error})") from error
        _compare(entry, candidate, line)
        self.tree.begin(entry.leaf)
        self._wait_for(entry.leaf, candidate)

    def _replay_answer(self, entry: Evaluated | Failed | Same, line: str) -> None:
        if entry.n not in self._waiting:
            mistake = "has an answer already" if entry.n < self._asked else "has an answer, but was not asked"
            raise _unlike(line, f"question {entry.n} {mistake}")
        question = self._waiting[entry.n]
        if entry.leaf != question.leaf:
            raise _unlike(line, f"question {entry.n} was of another leaf")
        strategy = question.candidate.strategy
        _compare(entry, question.candidate, line)
        first = self.evaluated_for(question)
        if isinstance(entry, Failed):
            self.reject(question, entry.reason)
        elif isinstance(entry, Same):
            if first is None or entry.of != first:
                raise _unlike(line, f"question {entry.n} repeats question {entry.of}, which has not evaluated its architecture")
            self.repeat(question)
        else:
            if first is not None:
                raise _unlike(line, f"question {entry.n} is of the architecture that question {first} has evaluated already")
            if self._known is not None and self._known.get(strategy) != entry.accuracy:
                raise _unlike(line, f"{strategy} has accuracy {entry.accuracy}, in the table {self._known.get(strategy)}")
            self.accept(question, entry.accuracy)


def _unlike(line: str, mistake: str) -> JournalError:
    return JournalError(
        f"{line}: {mistake}; begin the search again in another folder, or put back a copy of the journal that was not altered"
    )


def _compare(entry: Entry, candidate: Candidate, line: str) -> None:
    """Refuses a line that tells of another model than its leaf stands for.

    Raises:
        JournalError: it does.
    """
    if entry.strategy != candidate.strategy:
        raise _unlike(line, f"its leaf is {candidate.strategy}, not {entry.strategy[:_SHOWN]}")
    if not isinstance(entry, Asked | Evaluated):
        return
    placement = None if candidate.placement is None else candidate.placement.text
    if entry.placement != placement:
        raise _unlike(line, f"{candidate.strategy} is placed {placement}, not {str(entry.placement)[:_SHOWN]}")
    told_us, us = entry.latency_us or 0.0, candidate.latency_us or 0.0
    if not math.isclose(told_us, us, rel_tol=1e-6, abs_tol=_ROUNDED_US):
        raise _unlike(line, f"{candidate.strategy} takes {us:.3f} us by the tables, not {told_us:.3f}")
    if isinstance(entry, Asked) and entry.widths is not None and entry.widths != candidate.widths:
        raise _unlike(line, f"{candidate.strategy} has other widths by the tables")
