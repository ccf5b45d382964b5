"""The search itself: asks the tree, has evaluated, tells the tree, and writes all of it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from collab.errors import JournalError
from search.archive import Found
from search.evaluators.base import EvaluationError, Query
from search.executors import Executor, Outcome
from search.journal import JOURNAL_FILE, Entry, SearchJournal, read_journal
from search.mcts import Settings, TreeSearch
from search.problem import Candidate, Problem
from search.space import Leaf

_HOPELESS: Final = 5
"""So many failures in a row, before anything could be evaluated, end a search: the evaluator is wrong, not the strategies."""


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
        header: what the journal says is searched; a resumed journal must say the same.

    Raises:
        JournalError: the folder's journal is damaged, or of another search.
    """

    def __init__(
        self, problem: Problem, settings: Settings, objective: Objective, folder: Path, header: Mapping[str, Any], *, budget: str = ""
    ) -> None:
        self._problem, self._objective, self._settings, self._budget = problem, objective, settings, budget
        self._tree = TreeSearch(problem.space, problem.feasible, settings)
        self.status = Status()
        self._asked = 0
        self._candidates: dict[int, tuple[Leaf, Candidate]] = {}
        self._evaluated: dict[str, tuple[int, float]] = {}
        """By architecture: the question it was evaluated for, and the accuracy."""
        self._followers: dict[str, list[int]] = {}
        """By architecture that is being evaluated: other questions that wait for it."""
        path = folder / JOURNAL_FILE
        exists = path.exists()
        entries = self._read(path, header) if exists else []
        self._journal = SearchJournal(path, header, exists=exists)
        for entry in entries:
            self._replay(path, entry)
        self._unfinished = sorted(self._candidates)
        self.resumed = self.status.evaluated
        """How many evaluations the journal held when the search began."""

    @staticmethod
    def _read(path: Path, header: Mapping[str, Any]) -> list[Entry]:
        kept, entries = read_journal(path)
        for key, value in header.items():
            if kept.get(key) != value:
                raise JournalError(
                    f"{path} is of another search: its {key} is {kept.get(key)!r}, now it is {value!r};"
                    " ask for the same, or name another --out"
                )
        return entries

    @property
    def feasible_leaves(self) -> int | None:
        """How many leaves can be evaluated; None where there are too many to count."""
        return self._tree.feasible_leaves

    def _replay(self, path: Path, entry: Entry) -> None:
        """Carries one event of the journal out again."""
        if entry.event == "asked":
            if entry.n != self._asked or len(entry.leaf) != len(self._problem.space.options):
                raise JournalError(f"{path}: question {entry.n} does not follow from what stands before it")
            self._asked += 1
            self._tree.begin(entry.leaf)
            self._candidates[entry.n] = (entry.leaf, self._problem.candidate(entry.leaf))
            return
        if entry.n not in self._candidates:
            raise JournalError(f"{path}: question {entry.n} has an answer, but was not asked")
        leaf, candidate = self._candidates[entry.n]
        if entry.event == "evaluated":
            self._accept(entry.n, leaf, candidate, float(entry.values["accuracy"]))
        elif entry.event == "same":
            self._repeat(entry.n, leaf, candidate)
        else:
            self._reject(entry.n, leaf, str(entry.values.get("reason", "")))

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
        if candidate.key not in self._evaluated:
            raise JournalError(f"question {n} repeats an architecture that was not evaluated before")
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


def _on_device(candidate: Candidate) -> dict[str, object]:
    """What a journal says of a candidate that has widths."""
    if candidate.placement is None or candidate.latency_us is None:
        return {}
    return {"placement": candidate.placement.text, "latency_us": round(candidate.latency_us, 3)}
