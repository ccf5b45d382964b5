"""The search itself: asks the tree, has evaluated, tells the tree, and writes all of it down."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collab.errors import JournalError, SyncNasError
from search.archive import Found
from search.evaluators.base import EvaluationError, Query
from search.executors import Executor, Outcome
from search.journal import JOURNAL_FILE, Asked, Entry, Evaluated, Failed, Same, SearchJournal, Setting
from search.problem import Candidate, Problem
from search.space import Leaf
from search.tree_search import Settings, TreeSearch

_HOPELESS: Final = 5
"""So many failures in a row, before anything could be evaluated, end a search: the evaluator is wrong, not the strategies."""
_ROUNDED_US: Final = 0.002
"""A journal gives latencies in thousandths."""
_SHOWN: Final = 80


@dataclass(frozen=True)
class Objective:
    """What is maximised: accuracy, times (budget / latency) ^ `latency_weight` (the form of Tan et al., MnasNet, CVPR 2019)."""

    latency_weight: float = 0.0
    budget_us: float | None = None

    def __call__(self, accuracy: float, latency_us: float | None) -> float:
        if not self.latency_weight or not latency_us or not self.budget_us:
            return accuracy
        return accuracy * float((self.budget_us / latency_us) ** self.latency_weight)


@dataclass
class Status:
    """How far a search is."""

    evaluated: int = 0
    failed: int = 0
    found: list[Found] = field(default_factory=list)
    exhausted: bool = False
    last_reason: str = ""

    @property
    def best(self) -> Found | None:
        """By the objective; of equals the fastest."""
        return max(self.found, key=lambda item: (item.objective, -(item.latency_us or 0.0)), default=None)


class Search:
    """One search in one folder; `run` carries it on to the wanted number of evaluations.

    Args:
        header: settings that alter what is found; a resumed journal must say the same.
        inputs: the SHA-256 of each file, or set of files, that the search is made out of; likewise.
        known: accuracies that are known beforehand, by strategy; a resumed journal must say the same.

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
        budget: str = "",
    ) -> None:
        self._problem, self._objective, self._settings, self._budget = problem, objective, settings, budget
        self._known = known
        self._tree = TreeSearch(problem.space, problem.feasible, settings)
        self.status = Status()
        self._asked = 0
        self._candidates: dict[int, tuple[Leaf, Candidate]] = {}
        self._evaluated: dict[str, tuple[int, float]] = {}
        """By architecture: the question it was evaluated for, and the accuracy."""
        self._followers: dict[str, list[int]] = {}
        """By architecture that is being evaluated: other questions that wait for it."""
        path = folder / JOURNAL_FILE
        self._journal = SearchJournal(path, header, inputs or {})
        try:
            for number, entry in enumerate(self._journal.entries, start=2):
                self._replay(entry, f"{path}: line {number}")
        except BaseException:
            self.close()
            raise
        self._unfinished = sorted(self._candidates)
        self.resumed = self.status.evaluated
        """How many evaluations the journal held when the search began."""

    @property
    def feasible_leaves(self) -> int | None:
        """How many leaves can be evaluated; None where there are too many to count."""
        return self._tree.feasible_leaves

    def _replay(self, entry: Entry, line: str) -> None:
        """Carries one event of the journal out again, if all that it says is what is computed now.

        Raises:
            JournalError: it is not, or does not follow from the events before it.
        """
        if not isinstance(entry, Asked) or isinstance(entry, Evaluated):
            self._replay_answer(entry, line)
            return
        if entry.n != self._asked or not self._problem.space.holds(entry.leaf):
            raise _unlike(line, f"question {entry.n} does not follow from what stands before it")
        if not self._tree.is_open(entry.leaf):
            raise _unlike(line, f"question {entry.n} is of a leaf that was asked before, or that cannot be evaluated")
        try:
            candidate = self._problem.candidate(entry.leaf)
        except SyncNasError as error:
            raise _unlike(line, f"question {entry.n} is of no model that can be evaluated ({error})") from error
        _compare(entry, candidate, line)
        self._asked += 1
        self._tree.begin(entry.leaf)
        self._candidates[entry.n] = (entry.leaf, candidate)

    def _replay_answer(self, entry: Evaluated | Failed | Same, line: str) -> None:
        if entry.n not in self._candidates:
            what = "has an answer already" if entry.n < self._asked else "has an answer, but was not asked"
            raise _unlike(line, f"question {entry.n} {what}")
        leaf, candidate = self._candidates[entry.n]
        if entry.leaf != leaf:
            raise _unlike(line, f"question {entry.n} was of another leaf")
        _compare(entry, candidate, line)
        first, _ = self._evaluated.get(candidate.key, (None, 0.0))
        if isinstance(entry, Failed):
            self._reject(entry.n, leaf, entry.reason)
        elif isinstance(entry, Same):
            if first is None or entry.of != first:
                raise _unlike(line, f"question {entry.n} repeats question {entry.of}, which has not evaluated its architecture")
            self._repeat(entry.n, leaf, candidate)
        else:
            if first is not None:
                raise _unlike(line, f"question {entry.n} is of the architecture that question {first} has evaluated already")
            if self._known is not None and self._known.get(candidate.strategy) != entry.accuracy:
                raise _unlike(line, f"{candidate.strategy} has accuracy {entry.accuracy}, in --table {self._known.get(candidate.strategy)}")
            self._accept(entry.n, leaf, candidate, entry.accuracy)

    def run(self, executor: Executor, evaluations: int, on_change: Callable[[Status], None] = lambda _: None) -> None:
        """Goes on until so many evaluations have succeeded, or nothing is left to evaluate.

        Raises:
            EvaluationError: the first evaluations all failed.
        """
        pending: set[int] = set()
        for n in self._unfinished:
            self._submit(executor, n, pending)
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
        leaf = self._tree.ask()
        if leaf is None:
            self.status.exhausted = True
            return
        n = self._asked
        self._asked += 1
        candidate = self._problem.candidate(leaf)
        self._candidates[n] = (leaf, candidate)
        self._journal.write("asked", n, leaf, strategy=candidate.strategy, **_on_device(candidate))
        self._submit(executor, n, pending)

    def _submit(self, executor: Executor, n: int, pending: set[int]) -> None:
        leaf, candidate = self._candidates[n]
        if candidate.key in self._evaluated:
            self._journal.write("same", n, leaf, strategy=candidate.strategy, of=self._evaluated[candidate.key][0])
            self._repeat(n, leaf, candidate)
        elif candidate.key in self._followers:
            self._followers[candidate.key].append(n)
        else:
            self._followers[candidate.key] = []
            executor.submit(n, Query(candidate.strategy, candidate.config, self._settings.seed))
            pending.add(n)

    def _note(self, outcome: Outcome) -> None:
        leaf, candidate = self._candidates[outcome.n]
        followers = self._followers.pop(candidate.key)
        if outcome.accuracy is None:
            for n in (outcome.n, *followers):
                other, same = self._candidates[n]
                self._journal.write("failed", n, other, strategy=same.strategy, reason=outcome.reason)
                self._reject(n, other, outcome.reason)
            if not self.status.evaluated and self.status.failed >= _HOPELESS:
                raise EvaluationError(f"the first {self.status.failed} evaluations all failed, the last one so: {outcome.reason}")
            return
        described = {"strategy": candidate.strategy, "accuracy": outcome.accuracy, **_on_device(candidate)}
        self._journal.write("evaluated", outcome.n, leaf, **described, seconds=round(outcome.seconds, 3))
        self._accept(outcome.n, leaf, candidate, outcome.accuracy)
        for n in followers:
            other, same = self._candidates[n]
            self._journal.write("same", n, other, strategy=same.strategy, of=outcome.n)
            self._repeat(n, other, same)

    def _accept(self, n: int, leaf: Leaf, candidate: Candidate, accuracy: float) -> None:
        self._evaluated[candidate.key] = (n, accuracy)
        self.status.evaluated += 1
        self._tell(n, leaf, candidate, accuracy)

    def _repeat(self, n: int, leaf: Leaf, candidate: Candidate) -> None:
        self._tell(n, leaf, candidate, self._evaluated[candidate.key][1])

    def _tell(self, n: int, leaf: Leaf, candidate: Candidate, accuracy: float) -> None:
        objective = self._objective(accuracy, candidate.latency_us)
        self._tree.tell(leaf, objective)
        self.status.found.append(
            Found(candidate.strategy, accuracy, objective, candidate.placement, candidate.config, candidate.latency_us, self._budget)
        )
        del self._candidates[n]

    def _reject(self, n: int, leaf: Leaf, reason: str) -> None:
        self._tree.fail(leaf)
        self.status.failed += 1
        self.status.last_reason = reason
        del self._candidates[n]


