"""The tree that a search has grown, out of its journal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from collab.config import SYNCS, from_document
from collab.errors import ConfigError, JournalError
from collab.model import ModelConfig
from collab.wording.commands import command_named
from search.engine.pool import Feasible
from search.engine.tree_search import ChildStatistics, Settings
from search.journals.journal import JOURNAL_FILE, Entry, Evaluated, Header, Same, number_setting, read_journal, text_setting, whole_setting
from search.journals.recorded import RecordedProblem
from search.results.archive import Found
from search.space import Leaf, Space
from search.state import Objective, SearchState, Status


@dataclass(frozen=True)
class Level:
    """The children of one node on a path. `prefix` are the decisions above it, `chosen` the one with which the path goes on, if it does."""

    prefix: Leaf
    children: tuple[ChildStatistics, ...]
    chosen: int | None


class GrownTree:
    """The tree of a search as its journal has it; the journal may be that of a search that is under way.

    Args:
        feasible: which leaves can be evaluated, for a space that is so large that the journal does not say it.

    Raises:
        JournalError: there is no journal, or it is not what a search writes.
    """

    def __init__(self, path: Path, header: Header, entries: list[Entry], *, feasible: Feasible | None = None) -> None:
        self.header = header
        try:
            self.base = None if header.base is None else _base(header)
            self._problem = RecordedProblem(header.space, entries, base=self.base, feasible=feasible)
            self.settings = Settings(seed=whole_setting(header, "seed"), method=text_setting(header, "method"))
        except ConfigError as error:
            raise JournalError(f"{path}: line 1 tells of no search that can be explained ({error})") from error
        objective = Objective(number_setting(header, "latency_weight", 0.0), _budget_us(header))
        state = SearchState(self._problem, self.settings, objective, budget=text_setting(header, "budget", ""))
        for number, entry in enumerate(entries, start=2):
            state.replay(entry, f"{path}: line {number}")
        self._state = state
        # Every answer with an accuracy has found something, in the same order.
        answered = (entry.leaf for entry in entries if isinstance(entry, Evaluated | Same))
        self._found = list(zip(answered, state.status.found, strict=True))

    @property
    def space(self) -> Space:
        """All leaves, feasible or not."""
        return self._problem.space

    @property
    def status(self) -> Status:
        """The progress of the search."""
        return self._state.status

    @property
    def feasible_leaves(self) -> int | None:
        """Number of leaves that can be evaluated; None where the space is too large to tell."""
        return self._state.tree.feasible_leaves

    @property
    def under_way(self) -> int:
        """Number of questions without an answer."""
        return len(self._state.waiting)

    @property
    def knows_priors(self) -> bool:
        """Whether it is known what can be evaluated, without which there are no priors."""
        return self._problem.is_complete

    def prefix(self, letters: str) -> Leaf:
        """Returns the decisions of the letters of a path.

        Raises:
            ConfigError: no strategy begins with them, or nothing is left to decide beneath.
        """
        prefix = tuple(SYNCS.index(letter) if letter in SYNCS else -1 for letter in letters)
        stages = self.space.stages
        options = self.space.options
        if len(prefix) > stages or any(value not in options[place] for place, value in enumerate(prefix)):
            raise ConfigError(f"--path {letters[:60]}: no strategy begins so; give one of n, a, c for each of up to {stages} stages")
        if all(len(each) == 1 for each in options[len(prefix) :]):
            raise ConfigError(f"--path {letters}: is a whole strategy, beneath which nothing is decided; leave its last letters out")
        return prefix

    def best_beneath(self, prefix: Leaf) -> tuple[Leaf, Found] | None:
        """Returns the best leaf of those beneath a prefix that were evaluated, and what was found there; None if there is none."""
        beneath = [(leaf, found) for leaf, found in self._found if leaf[: len(prefix)] == prefix]
        return max(beneath, key=lambda item: (item[1].objective, -(item[1].latency_us or 0.0)), default=None)

    def levels(self, prefix: Leaf) -> list[Level]:
        """Returns the children of the node of a prefix, and of all nodes from there on to the best leaf beneath.

        Decisions that have one option only are left out.
        """
        best = self.best_beneath(prefix)
        whole = prefix if best is None else best[0]
        deepest = len(prefix) if best is None else len(self.space.options) - 1
        levels = []
        for depth in range(len(prefix), deepest + 1):
            if len(self.space.options[depth]) > 1:
                children = self._state.tree.explain(whole[:depth])
                if depth == len(self.space.options) - 1:
                    children = tuple(self._with_evaluation((*whole[:depth], child.value), child) for child in children)
                if not self.knows_priors:
                    children = tuple(replace(child, prior=None, score=None) for child in children)
                levels.append(Level(whole[:depth], children, whole[depth] if depth < len(whole) else None))
        return levels

    def _with_evaluation(self, leaf: Leaf, child: ChildStatistics) -> ChildStatistics:
        """Returns a child that is a leaf with its own evaluation, of which the tree only keeps a note in the nodes above."""
        objectives = [found.objective for each, found in self._found if each == leaf]
        in_flight = sum(question.leaf == leaf for question in self._state.waiting)
        if not objectives:
            return replace(child, in_flight=in_flight)
        return replace(child, visits=len(objectives), in_flight=in_flight, mean=objectives[0], best=objectives[0])

    def placement(self, number: int) -> str:
        """Returns the placement that a decision stands for; its number if none of its leaves was evaluated."""
        named = (found.placement for leaf, found in self._found if leaf[-1] == number and found.placement is not None)
        return next((placement.text for placement in named), f"placement {number}")


def _budget_us(header: Header) -> float | None:
    return number_setting(header, "budget_us") if header.settings.get("budget_us") is not None else None


def _base(header: Header) -> ModelConfig:
    """Returns the base model that a header holds.

    Raises:
        ConfigError: it is none, or not the one that the header's digest is of.
    """
    base = from_document(header.base, origin="base")
    if base.sha256 != header.inputs.get("base"):
        raise ConfigError("base: is not the one that the inputs tell of")
    return base


def journals_in(folder: Path) -> list[Path]:
    """Returns the journals of a search's folder: its own, or one for each budget.

    Raises:
        JournalError: there is none.
    """
    own = folder / JOURNAL_FILE
    found = [own] if own.exists() else sorted(folder.glob(f"*/{JOURNAL_FILE}"))
    if not found:
        raise JournalError(f"{folder} holds no search; name the folder that {command_named('search')} was given with --out")
    return found


def read_tree(path: Path, *, feasible: Feasible | None = None) -> GrownTree:
    """Reads a journal and grows its tree again.

    Raises:
        JournalError: there is no journal, or it is not what a search writes.
    """
    header, entries = read_journal(path)
    return GrownTree(path, header, entries, feasible=feasible)
