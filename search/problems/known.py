"""Problems of which only strategies with known accuracies can be evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collab.config import SYNCS
from collab.errors import ConfigError
from lut.prediction.replay import Ints
from search.problems.base import Candidate, InfeasibleError, Problem
from search.space import Leaf, Space


class _KnownStrategies:
    """A set of strategies of equal length."""

    def __init__(self, strategies: Sequence[str]) -> None:
        letters = np.array([[SYNCS.index(letter) for letter in strategy] for strategy in strategies], np.int64)
        self._codes = np.sort(self._code(letters)) if len(strategies) else np.zeros(0, np.int64)

    @staticmethod
    def _code(letters: Ints) -> Ints:
        """Returns a number (R,) for each row of letters (R, S), equal for equal rows only."""
        code: Ints = letters @ (len(SYNCS) ** np.arange(letters.shape[1]))
        return code

    def holds(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        """Returns which of (R, decisions) leaves are of a strategy of the set, (R,)."""
        found: npt.NDArray[np.bool_] = np.isin(self._code(leaves[:, :-1]), self._codes)
        return found


class StrategyTable:
    """Strategies whose accuracies are known, and nothing else: every other one is infeasible.

    Raises:
        InfeasibleError: there is none.
        ConfigError: they differ in length, or have letters that are none.
    """

    def __init__(self, strategies: Sequence[str]) -> None:
        if not strategies:
            raise InfeasibleError("the table holds no strategy")
        lengths = {len(strategy) for strategy in strategies}
        if len(lengths) > 1:
            raise ConfigError(f"the table's strategies have different lengths: {', '.join(map(str, sorted(lengths)))} letters")
        if strange := next((strategy for strategy in strategies if not strategy or set(strategy) - set(SYNCS)), None):
            raise ConfigError(f"'{strange}' is no strategy; one of the letters {', '.join(SYNCS)} for each stage")
        letters = [sorted({SYNCS.index(strategy[place]) for strategy in strategies}) for place in range(lengths.pop())]
        self._space = Space((*map(tuple, letters), (0,)))
        self._known = _KnownStrategies(strategies)

    @property
    def space(self) -> Space:
        return self._space

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        return self._known.holds(leaves)

    def candidate(self, leaf: Leaf) -> Candidate:
        strategy = self._space.strategy(leaf)
        return Candidate(strategy, strategy)

    def why_not(self, leaf: Leaf) -> str:
        return f"{self._space.strategy(leaf)}: not in the table"


class Restricted:
    """Another problem, of which only the strategies in `known` can be evaluated."""

    def __init__(self, problem: Problem, known: frozenset[str]) -> None:
        self._problem = problem
        self._known = _KnownStrategies([strategy for strategy in known if len(strategy) == problem.space.stages])

    @property
    def space(self) -> Space:
        return self._problem.space

    def feasible(self, leaves: Ints) -> npt.NDArray[np.bool_]:
        found = self._problem.feasible(leaves)
        found[found] = self._known.holds(leaves[found])
        return found

    def candidate(self, leaf: Leaf) -> Candidate:
        return self._problem.candidate(leaf)

    def why_not(self, leaf: Leaf) -> str:
        return self._problem.why_not(leaf)