def _unlike(line: str, what: str) -> JournalError:
    return JournalError(f"{line}: {what}; begin the search again in another folder, or put back a copy of the journal that was not altered")


def _compare(entry: Entry, candidate: Candidate, line: str) -> None:
    """Whether a line tells of the model that its leaf stands for.

    Raises:
        JournalError: it tells of another.
    """
    if entry.strategy != candidate.strategy:
        raise _unlike(line, f"its leaf is {candidate.strategy}, not {entry.strategy[:_SHOWN]}")
    if not isinstance(entry, Asked):
        return
    placement = None if candidate.placement is None else candidate.placement.text
    if entry.placement != placement:
        raise _unlike(line, f"{candidate.strategy} is placed {placement}, not {str(entry.placement)[:_SHOWN]}")
    told_us, us = entry.latency_us or 0.0, candidate.latency_us or 0.0
    if not math.isclose(told_us, us, rel_tol=1e-6, abs_tol=_ROUNDED_US):
        raise _unlike(line, f"{candidate.strategy} takes {us:.3f} us by the tables, not {told_us:.3f}")


def _on_device(candidate: Candidate) -> dict[str, object]:
    """What a journal says of a candidate that has widths."""
    if candidate.placement is None or candidate.latency_us is None:
        return {}
    return {"placement": candidate.placement.text, "latency_us": round(candidate.latency_us, 3)}
